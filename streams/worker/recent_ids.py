"""The ids a site has shown most recently, so that a signal that comes twice is known.

A ring of the newest ids, and an open-addressed index into it. Which ids are known depends on the order of
the ids alone, not on how they are cut into calls.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import AHEAD, loop, prefetch

RECENT: Final = 65_536
"""How many ids a site remembers: more than a connector sends again after a crash. 32 bytes each."""
_FEWEST: Final = 64
_PLACE_BITS: Final = 32
_PLACE: Final = (1 << _PLACE_BITS) - 1
_MARK: Final = (1 << 31) - 1
"""So many low bits of an id are kept in its slot: more than choose it."""


class RecentIds:
    """The newest `RECENT` different ids of one site. Ids are 32 hexadecimal digits."""

    def __init__(self, most: int = RECENT) -> None:
        self._most = most
        self._place(np.zeros((0, 2), np.int64))

    def admit(self, words: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Take ids in order, as `words_of` gives them; return for each whether it was known, shape (n,)."""
        if len(self._ring) < self._most and self._used[1] + len(words) > len(self._ring):
            self._place(self._oldest_first(), len(words))
        repeated = np.zeros(len(words), np.bool_)
        _admit(words, self._ring, self._used, self._slots, repeated)
        return repeated

    def dump(self) -> bytes:
        """Return the ids as bytes, the oldest first."""
        return self._oldest_first().tobytes()

    @classmethod
    def load(cls, data: bytes, most: int = RECENT) -> "RecentIds":
        """Return what `dump` gave."""
        recent = cls(most)
        recent._place(_words(data)[-most:])
        return recent

    def __len__(self) -> int:
        return int(self._used[1])

    def _oldest_first(self) -> NDArray[np.int64]:
        newest, count = int(self._used[0]), int(self._used[1])
        return self._ring[(np.arange(count) + newest - count) % len(self._ring)]

    def _place(self, ids: NDArray[np.int64], room: int = 0) -> None:
        """Make a ring with room for more, and put these different ids into it."""
        size = _FEWEST
        while size < min(len(ids) + room, self._most):
            size *= 2
        size = min(size, self._most)
        self._ring = np.zeros((size, 2), np.int64)
        self._slots = np.zeros(1 << (2 * size - 1).bit_length(), np.int64)
        self._used = np.zeros(2, np.int64)
        """Where the next id goes, and how many there are."""
        _admit(ids, self._ring, self._used, self._slots, np.zeros(len(ids), np.bool_))


def words_of(ids: Sequence[str]) -> NDArray[np.int64]:
    """Return the bytes of ids as two numbers each, shape (n, 2)."""
    return _words(bytes.fromhex("".join(ids)))


def _words(data: bytes) -> NDArray[np.int64]:
    return np.frombuffer(bytearray(data), np.int64).reshape(-1, 2)  # writable: loops have one type of array


@loop
def _admit(ids: Any, ring: Any, used: Any, slots: Any, repeated: Any) -> None:
    """Look each id up; put a new one into the ring, over the oldest once it is full.

    A slot holds a place in the ring plus 1, and above that bits of the id, so that hardly any other place
    in the ring is looked at; or 0. Ids are hashes, so their low bits choose the slot.
    """
    mask = len(slots) - 1
    for i in range(len(ids)):
        prefetch(slots, ids[min(i + AHEAD, len(ids) - 1), 0] & mask)
        low, high = ids[i, 0], ids[i, 1]
        mark = (low & _MARK) << _PLACE_BITS
        at = low & mask
        while slots[at] != 0:
            place = (slots[at] & _PLACE) - 1
            if slots[at] & ~_PLACE == mark and ring[place, 0] == low and ring[place, 1] == high:
                repeated[i] = True
                break
            at = (at + 1) & mask
        if repeated[i]:
            continue
        new = used[0]
        if used[1] == len(ring):
            prefetch(slots, ring[(new + AHEAD) % len(ring), 0] & mask)
            hole = ring[new, 0] & mask
            while slots[hole] & _PLACE != new + 1:
                hole = (hole + 1) & mask
            # Close the hole: what was pushed past it moves back, so that no search stops too early.
            next_slot = (hole + 1) & mask
            while slots[next_slot] != 0:
                home = (slots[next_slot] >> _PLACE_BITS) & mask
                if ((next_slot - home) & mask) >= ((next_slot - hole) & mask):
                    slots[hole] = slots[next_slot]
                    hole = next_slot
                next_slot = (next_slot + 1) & mask
            slots[hole] = 0
            at = low & mask
            while slots[at] != 0:
                at = (at + 1) & mask
        else:
            used[1] += 1
        ring[new, 0], ring[new, 1] = low, high
        slots[at] = mark | (new + 1)
        used[0] = (new + 1) % len(ring)
