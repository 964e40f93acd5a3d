"""The engine with every stage and detector on: signals a second in batches, and the time of a batch of one.

Only `decide_records` is timed: rows of codes in, rows of events out. The wall clock shows what else the
machine was doing; the process's own time is what one core gives.
"""

import argparse
import time
from typing import Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from benchmarks.engine_load import loaded_engine, make_signals  # noqa: E402 - the cache comes first
from benchmarks.figure import Figure, Spent, medians, percentile, spent, tell  # noqa: E402
from domain.kernels import Records  # noqa: E402
from streams.engine import Engine  # noqa: E402

BATCH: Final = 10_000
SINGLES: Final = 20_000


def measure(people: int, signals: int, repeats: int, warm_up: int, singles: int = SINGLES) -> list[Figure]:
    """Decide `warm_up` signals, then `repeats` times `signals` more, then `singles` one by one."""
    engine, first_person = loaded_engine(people)
    rows = make_signals(engine, first_person, people, warm_up + repeats * signals + singles)
    decide(engine, rows[:warm_up])
    taken: list[Spent] = []
    events = 0
    for start in range(warm_up, warm_up + repeats * signals, signals):
        part = rows[start : start + signals]

        def run(part: Records = part) -> None:
            nonlocal events
            events += decide(engine, part)

        taken.append(spent(run))
    typical = medians(taken)
    alone = decide_singly(engine, rows[-singles:])
    return [
        Figure(
            benchmark="engine",
            what=f"engine, all rules, batches of {BATCH:,}, one core",
            value=signals / typical.cpu_seconds,
            unit="signals/s",
            at_least=10e6,
            details={
                "by_wall_clock": signals / typical.wall_seconds,
                "fastest": signals / min(one.cpu_seconds for one in taken),
                "slowest": signals / max(one.cpu_seconds for one in taken),
                "events_per_signal": events / (repeats * signals),
                "people": people,
                "points": len(engine.state.site.points) if engine.state.site else 0,
                "signals": f"{repeats} × {signals}",
            },
        ),
        Figure(
            benchmark="engine",
            what="engine, a batch of one",
            value=percentile(alone, 50),
            unit="µs",
            at_most=20,
            details={"p95": percentile(alone, 95), "batches": len(alone)},
        ),
    ]


def decide(engine: Engine, rows: Records) -> int:
    """Decide rows in batches; return how many events follow."""
    events = 0
    for start in range(0, len(rows), BATCH):
        events += len(engine.decide_records(rows[start : start + BATCH])[0])
    return events


def decide_singly(engine: Engine, rows: Records) -> list[float]:
    """Decide rows one at a time; return the microseconds each took."""
    taken = []
    for place in range(len(rows)):
        one = rows[place : place + 1]
        start = time.perf_counter_ns()
        engine.decide_records(one)
        taken.append((time.perf_counter_ns() - start) / 1_000)
    return taken


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--signals", type=int, default=500_000, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--warm-up", type=int, default=1_000_000)
    options = parser.parse_args()
    for figure in measure(options.people, options.signals, options.repeats, options.warm_up):
        tell(figure)


if __name__ == "__main__":
    main()
