"""The ids a site has shown most recently, so that a signal that comes twice is known.

A ring of the newest ids, and an open-addressed index into it. Which ids are known depends on the order of
the ids alone, not on how they are cut into calls.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import loop

RECENT: Final = 65_536
"""How many ids a site remembers: more than a connector sends again after a crash. 24 bytes each."""
_FEWEST: Final = 64


class RecentIds:
    """The newest `RECENT` different ids of one site. Ids are 32 hexadecimal digits."""

    def __init__(self, most: int = RECENT) -> None:
        self._most = most
        self._place(np.zeros((0, 2), np.int64))

    def admit(self, ids: Sequence[str]) -> NDArray[np.bool_]:
        """Take ids in order; return for each whether it was known already, shape (n,)."""
        words = _words(bytes.fromhex("".join(ids)))
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
        self._slots = np.zeros(1 << (2 * size - 1).bit_length(), np.int32)
        self._used = np.zeros(2, np.int64)
        """Where the next id goes, and how many there are."""
        _admit(ids, self._ring, self._used, self._slots, np.zeros(len(ids), np.bool_))


def _words(data: bytes) -> NDArray[np.int64]:
    return np.frombuffer(bytearray(data), np.int64).reshape(-1, 2)  # writable: loops have one type of array


@loop
def _admit(ids: Any, ring: Any, used: Any, slots: Any, repeated: Any) -> None:
    """Look each id up; put a new one into the ring, over the oldest once it is full.

    A slot holds a place in the ring plus 1, or 0. Ids are hashes, so their low bits choose the slot.
    """
    mask = len(slots) - 1
    for i in range(len(ids)):
        low, high = ids[i, 0], ids[i, 1]
        at = low & mask
        while slots[at] != 0:
            place = slots[at] - 1
            if ring[place, 0] == low and ring[place, 1] == high:
                repeated[i] = True
                break
            at = (at + 1) & mask
        if repeated[i]:
            continue
        new = used[0]
        if used[1] == len(ring):
            hole = ring[new, 0] & mask
            while slots[hole] != new + 1:
                hole = (hole + 1) & mask
            # Close the hole: what was pushed past it moves back, so that no search stops too early.
            next_slot = (hole + 1) & mask
            while slots[next_slot] != 0:
                home = ring[slots[next_slot] - 1, 0] & mask
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
        slots[at] = new + 1
        used[0] = (new + 1) % len(ring)
