"""Answers straight from the log: signals, events, and how everything stands."""

from collections.abc import Sequence
from typing import Any, Final

import msgspec

from domain.errors import DomainError
from domain.event import read_event
from domain.signal import read_signal
from domain.times import iso
from domain.vocabulary import Category, Topic
from infra.failure import WrongUse
from infra.home import PARTITION, OpenHome
from projections.log_time import latest
from streams.log import LogCorrupt, Stored

PAGE: Final = 2_000
"""How much of the log one answer reads: whoever wants more asks again from `next_offset`."""


def signals(home: OpenHome, *, from_offset: int, limit: int | None, category: str | None) -> dict[str, Any]:
    """Return `items`, signals in log order, and `next_offset`, None at the end of the log."""
    if category is not None and category not in list(Category):
        raise WrongUse(f"--category: {category!r} is none of {', '.join(Category)}")
    page = home.log.read(PARTITION, from_offset, PAGE)
    items = [_item(stored, msgspec.json.decode(stored.wire)["data"]) for stored in page]
    return _page(page, [item for item in items if category in (None, item["category"])], limit)


def events(home: OpenHome, *, from_offset: int, limit: int | None, topic: str | None) -> dict[str, Any]:
    """Return `items`, events in log order, and `next_offset`, None at the end of the log."""
    if topic is not None and topic not in list(Topic):
        raise WrongUse(f"--topic: {topic!r} is none of {', '.join(Topic)}")
    home.catch_up()
    page = home.log.read_events(PARTITION, from_offset, PAGE)
    items = [_item(stored, msgspec.json.decode(stored.wire)) for stored in page]
    return _page(page, [item for item in items if topic in (None, item["topic"])], limit)


def status(home: OpenHome) -> dict[str, Any]:
    """Return how far log, engine and history have come, what waits, and how large everything is."""
    log = home.log
    head, position = log.head(PARTITION), log.position(PARTITION)
    snapshot, now = log.snapshot(PARTITION), log_time(home)
    return {
        "home": str(home.paths.root.resolve()),
        "site": home.site.id,
        "running_pid": home.running_pid,
        "signals": head,
        "decided": position,
        "lag": head - position,
        "events": log.events_head(PARTITION),
        "history_signals": home.sink.position[0],
        "history_events": home.sink.position[1],
        "log_time": None if now is None else iso(now, home.site.zone_info),
        "snapshot_position": snapshot.position if snapshot else None,
        "quarantined": home.quarantine.count(),
        "bytes": {
            path.name: sum(part.stat().st_size for part in path.rglob("*") if part.is_file())
            if path.is_dir()
            else path.stat().st_size
            for path in sorted(home.paths.root.iterdir())
            if not path.is_socket()
        },
    }


def _item(stored: Stored, content: dict[str, Any]) -> dict[str, Any]:
    return {"offset": stored.offset, **content}


def _page(page: Sequence[Stored], items: list[dict[str, Any]], limit: int | None) -> dict[str, Any]:
    ended = len(page) < PAGE or (limit is not None and len(items) >= limit)
    return {"items": items[:limit], "next_offset": None if ended else page[-1].offset + 1}


def log_time(home: OpenHome) -> int | None:
    """Return the log's time, in microseconds, as what the history has and the log's end show it.

    The engine is not loaded for it. A log with nothing in it has none.

    Raises:
        LogCorrupt: the newest signal cannot be read.
    """
    head, events_head = home.log.head(PARTITION), home.log.events_head(PARTITION)
    if not head:
        return None
    (stored,) = home.log.read(PARTITION, head - 1, 1)
    try:
        newest = read_signal(stored.wire).time
    except DomainError as error:
        raise LogCorrupt(f"signal at offset {stored.offset}: {error}") from error
    now = min(newest.occurred_at, newest.received_at)
    if events_head:
        now = max(now, read_event(home.log.read_events(PARTITION, events_head - 1, 1)[0].wire).known_at)
    # Of a signal from which no event follows, and behind which one of an earlier time stands, neither tells.
    return latest(home.history, PARTITION, now)
