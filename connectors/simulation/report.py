"""What devices report, whom they refuse, and when they have no line."""

from dataclasses import dataclass
from typing import NamedTuple

from connectors.simulation.crossing import NO_INCIDENT
from domain.signal import Count, Credential
from domain.vocabulary import Action, Reason


class Report(NamedTuple):
    """What a device has to say, with the true time (UTC microseconds); `point` -1 is the device itself."""

    at_us: int
    action: Action
    device: int
    point: int = -1
    out: int = 0
    credential: Credential | None = None
    reason: Reason = Reason.NONE
    passed: Count | None = None
    incident: int = NO_INCIDENT


class Denial(NamedTuple):
    """A credential that is refused, and why."""

    credential: Credential
    reason: Reason


@dataclass(frozen=True, slots=True)
class Outage:
    """A device without a line from `start_us` (inclusive) to `end_us` (exclusive)."""

    device: int
    start_us: int
    end_us: int
    incident: int

    def holds(self, device: int, at_us: int) -> bool:
        """Tell whether this device had no line at this time."""
        return device == self.device and self.start_us <= at_us < self.end_us
