"""The headers of each message: what it is, and what is looked for without reading its bytes."""

from collections.abc import Iterable
from operator import methodcaller
from typing import Final, Protocol

from domain import event, signal
from streams.log import EventDraft

Headers = list[tuple[str, str | bytes | None]]
"""As confluent-kafka takes them to write; ours are all bytes."""
ReadHeaders = list[tuple[str, bytes | None]]
"""As they are read; a message of somebody else may have one without a value."""

SIGNAL_TYPE: Final = b"application/cloudevents+json"
EVENT_TYPE: Final = b"application/json"


def signal_headers(id_: str, schema: int = signal.SCHEMA_VERSION) -> Headers:
    """Return the headers of a signal of this id; `schema` is the schema's version."""
    return [("content-type", SIGNAL_TYPE), ("schema", b"%d" % schema), ("id", id_)]


def event_headers(draft: EventDraft, offset: int) -> Headers:
    """Return the headers of the event at this offset of its partition; a field that is None has none."""
    headers: Headers = [
        ("content-type", EVENT_TYPE),
        ("schema", b"%d" % event.SCHEMA_VERSION),
        ("id", draft.id.encode()),
        ("offset", b"%d" % offset),
        ("topic", draft.topic.encode()),
        ("known-at", b"%d" % draft.known_at),
    ]
    if draft.visit is not None:
        headers.append(("visit", draft.visit.encode()))
    if draft.point is not None:
        headers.append(("point", draft.point.encode()))
    return headers


_headers: Final = methodcaller("headers")
"""Where a name is not UTF-8, confluent-kafka returns a broken list, with its error set. Called like this, it
is noticed here, as a SystemError; a plain call may be optimised, and the error then comes out anywhere."""


class _Headed(Protocol):
    def headers(self) -> ReadHeaders | None: ...


def headers_of(message: _Headed) -> ReadHeaders | None:
    """Return a message's headers; None if it has none, or one whose name is not UTF-8: nobody can read it."""
    try:
        headers: ReadHeaders | None = _headers(message)
    except (SystemError, UnicodeDecodeError):
        return None
    return headers


def header(headers: Iterable[tuple[str, bytes | None]] | None, name: str) -> bytes | None:
    """Return the first header of this name, or None."""
    for key, value in headers or ():
        if key == name:
            return value
    return None
