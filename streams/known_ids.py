"""The ids a partition already has, held in memory so that duplicates are found without touching the disk.

An index on disk over ids that are hashes is written all over: at a million signals it more than halves
the speed of appending, and it goes on falling. Sorted runs in memory cost 16 bytes an id and stay fast.
"""

from collections.abc import Iterable
from typing import Final

import numpy as np
from numpy.typing import NDArray

ID_BYTES: Final = 16
Ids = NDArray[np.bytes_]
"""Ids as dtype S16, shape (n,). All are 16 bytes long, so NumPy's padding with zeros cannot confuse two."""


def ids_from_bytes(joined: bytes) -> Ids:
    """Return the ids that stand one after another in these bytes."""
    return np.frombuffer(joined, dtype=f"S{ID_BYTES}")


def ids_of(texts: Iterable[str]) -> Ids:
    """Return ids of 32 hexadecimal digits as bytes.

    Raises:
        ValueError: one is something else.
    """
    given = list(texts)
    for id_ in given:
        if len(id_) != 2 * ID_BYTES:
            raise ValueError(f"the signal id {id_!r} is not {2 * ID_BYTES} hexadecimal digits")
    joined = bytes.fromhex("".join(given))
    if len(joined) != ID_BYTES * len(given):  # fromhex skips spaces
        raise ValueError("a signal id holds a space where a hexadecimal digit belongs")
    return ids_from_bytes(joined)


class KnownIds:
    """A set of ids as a few sorted runs, each more than twice as long as the next.

    Adding n ids one batch at a time moves each id about log2(n) times, by merging sorted runs.
    """

    def __init__(self, ids: Ids) -> None:
        self._runs: list[Ids] = [np.sort(ids)] if len(ids) else []

    def contains(self, ids: Ids) -> NDArray[np.bool_]:
        """Return for each id whether it is in the set; shape (n,)."""
        found = np.zeros(len(ids), dtype=np.bool_)
        for run in self._runs:
            places = np.minimum(np.searchsorted(run, ids), len(run) - 1)
            found |= run[places] == ids
        return found

    def fresh(self, ids: Ids) -> NDArray[np.intp]:
        """Return the places of ids that are neither in the set nor stood earlier among these, shape (m,)."""
        is_first = np.zeros(len(ids), dtype=np.bool_)
        is_first[np.unique(ids, return_index=True)[1]] = True
        return np.flatnonzero(is_first & ~self.contains(ids))

    def add(self, ids: Ids) -> None:
        """Add ids that are not in the set."""
        run = np.sort(ids)
        while self._runs and len(self._runs[-1]) <= 2 * len(run):
            # Stable is timsort here: it merges two sorted runs in one pass.
            run = np.sort(np.concatenate([self._runs.pop(), run]), kind="stable")
        if len(run):
            self._runs.append(run)
