"""Decides the logs in a file with every table cut to the rows that were reserved, and no row to spare.

    NUMBA_DISABLE_JIT=1 python -m tests.exact_rooms FILE

FILE is as `tests.decision_digests` writes it. As plain Python, a loop that writes into a row for which nobody
made room raises IndexError; compiled, it would write into whatever memory stands there.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from domain.deadlines import Deadlines
from domain.kernels import COMPILED, Table
from domain.output import Causes, Output
from domain.signal import Signal
from domain.timers import Heap, Queue
from streams.engine import Engine
from tests.decision_digests import read_logs


def _cut_after(kind: type, method: str, field: str, most: Callable[[Any, int], int]) -> None:
    """Let a method that makes room for `n` rows leave exactly `most(self, n)` of them."""
    enlarge = getattr(kind, method)

    def enlarge_exactly(self: Any, n: int) -> None:
        rows = most(self, n)
        enlarge(self, n)
        setattr(self, field, getattr(self, field)[:rows])

    setattr(kind, method, enlarge_exactly)


def cut_tables() -> None:
    """Take the spare rows from every table that the engine makes room in, from now on."""
    for kind in (Output, Causes, Heap):
        _cut_after(kind, "reserve", "rows", lambda self, room: int(self.size[0]) + room)
    _cut_after(Table, "grow", "rows", lambda self, count: max(count, self.count))
    _cut_after(Deadlines, "reserve", "links", Deadlines.most_links)
    make_room = Queue.reserve

    def make_room_exactly(self: Queue, room: int) -> None:
        make_room(self, room)
        self.rows = self.rows[: self.span[1] + room]

    setattr(Queue, "reserve", make_room_exactly)  # noqa: B010 - mypy knows that a method is no variable


def decide(log: Sequence[Signal], batch: int) -> None:
    """Decide a log in batches of this size, all but the first by an engine that was restored."""
    engine = Engine(log[0].site)
    for start in range(0, len(log), batch):
        engine.decide(log[start : start + batch])
        if start == 0:
            engine = Engine.restore(engine.snapshot())


def main(path: str) -> None:
    """Decide each log whole, or a few signals at a time."""
    assert not COMPILED
    cut_tables()
    for number, log in enumerate(read_logs(Path(path))):
        decide(log, (1, 3, len(log))[number % 3])
        print(len(log))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
