"""The memory of a million people's state: its tables' bytes, and what the process grew by.

Everybody is in the directory and has been let into some room once, so that every table that follows people
is filled: where they are, since when, their visit, their deadline and what the detectors remember of them.
The process is fresh; libraries, compiled rules and a first small engine are in it before the count begins.
"""

import argparse
import ctypes
import gc
import sys
from pathlib import Path
from typing import Any, Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

import numpy as np  # noqa: E402 - the cache comes first

from benchmarks.engine import decide  # noqa: E402
from benchmarks.engine_load import loaded_engine, make_signals  # noqa: E402
from benchmarks.figure import Figure, tell  # noqa: E402
from domain.records import CREDENTIAL, GRANTED  # noqa: E402
from streams.engine import Engine  # noqa: E402
from streams.state import State  # noqa: E402

MB: Final = 1_000_000
_PAGE: Final = 4096
_EVERY_US: Final = 2_000  # half an hour for a million people to come in


def measure(people: int) -> list[Figure]:
    """Return the bytes of so many people's state, two ways."""
    engine = everybody_inside(min(people, 2_000))  # whatever is made once is made now
    del engine
    before = resident_bytes()
    engine = everybody_inside(people)
    running = sum(table_bytes(engine.state).values())
    engine = Engine.restore(engine.snapshot())
    grown = resident_bytes() - before
    tables = table_bytes(engine.state)
    snapshot = len(engine.snapshot())
    inside = engine.occupancy()[""][0]
    goal = 200.0 * people / 1_000_000
    shared = {"people": people, "inside": inside}
    return [
        Figure(
            benchmark="memory",
            what=f"state of {people:,} people: its tables",
            value=sum(tables.values()) / MB,
            unit="MB",
            at_most=goal,
            details=shared
            | {"snapshot": snapshot / MB, "with_room_to_grow": running / MB}
            | {name: size / MB for name, size in tables.items() if size > 0.02 * sum(tables.values())},
        ),
        Figure(
            benchmark="memory",
            what=f"state of {people:,} people: growth of the process",
            value=grown / MB,
            unit="MB",
            at_most=goal,
            details=shared,
        ),
    ]


def everybody_inside(people: int) -> Engine:
    """Return an engine in which everybody has come in by an entrance and gone on to some room."""
    engine, first_person = loaded_engine(people)
    points = engine.state.points.rows
    free = points["declared"] & ~points["contact"]  # entered at once, no door to wait for
    is_entrance = engine.state.zones.rows["entrance"][points["to_zone"]]
    draw = np.random.default_rng(11)
    rows = make_signals(engine, first_person, people, 2 * people)
    rows["category"], rows["action"] = CREDENTIAL, GRANTED
    rows["occurred_at"] = rows["occurred_at"][0] + np.arange(len(rows)) * _EVERY_US
    rows["received_at"] = rows["occurred_at"]
    for place, allowed in enumerate((free & is_entrance, free & ~is_entrance)):
        rows["point"][place::2] = draw.choice(np.flatnonzero(allowed), people)
    rows["person"] = first_person + np.repeat(draw.permutation(people), 2)
    decide(engine, rows)
    return engine


def table_bytes(state: State) -> dict[str, int]:
    """Return the bytes of every part of the state, reserved room included."""
    return {name: _array_bytes(part) for name, part in state.tables().items()}


def _array_bytes(part: Any) -> int:
    held = vars(part).values()
    nested = sum(_array_bytes(one) for one in held if type(one).__module__.split(".")[0] == "domain")
    return nested + sum(one.nbytes for one in held if isinstance(one, np.ndarray))


def resident_bytes() -> int:
    """Return this process's resident set, after everything free was given back (Linux)."""
    gc.collect()
    if sys.platform == "linux":
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * _PAGE


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    for figure in measure(parser.parse_args().people):
        tell(figure)


if __name__ == "__main__":
    main()
