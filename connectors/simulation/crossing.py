"""A crossing: what somebody means to do at a point, before the doors have had their say."""

from enum import IntEnum
from typing import Final, NamedTuple

NOBODY: Final = -1
NO_INCIDENT: Final = -1


class Intent(IntEnum):
    """What happens at the point."""

    PASS = 0
    HESITATE = 1  # granted, and not gone through
    DENIED = 2
    TAILGATED = 3  # somebody else slips through behind, on the same opening
    HELD = 4  # passed, and the door left open
    FORCED = 5  # opened without a grant; nobody goes through
    REQUESTED = 6  # opened by the exit button; nobody goes through


class Crossing(NamedTuple):
    """One intent. Sorted by time.

    `at_us` is when the reading is meant to happen (UTC microseconds); `body` is the code of who is really
    there and `holder` of whose credential is used; `out` is 1 where the point leads outwards. `extra` is
    the code of the tailgater, or the place of a denial in the planner's denials. `incident` is the place
    in the truth's incidents of what this shows.
    """

    at_us: int
    intent: Intent
    body: int
    holder: int
    point: int
    out: int
    extra: int = NOBODY
    incident: int = NO_INCIDENT
