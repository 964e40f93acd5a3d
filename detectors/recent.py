"""Recent moments by subject: how often did this happen to this one within a while?

Idea: every subject has a chain of its moments, newest first, in rows that all subjects share. A new moment
frees those of its subject that are too old to count, so memory follows what happens, not who exists.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import Table, inlined

MOMENT: Final = np.dtype(
    [
        ("at", "i8"),
        ("position", "i8"),
        ("key", "i4"),
        ("alerted", "i4"),
        ("earlier", "u4"),  # row of the subject's moment before, or 0; of a free row: the next free one
        ("spare", "i4"),  # no padding: a row's bytes are its content
    ]
)
HEAD: Final = np.dtype([("newest", "u4")])


class Recent:
    """The moments of all subjects of one kind. Row 0 is no moment: it heads the list of free rows."""

    def __init__(self) -> None:
        self.moments = Table(MOMENT, 1)
        self.used: NDArray[np.int64] = np.ones(1, np.int64)
        self.heads = Table(HEAD, 1)

    def reserve(self, room: int) -> None:
        """Make room for so many more moments."""
        self.moments.count = int(self.used[0])
        self.moments.reserve(room)

    def dump(self) -> tuple[bytes, bytes]:
        """Return the state as bytes: the moments and the heads."""
        self.moments.count = int(self.used[0])
        return self.moments.dump(), self.heads.dump()

    def load(self, moments: bytes, heads: bytes) -> None:
        """Replace the state by what `dump` gave."""
        self.moments.load(moments)
        self.used[0] = self.moments.count
        self.heads.load(heads)


@inlined
def happened(
    moments: Any, used: Any, heads: Any, subject: int, key: int, at: int, position: int,
    widest_us: int, within_us: int, needed: int, causes: Any, causes_size: Any,
) -> bool:  # fmt: skip
    """Record a moment; say whether it makes `needed` of this subject and key in [at - within, at].

    It does not when one of them has said so already. Where it does, the positions of the newest `needed`
    are added to `causes`, oldest first.
    """
    found = 1
    silent = False
    later = 0
    row = heads[subject].newest
    while row != 0:
        moment = moments[row]
        earlier = moment.earlier
        if moment.at < at - widest_us:
            if later == 0:
                heads[subject].newest = earlier
            else:
                moments[later].earlier = earlier
            moment.earlier = moments[0].earlier
            moments[0].earlier = row
        else:
            later = row
            if moment.key == key and at - within_us <= moment.at and moment.at <= at:
                found += 1
                silent = silent or moment.alerted != 0
        row = earlier
    new = moments[0].earlier
    if new != 0:
        moments[0].earlier = moments[new].earlier
    else:
        new = used[0]
        used[0] = new + 1
    moment = moments[new]
    moment.at = at
    moment.position = position
    moment.key = key
    moment.earlier = heads[subject].newest
    heads[subject].newest = new
    alarming = found >= needed and not silent
    moment.alerted = 1 if alarming else 0
    if alarming:
        place = causes_size[0] + needed
        causes_size[0] = place
        row = new
        while place > causes_size[0] - needed:
            moment = moments[row]
            if moment.key == key and at - within_us <= moment.at and moment.at <= at:
                place -= 1
                causes[place] = moment.position
            row = moment.earlier
    return alarming
