"""Replay: the whole log decided again from nothing, and compared with what it decided then."""

import itertools
from collections.abc import Iterator
from typing import Any

from domain.event import Event, write_event
from domain.signal import Signal
from infra.home import PARTITION, OpenHome
from infra.times import instant
from streams.engine import Engine
from streams.log import Log, Stored
from streams.runner import BATCH, readable


def replay(home: OpenHome, *, to: str | None) -> dict[str, Any]:
    """Return `signals`, `events`, `identical`, and the `first_difference` in the events' bytes.

    With `to`, only what was known at that time of the log.
    """
    to_us = None if to is None else instant("--to", to, home.site.zone_info)
    home.catch_up()
    engine = Engine(home.site.id)
    total, decided, events, difference = home.log.position(PARTITION), 0, 0, None
    logged = _events(home.log)
    for batch in _batches(home.log, total, to_us):
        for event in engine.decide(batch):
            difference = difference or _difference(next(logged, None), event, events)
            events += 1
        decided += len(batch)
        home.progress("signals", decided, total if to_us is None else None)
    if difference is None:
        left = next(logged, None)
        if left is not None and _position(left) < decided:
            difference = _difference(left, None, events)
    home.progress("signals", decided, decided)
    return {
        "signals": decided,
        "events": events,
        "identical": difference is None,
        "first_difference": difference,
    }


def _batches(log: Log, end: int, to_us: int | None) -> Iterator[list[Signal]]:
    """Yield the signals below `end`, until one carries the log's time (rules.md, 1.2) beyond `to_us`."""
    offset, now = 0, 0
    while offset < end:
        page = log.read(PARTITION, offset, min(BATCH, end - offset))
        signals = [readable(stored) for stored in page]
        offset += len(signals)
        if to_us is not None:
            for place, signal in enumerate(signals):
                now = max(now, min(signal.time.occurred_at, signal.time.received_at))
                if now > to_us:
                    yield signals[:place]
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


def _difference(logged: Stored | None, replayed: Event | None, offset: int) -> dict[str, Any] | None:
    wire = None if replayed is None else write_event(replayed)
    if logged is not None and logged.wire == wire:
        return None
    return {
        "offset": offset,
        "logged": None if logged is None else logged.wire.decode(),
        "replayed": None if wire is None else wire.decode(),
    }
