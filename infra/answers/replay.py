"""Replay: the whole log, or what the history holds of it, decided again from nothing and compared."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from domain.columns import whole
from domain.wires import event_wires
from infra.home import PARTITION, OpenHome
from infra.times import instant
from projections.errors import HistoryError
from projections.replay import replay_batches
from streams.collection import rare_collection
from streams.comparison import Difference, first_difference, told
from streams.engine import Engine
from streams.log import Log, Stored
from streams.replaying import replay as replay_columns
from streams.runner import BATCH, decided_at


def replay(home: OpenHome, *, to: str | None, from_history: bool = False) -> dict[str, Any]:
    """Return `signals`, `events`, `identical`, and the `first_difference` in the events' bytes.

    With `to`, only what was known at that time of the log. With `from_history`, the signals come from the
    history, many times faster, and the number of events and the whole state must be the engine's; which event
    differs is not told then.
    """
    if from_history:
        return _replay_history(home)
    to_us = None if to is None else instant("--to", to, home.site.zone_info)
    home.catch_up()
    engine = Engine(home.site.id)
    total, decided, events = home.log.position(PARTITION), 0, 0
    difference: Difference | None = None
    logged = _events(home.log)
    with rare_collection():
        for signals in _batches(home.log, total, to_us):
            wires = event_wires(engine.decide_columns(signals))
            if difference is None:
                there = [stored.wire for stored in itertools.islice(logged, len(wires))]
                difference = first_difference(wires, there, events)
            decided += len(signals)
            events += len(wires)
            home.progress("signals", decided, total if to_us is None else None)
    left = next(logged, None) if difference is None else None
    if left is not None and _position(left) < decided:
        difference = Difference(events, left.wire, None)
    home.progress("signals", decided, decided)
    return {
        "signals": decided,
        "events": events,
        "identical": difference is None,
        "first_difference": None if difference is None else told(difference),
    }


def _replay_history(home: OpenHome) -> dict[str, Any]:
    home.catch_up()
    live, engine = home.pipeline.runner.engine, Engine(home.site.id)
    total = home.log.position(PARTITION)

    def batches() -> Iterator[pa.RecordBatch]:
        for batch in replay_batches(home.history, PARTITION, 0, total):
            yield batch
            home.progress("signals", engine.position, total)

    try:
        events = replay_columns(engine, batches())
    except ValueError as error:  # what stands there cannot have been decided
        raise HistoryError(f"the history cannot be decided again: {error}; `limen verify`") from error
    identical = events == home.log.events_head(PARTITION) and engine.snapshot() == live.snapshot()
    return {"signals": total, "events": events, "identical": identical, "first_difference": None}


def _batches(log: Log, end: int, to_us: int | None) -> Iterator[pa.Table]:
    """Yield the signals below `end`, until one carries the log's time (rules.md, 1.2) beyond `to_us`."""
    offset = 0
    while offset < end:
        signals = decided_at(log, PARTITION, offset, min(BATCH, end - offset))
        offset += len(signals)
        if to_us is not None:
            times = (whole(signals, name).view(pa.int64()) for name in ("occurred_at", "received_at"))
            beyond = np.minimum(*(time.to_numpy() for time in times)) > to_us
            if beyond.any():
                yield signals[: int(beyond.argmax())]
                return
        yield signals


def _events(log: Log) -> Iterator[Stored]:
    for offset in itertools.count(0, BATCH):
        page = log.read_events(PARTITION, offset, BATCH)
        yield from page
        if len(page) < BATCH:
            return


def _position(stored: Stored) -> int:
    return int(stored.id.split(":")[-2])
