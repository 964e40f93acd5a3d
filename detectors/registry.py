"""The registry: every detector, in the order in which they decide.

Add a detector at the end: an event's rule is stored by name, the state by name, so only the order counts.
Importing this compiles nothing.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Final

from detectors.after_hours import AfterHours
from detectors.anti_passback import AntiPassback
from detectors.base import Detector
from detectors.denied_streak import DeniedStreak
from detectors.density import Density
from detectors.door import DoorForced, DoorHeld
from detectors.missed_registration import MissedRegistration
from detectors.rapid_reentry import RapidReentry

DETECTORS: Final[Mapping[str, type[Detector[Any]]]] = MappingProxyType(
    {
        detector.name: detector
        for detector in (
            AfterHours,
            RapidReentry,
            Density,
            MissedRegistration,
            DeniedStreak,
            AntiPassback,
            DoorForced,
            DoorHeld,
        )
    }
)
