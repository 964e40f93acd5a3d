"""What a detector is: parameters a person writes, rows they compile to, and one loop over facts.

A detector's class says what it is called, whose alerts it raises and what it keeps; the engine gives every
detector the same `Facts` and takes findings. `CONTRIBUTING.md` shows how to add one.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from domain.kernels import Records, inlined
from domain.output import Causes, Output
from domain.site import Document


class Parameters(Document):
    """Base of a detector's parameters; every field has a default."""


P = TypeVar("P", bound=Parameters)


@dataclass(frozen=True, slots=True)
class Context:
    """What parameters may be compiled against.

    `zone_codes` gives the code of a zone's id, `parents` the code around a zone's code, `areas_m2` the area
    of a zone's code (0: not known), and `calendars` the number of a calendar's name.
    """

    zone_codes: Mapping[str, int]
    parents: Sequence[int]
    areas_m2: Mapping[int, float]
    calendars: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Hours:
    """Working intervals of all calendars: calendar c has rows bounds[c] to bounds[c + 1] of starts and ends.

    After them stands one empty interval, which a calendar without any has for a row to begin with. `last` is
    each calendar's row last found, no more than a hint.
    """

    bounds: NDArray[np.int64]
    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    last: NDArray[np.int64]


class Facts(NamedTuple):  # one is made for every batch, in a third of the time that a frozen dataclass takes
    """What happened in a batch, in the order decided, and the tables that give it meaning.

    `denials` names the rows of the signals that are denied readings, `alarms` is how many alarms came; a
    level names the row of its crossing; `hours` covers every entry of the batch.
    """

    signals: Records
    denials: Records
    alarms: int
    crossings: Records
    levels: Records
    doors: Records
    people: Records
    zones: Records
    points: Records
    hours: Hours


@dataclass(frozen=True, slots=True)
class Rows:
    """A detector's compiled parameters, looked up by `chosen`.

    `which`, shape (groups, zones), names the row of a group and a zone; its one row may stand for all groups.
    """

    rows: Records
    which: NDArray[np.uint32]


class Detector(ABC, Generic[P]):
    """One detector with its state.

    `name` is the rule's name in the policy. `order` is its place among all: events of one signal stand in
    it. A new detector takes a number after all others, so that what was decided stays what is decided.
    """

    name: ClassVar[str]
    order: ClassVar[int]
    Parameters: ClassVar[type[Any]] = Parameters
    ROW: ClassVar[np.dtype[Any]] = np.dtype([("enabled", "?")], align=True)
    needs_levels: ClassVar[bool] = False
    """Whether the detector looks at levels; they are written only if one does."""
    mixed_subjects: ClassVar[bool] = False
    """Whether its alerts are now of one kind of subject, now of another: their ids then name the kind."""
    by_zone_alone: ClassVar[bool] = False
    """Whether roles and departments do not select among overrides: those of the zone hold for all."""

    def __init__(self) -> None:
        self.tables: dict[str, Any] = {}

    def configure(self, parameters: Sequence[P]) -> None:
        """Note what the policy asks: the rule's own parameters, then what each override makes of them."""

    def compile(self, parameters: P, zone: int, context: Context) -> tuple[int, ...]:  # noqa: ARG002 - a default
        """Return the row (ROW's fields in order) of these parameters for a zone's code."""
        return (1,)

    def names_used(self, parameters: P) -> Mapping[str, tuple[str, ...]]:  # noqa: ARG002 - a default
        """Return what the parameters refer to: `zones`, `calendars`; checked when a policy is loaded."""
        return {}

    @abstractmethod
    def room(self, facts: Facts) -> int:
        """Return how many findings these facts can give at the most; 0 lets the engine skip the detector."""

    @abstractmethod
    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:
        """Look at the facts; write findings, and marks as events where the rule has them.

        There is room for `room` findings and as many events; for what it writes into `causes` the detector
        makes room itself.
        """

    def grow(self, counts: Mapping[str, int]) -> None:
        """Make room for so many persons, zones, points and credentials (by those four words)."""

    def reserve(self, facts: Facts) -> None:
        """Make room for what these facts can add to the state."""


@inlined
def chosen(rows: Any, which: Any, group: int, zone: int) -> int:
    """Return the row of `Rows` that holds for a group and a zone; mostly there is but one, and no look-up."""
    return 0 if len(rows) == 1 else int(which[min(group, len(which) - 1), zone])
