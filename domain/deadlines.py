"""Deadlines of people: one for each, hours away, replaced at nearly every move.

A heap of everybody would be gone through from top to bottom for each deadline that was replaced long before.
So time is cut into spans. What falls due in a span to come waits, in no order, in that span's list; when the
span begins, its list is looked through once: who has a later deadline by then moves on to a later list, and
only what falls due within the span goes into the heap (a timing wheel, after Varghese and Lauck, 1987).
"""

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from domain.kernels import inlined, prefetch, records
from domain.timers import NEVER, TIMER, Heap, push

SPAN_BITS: Final = 32
"""A span is 2^32 µs, an hour and twelve minutes."""
SPANS: Final = 1024
"""Spans that have a list of their own, seven weeks; what falls due later waits in the last."""
LINK: Final = np.dtype([("subject", "u4"), ("next", "u4")])
"""Row 0 heads the list of free rows, rows 1 to SPANS the lists of the spans, the others are entries."""


class Deadlines:
    """Those that wait. `near` holds what falls due in a span that has begun.

    `marks` is [the newest span that has begun, rows of `links` in use].
    """

    def __init__(self) -> None:
        self.near = Heap()
        self.links = records(1 + SPANS, LINK)
        self.marks: NDArray[np.int64] = np.array([-1, 1 + SPANS], np.int64)

    def __len__(self) -> int:
        """Return how many entries there are at the most; some may have been replaced."""
        return int(self.near.size[0] + self.marks[1]) - 1 - SPANS

    def most_links(self, room: int) -> int:
        """Return the most rows of `links` there can be once so many more wait: who is near may wait anew."""
        return int(self.marks[1] + self.near.size[0]) + room

    def reserve(self, room: int) -> None:
        """Make room for so many more, wherever they wait."""
        used, wanted = int(self.marks[1]), self.most_links(room)
        self.near.reserve(used + room)
        if wanted > len(self.links):
            links = records(max(wanted, len(self.links) * 5 // 4), LINK)
            links[:used] = self.links[:used]
            self.links = links

    def dump(self) -> tuple[bytes, bytes, bytes]:
        """Return the state's bytes."""
        return self.near.dump(), self.links[: self.marks[1]].tobytes(), self.marks.tobytes()

    def load(self, near: bytes, links: bytes, marks: bytes) -> None:
        """Replace the state by what `dump` gave."""
        self.near.load(near)
        self.marks[:] = np.frombuffer(marks, np.int64)
        self.links = records(int(self.marks[1]), LINK)
        self.links[:] = np.frombuffer(links, LINK)

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return f"{TIMER.descr} {LINK.descr} {SPAN_BITS} {SPANS}"


@inlined
def arm(person: Any, code: int, near: Any, near_size: Any, links: Any, marks: Any) -> None:
    """See that the person is looked at when `due` has come; nothing to do where they are by then anyway.

    Their `armed` is the time of the one entry of theirs that counts; of one in a list, when its span begins.
    """
    span = person.due >> SPAN_BITS
    if span <= marks[0]:
        if person.due < person.armed:
            person.armed = person.due
            push(near, near_size, person.due, code, 0)
        return
    span = min(span, marks[0] + SPANS - 1)
    if span << SPAN_BITS >= person.armed:
        return
    person.armed = span << SPAN_BITS
    row = links[0].next
    if row != 0:
        links[0].next = links[row].next
    else:
        row = np.uint32(marks[1])
        marks[1] += 1
    head = 1 + (span & (SPANS - 1))
    links[row].subject = code
    links[row].next = links[head].next
    links[head].next = row


@inlined
def begin_spans(now: int, people: Any, near: Any, near_size: Any, links: Any, marks: Any) -> None:
    """Begin every span up to that of `now`, one after another."""
    if marks[1] == 1 + SPANS:  # nobody has ever waited: all lists are empty, from 1970 on
        marks[0] = max(marks[0], now >> SPAN_BITS)
    while marks[0] < now >> SPAN_BITS:
        marks[0] += 1
        head = 1 + (marks[0] & (SPANS - 1))
        row = links[head].next
        links[head].next = 0
        while row != 0:
            following = links[row].next
            prefetch(people, links[following].subject)
            code = links[row].subject
            links[row].next = links[0].next
            links[0].next = row
            person = people[code]
            if person.armed == marks[0] << SPAN_BITS:
                person.armed = NEVER
                if person.due != NEVER:
                    arm(person, code, near, near_size, links, marks)
            row = following
