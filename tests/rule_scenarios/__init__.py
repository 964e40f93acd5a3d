"""Small stories, and the events that `docs/rules.md` says follow from them, worked out by hand.

A list to parametrise over: whatever decides signals one after the other can be held against it:
`scenario.differences(events decided for scenario.log())` must be empty. Where the rules can be read in more
than one way, a scenario does not name the field in question.
"""

from .alerts_and_control import ALERTS_AND_CONTROL
from .crossings import CROSSINGS
from .deadlines_and_counts import DEADLINES_AND_COUNTS
from .detectors import DETECTORS
from .doors import DOORS
from .story import SITE_ID, Scenario
from .time_and_readings import TIME_AND_READINGS

SCENARIOS = (
    *TIME_AND_READINGS,
    *CROSSINGS,
    *DEADLINES_AND_COUNTS,
    *DOORS,
    *DETECTORS,
    *ALERTS_AND_CONTROL,
)

__all__ = ["SCENARIOS", "SITE_ID", "Scenario"]
