"""Replay: the whole log decided again from nothing, and compared with what it decided then."""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from domain.columns import whole
from domain.wires import event_wires
from infra.home import PARTITION, OpenHome
from infra.times import instant
from streams.collection import rare_collection
from streams.comparison import Difference, first_difference, told
from streams.engine import Engine
from streams.log import Log, Stored
from streams.runner import BATCH, signals_at


def replay(home: OpenHome, *, to: str | None) -> dict[str, Any]:
    """Return `signals`, `events`, `identical`, and the `first_difference` in the events' bytes.

    With `to`, only what was known at that time of the log.
    """
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


def _batches(log: Log, end: int, to_us: int | None) -> Iterator[pa.Table]:
    """Yield the signals below `end`, until one carries the log's time (rules.md, 1.2) beyond `to_us`."""
    offset = 0
    while offset < end:
        signals = signals_at(log, PARTITION, offset, min(BATCH, end - offset))
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
