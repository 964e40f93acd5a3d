"""Stories about the detectors (rules.md 10)."""

from .after_hours import AFTER_HOURS
from .density import DENSITY
from .doors_and_sites import DOORS_AND_SITES
from .persons import PERSONS

DETECTORS = [*AFTER_HOURS, *DENSITY, *PERSONS, *DOORS_AND_SITES]
