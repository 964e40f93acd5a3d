"""Recent moments by subject: how often did this happen to this one within a while?

Idea: every subject has a row with its newest moment, and a chain of those before it, newest first, in rows
that all subjects share. A new moment frees those of its subject that are too old to count, so memory follows
what happens, not who exists. Mostly the newest is too old itself: then one row is all that is touched.
"""

from typing import Annotated, Any, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from domain.kernels import Table, inlined
from domain.records import LONG_AGO
from domain.times import MINUTE_US

MOMENT: Final = np.dtype(
    [
        ("at", "i8"),  # LONG_AGO if there is none yet
        ("position", "i8"),
        ("key", "i4"),
        ("alerted", "i4"),
        ("earlier", "u4"),  # row of the subject's moment before, or 0; of a free row: the next free one
        ("spare", "i4"),  # no padding: a row's bytes are its content
    ]
)

Needed = Annotated[int, Field(ge=2, le=1000)]
"""How often something must happen within a while."""
WithinMinutes = Annotated[float, Field(gt=0, le=1440)]
"""How long that while is: 24 hours at most, for everything in it is kept."""


def within_us(within_minutes: float) -> int:
    """Return how long the while is in microseconds."""
    return round(within_minutes * MINUTE_US)


class Recent:
    """The moments of all subjects of one kind. Row 0 of `older` is none: it heads the list of free rows."""

    def __init__(self) -> None:
        self.newest = Table(MOMENT, 1, at=LONG_AGO)
        self.older = Table(MOMENT, 1)
        self.used: NDArray[np.uint32] = np.ones(1, np.uint32)

    def reserve(self, room: int) -> None:
        """Make room for so many more moments."""
        self.older.count = int(self.used[0])
        self.older.reserve(room)

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return f"{self.newest.layout} {self.older.layout}"

    def dump(self) -> tuple[bytes, bytes]:
        """Return the state as bytes: the newest moments and the older ones."""
        self.older.count = int(self.used[0])
        return self.newest.dump(), self.older.dump()

    def load(self, newest: bytes, older: bytes) -> None:
        """Replace the state by what `dump` gave."""
        self.newest.load(newest)
        self.older.load(older)
        self.used[0] = self.older.count


@inlined
def happened(
    newest: Any, older: Any, used: Any, subject: int, key: int, at: int, position: int,
    widest_us: int, within_us: int, needed: int, causes: Any, causes_size: Any,
) -> bool:  # fmt: skip
    """Record a moment; say whether it makes `needed` of this subject and key in [at - within, at].

    It does not when one of them has said so already. Where it does, the positions of the newest `needed`
    are added to `causes`, oldest first.
    """
    found = 1
    silent = False
    head = newest[subject]
    kept = head.at >= at - widest_us
    if kept and head.key == key and at - within_us <= head.at and head.at <= at:
        found += 1
        silent = head.alerted != 0
    later = 0
    row = head.earlier
    while row != 0:
        moment = older[row]
        earlier = moment.earlier
        if moment.at < at - widest_us:
            if later == 0:
                head.earlier = earlier
            else:
                older[later].earlier = earlier
            moment.earlier = older[0].earlier
            older[0].earlier = row
        else:
            later = row
            if moment.key == key and at - within_us <= moment.at and moment.at <= at:
                found += 1
                silent = silent or moment.alerted != 0
        row = earlier
    if kept:
        before = older[0].earlier
        if before != 0:
            older[0].earlier = older[before].earlier
        else:
            before = used[0]
            used[0] = before + 1
        older[before] = newest[subject]
        head.earlier = before
    head.at = at
    head.position = position
    head.key = key
    alarming = found >= needed and not silent
    head.alerted = 1 if alarming else 0
    if alarming:
        place = causes_size[0] + needed - 1
        causes[place] = position
        first = causes_size[0]
        causes_size[0] = place + 1
        row = head.earlier
        while place > first:
            moment = older[row]
            if moment.key == key and at - within_us <= moment.at and moment.at <= at:
                place -= 1
                causes[place] = moment.position
            row = moment.earlier
    return alarming
