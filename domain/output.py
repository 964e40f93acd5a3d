"""What the loops write to: rows of facts for later stages, and events.

A loop fills rows from `size[0]` up and moves it on. Room is made before a loop starts, from what it can
write at the most; a loop never checks. Sizes are unsigned for the reason that codes are (`domain.records`).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import Records, inlined, records
from domain.records import ANYWHERE, CROSSING, DENIAL, DOOR_CHANGE, EVENT, FINDING, LEVEL, NO_VALUE, NONE


class Output:
    """Rows of one dtype that one batch writes; the room is kept from batch to batch."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self.rows = records(256, dtype)
        self.size: NDArray[np.uint32] = np.zeros(1, np.uint32)

    def __len__(self) -> int:
        """Return how many rows are written."""
        return int(self.size[0])

    @property
    def written(self) -> Records:
        """The rows written."""
        return self.rows[: self.size[0]]

    def reserve(self, room: int) -> None:
        """Make room for so many more rows."""
        wanted = int(self.size[0]) + room
        if wanted > len(self.rows):
            rows = records(max(wanted, 2 * len(self.rows)), self.rows.dtype)
            rows[: self.size[0]] = self.written
            self.rows = rows


class Causes:
    """The positions that events and findings refer to by first row and number."""

    def __init__(self) -> None:
        self.rows: NDArray[np.int64] = np.zeros(256, np.int64)
        self.size: NDArray[np.uint32] = np.zeros(1, np.uint32)

    def reserve(self, room: int) -> None:
        """Make room for so many more positions."""
        wanted = int(self.size[0]) + room
        if wanted > len(self.rows):
            rows = np.zeros(max(wanted, 2 * len(self.rows)), np.int64)
            rows[: self.size[0]] = self.rows[: self.size[0]]
            self.rows = rows


class Outputs:
    """Everything that the stages of one batch tell each other and the world."""

    def __init__(self) -> None:
        self.denials: Final = Output(DENIAL)
        self.crossings: Final = Output(CROSSING)
        self.levels: Final = Output(LEVEL)
        self.doors: Final = Output(DOOR_CHANGE)
        self.findings: Final = Output(FINDING)
        self.events: Final = Output(EVENT)
        self.causes: Final = Causes()
        self._all: Final = (
            self.denials, self.crossings, self.levels, self.doors, self.findings, self.events, self.causes,
        )  # fmt: skip

    def clear(self) -> None:
        """Begin a batch."""
        for output in self._all:
            output.size[0] = 0


@inlined
def emit(events: Any, size: Any, topic: int, signal: int, occurred_at: int, known_at: int) -> Any:
    """Begin the next event and return its row, everything else none."""
    event = events[size[0]]
    size[0] += 1
    event.topic = topic
    event.signal = signal
    event.occurred_at = occurred_at
    event.known_at = known_at
    event.visit = NONE
    event.alert = NONE
    event.value = NO_VALUE
    event.limit = NO_VALUE
    event.person = 0
    event.credential = 0
    event.zone = 0
    event.from_zone = 0
    event.maybe_zone = ANYWHERE
    event.point = 0
    event.from_device = 0
    event.first_cause = 0
    event.causes = 0
    event.basis = 0
    event.severity = 0
    event.rule = NONE
    event.of = 0
    event.late = False
    return event


@inlined
def find(findings: Any, size: Any, kind: int, of: int, signal: int, occurred_at: int, known_at: int) -> Any:
    """Begin the next finding and return its row, everything else none."""
    finding = findings[size[0]]
    size[0] += 1
    finding.kind = kind
    finding.of = of
    finding.signal = signal
    finding.occurred_at = occurred_at
    finding.known_at = known_at
    finding.visit = NONE
    finding.value = NO_VALUE
    finding.limit = NO_VALUE
    finding.person = 0
    finding.credential = 0
    finding.zone = 0
    finding.point = 0
    finding.first_cause = 0
    finding.causes = 0
    return finding


@inlined
def because(row: Any, causes: Any, size: Any, position: int) -> None:
    """Add a cause to an event or finding: it must be the one written last."""
    if row.causes == 0:
        row.first_cause = size[0]
    causes[size[0]] = position
    size[0] += 1
    row.causes += 1
