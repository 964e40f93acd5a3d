"""Deciding millions of signals again from the history, and where the time goes.

The history gives Arrow batches, they become rows of codes, the engine decides them. In the end the number of
events and everybody's whereabouts must be what the log and its newest snapshot say; with `--whole` (for a
small home) every event must be the log's, byte for byte.
"""

import argparse
import itertools
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from benchmarks.figure import Figure, Spent, medians, spent, tell  # noqa: E402 - the cache comes first
from benchmarks.large_home import add_options, large_home  # noqa: E402
from domain.event import write_event  # noqa: E402
from infra.home import PARTITION, OpenHome  # noqa: E402
from projections.replay import replay_batches  # noqa: E402
from streams.encoding import encode_columns  # noqa: E402
from streams.engine import Engine  # noqa: E402
from streams.replaying import replay, replay_events  # noqa: E402


class Split:
    """Where the time went: seconds by the wall clock, by step."""

    def __init__(self) -> None:
        self.reading = self.encoding = 0.0

    def read(self, batches: Iterator[Any]) -> Iterator[Any]:
        """Pass batches on and count the time until each is there."""
        while True:
            start = time.perf_counter()
            batch = next(batches, None)
            self.reading += time.perf_counter() - start
            if batch is None:
                return
            yield batch

    def encode(self, *arguments: Any) -> Any:
        """Encode as usual and count the time."""
        start = time.perf_counter()
        rows = encode_columns(*arguments)
        self.encoding += time.perf_counter() - start
        return rows


def measure(home_folder: Path, repeats: int, whole: bool) -> list[Figure]:
    """Replay a home's history `repeats` times."""
    taken, splits = [], []
    with OpenHome(home_folder) as home:
        home.catch_up()
        total, logged = home.log.position(PARTITION), home.log.events_head(PARTITION)
        if whole:
            _compare_whole(home, total)
        replay(Engine(home.site.id), replay_batches(home.history, PARTITION, 0, min(total, 5_000)))  # compile
        for _ in range(repeats):
            engine, split, found = Engine(home.site.id), Split(), [0]

            def run(engine: Engine = engine, split: Split = split, found: list[int] = found) -> None:
                batches = split.read(replay_batches(home.history, PARTITION, 0, total))
                found[0] = replay(engine, batches, encode=split.encode)

            taken.append(spent(run))
            splits.append(split)
            _check(home, engine, found[0], logged)
    typical = medians(taken)
    return [
        Figure(
            benchmark="replay",
            what="replay from the history",
            value=total / typical.wall_seconds,
            unit="signals/s",
            at_least=2e6,
            details={"signals": total, "events": logged, "repeats": repeats} | _parts(taken, splits, typical),
        )
    ]


def _parts(taken: list[Spent], splits: list[Split], typical: Spent) -> dict[str, float]:
    reading = medians(Spent(split.reading, 0) for split in splits).wall_seconds
    encoding = medians(Spent(split.encoding, 0) for split in splits).wall_seconds
    deciding = medians(
        Spent(whole.wall_seconds - split.reading - split.encoding, 0)
        for whole, split in zip(taken, splits, strict=True)
    ).wall_seconds
    return {
        "wall_seconds": typical.wall_seconds,
        "cpu_seconds": typical.cpu_seconds,
        "waiting_for_the_history_seconds": reading,
        "encoding_seconds": encoding,
        "deciding_seconds": deciding,
    }


def _check(home: OpenHome, engine: Engine, found: int, logged: int) -> None:
    live = home.pipeline.runner.engine.occupancy()
    if found != logged or engine.occupancy() != live:
        raise SystemExit(f"the replay differs from the log: {found} events, the log has {logged}")


def _compare_whole(home: OpenHome, total: int) -> None:
    """Stop at the first event that is not the log's."""
    batches = replay_batches(home.history, PARTITION, 0, total)
    replayed = itertools.chain.from_iterable(replay_events(Engine(home.site.id), batches))
    wires = (write_event(event) for event in replayed)
    for offset, (was, now) in enumerate(itertools.zip_longest(_logged(home), wires)):
        if was != now:
            raise SystemExit(f"event {offset} was {was!r}, replayed it is {now!r}")


def _logged(home: OpenHome) -> Iterator[bytes]:
    offset = 0
    while page := home.log.read_events(PARTITION, offset, 10_000):
        yield from (stored.wire for stored in page)
        offset += len(page)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--whole", action="store_true", help="compare every event with the log's")
    options = parser.parse_args()
    home = large_home(options.work, options.persons, options.days)
    for figure in measure(home, options.repeats, options.whole):
        tell(figure)


if __name__ == "__main__":
    main()
