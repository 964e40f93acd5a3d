"""The headers of each message: what it is, and what is looked for without reading its bytes."""

from collections.abc import Iterable
from typing import Final

from streams.log import EventDraft

Headers = list[tuple[str, str | bytes | None]]
"""As confluent-kafka takes them to write; ours are all bytes."""
ReadHeaders = list[tuple[str, bytes | None]]
"""As they are read; a message of somebody else may have one without a value."""

SIGNAL_TYPE: Final = b"application/cloudevents+json"
EVENT_TYPE: Final = b"application/json"


def signal_headers(id_: str, schema: int) -> Headers:
    """Return the headers of a signal; `schema` is the schema's version."""
    return [("content-type", SIGNAL_TYPE), ("schema", b"%d" % schema), ("id", id_.encode())]


def event_headers(event: EventDraft, offset: int, schema: int) -> Headers:
    """Return the headers of the event at this offset of its partition; a field that is None has none."""
    headers: Headers = [
        ("content-type", EVENT_TYPE),
        ("schema", b"%d" % schema),
        ("id", event.id.encode()),
        ("offset", b"%d" % offset),
        ("topic", event.topic.encode()),
        ("known-at", b"%d" % event.known_at),
    ]
    if event.visit is not None:
        headers.append(("visit", event.visit.encode()))
    if event.point is not None:
        headers.append(("point", event.point.encode()))
    return headers


def header(headers: Iterable[tuple[str, bytes | None]] | None, name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    for key, value in headers or ():
        if key == name:
            return value
    return None
