"""Timers: things that fall due, in (due, subject, turn) order, kept in a heap or in a queue.

A queue suits timers that are all armed for the same while, and so mostly in order; a heap suits the others.
An entry is never taken out before its time: whoever armed it knows, when it comes, whether it still holds.
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import Records, inlined, records

TIMER: Final = np.dtype([("due", "i8"), ("subject", "u4"), ("turn", "i4")], align=True)
NEVER: Final = 2**62


@inlined
def earlier(one: Any, other: Any) -> bool:
    """Say whether one entry comes before another."""
    if one.due != other.due:
        return bool(one.due < other.due)
    if one.subject != other.subject:
        return bool(one.subject < other.subject)
    return bool(one.turn < other.turn)


@inlined
def push(heap: Any, size: Any, due: int, subject: int, turn: int) -> int:
    """Put in an entry and return its place; the heap must have room."""
    place = size[0]
    size[0] = place + 1
    while place > 0:
        above = (place - 1) >> 1
        parent = heap[above]
        if parent.due < due or (
            parent.due == due
            and (parent.subject < subject or (parent.subject == subject and parent.turn <= turn))
        ):
            break
        heap[place] = heap[above]
        place = above
    entry = heap[place]
    entry.due = due
    entry.subject = subject
    entry.turn = turn
    return int(place)


@inlined
def pop(heap: Any, size: Any) -> None:
    """Take out the first entry, heap[0]."""
    count = size[0] - 1
    size[0] = count
    if count == 0:
        return
    place = 0
    while True:
        below = 2 * place + 1
        if below >= count:
            break
        if below + 1 < count and earlier(heap[below + 1], heap[below]):
            below += 1
        if not earlier(heap[below], heap[count]):
            break
        heap[place] = heap[below]
        place = below
    heap[place] = heap[count]


class Heap:
    """A heap that grows. Only the first `size[0]` rows are state."""

    def __init__(self, dtype: np.dtype[Any] = TIMER) -> None:
        self.rows = records(64, dtype)
        self.size: NDArray[np.uint32] = np.zeros(1, np.uint32)

    @property
    def written(self) -> Records:
        """The entries that wait, in no order but that of the heap."""
        return self.rows[: self.size[0]]

    def reserve(self, room: int) -> None:
        """Make room for so many more entries."""
        wanted = int(self.size[0]) + room
        if wanted > len(self.rows):
            rows = records(max(wanted, len(self.rows) * 5 // 4), self.rows.dtype)
            rows[: self.size[0]] = self.written
            self.rows = rows

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return str(self.rows.dtype.descr)

    def dump(self) -> bytes:
        """Return the state's bytes."""
        return self.written.tobytes()

    def load(self, data: bytes) -> None:
        """Replace the state by what `dump` gave."""
        loaded = np.frombuffer(data, self.rows.dtype)
        self.size[0] = 0
        self.reserve(len(loaded))
        self.rows[: len(loaded)] = loaded
        self.size[0] = len(loaded)


@inlined
def enqueue(queue: Any, span: Any, due: int, subject: int) -> None:
    """Put an entry where it belongs, mostly at the end; the queue must have room. `span` = [first, end]."""
    place = span[1]
    span[1] = place + 1
    while place > span[0]:
        before = queue[place - 1]
        if before.due < due or (before.due == due and before.subject <= subject):
            break
        queue[place] = queue[place - 1]
        place -= 1
    entry = queue[place]
    entry.due = due
    entry.subject = subject
    entry.turn = 0


class Queue:
    """A queue that grows. Only the rows from `span[0]` to `span[1]` are state."""

    def __init__(self) -> None:
        self.rows = records(64, TIMER)
        self.span: NDArray[np.uint32] = np.zeros(2, np.uint32)

    def __len__(self) -> int:
        """Return how many entries wait."""
        return int(self.span[1] - self.span[0])

    def reserve(self, room: int) -> None:
        """Make room for so many more entries at the end."""
        if self.span[1] + room > len(self.rows):
            waiting = self.rows[self.span[0] : self.span[1]].copy()
            if 2 * (len(waiting) + room) > len(self.rows):
                self.rows = records(2 * (len(waiting) + room), TIMER)
            self.rows[: len(waiting)] = waiting
            self.span[:] = 0, len(waiting)

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return str(self.rows.dtype.descr)

    def dump(self) -> bytes:
        """Return the state's bytes."""
        return self.rows[self.span[0] : self.span[1]].tobytes()

    def load(self, data: bytes) -> None:
        """Replace the state by what `dump` gave."""
        loaded = np.frombuffer(data, TIMER)
        self.span[:] = 0
        self.reserve(len(loaded))
        self.rows[: len(loaded)] = loaded
        self.span[1] = len(loaded)
