"""An event: a past-tense fact that follows from signals.

One flat shape serves every topic: a field that a topic does not use is None (or its default) and is
not stored. `docs/rules.md` says which topics use which fields.
"""

from typing import Any, Final

import msgspec

from domain.errors import UnreadableEvent
from domain.upcasting import Upcaster, bring_up
from domain.vocabulary import Basis, Severity, Topic

SCHEMA_VERSION: Final = 1


class Event(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One fact. Times are UTC microseconds since 1970.

    Fields:
        id: `{site}:{position}:{ordinal}`: deterministic, so the same decision gives the same id.
        position: offset in the signals log of the signal whose processing decided this.
        ordinal: place among the events decided by that signal, from 0.
        occurred_at: when it happened; known_at: the log's time when it was decided.
        zone: where the person now is, or what the event is about; None is outside or not applicable.
        from_zone: where the person was before; maybe_zone: the other zone the person may be in
            (`outside` where that is it), None where the person is certainly in `zone`.
        visit: id of the visit; alert: id of the alert; rule: the detector that found it.
        value, limit: what was measured and what was allowed, in the topic's unit.
        causes: offsets in the signals log of the signals it rests on, in order.
        policy_version: how many policies had been applied when it was decided.
    """

    id: str
    site: str
    topic: Topic
    position: int
    ordinal: int
    occurred_at: int
    known_at: int
    person: str | None = None
    credential: str | None = None
    zone: str | None = None
    from_zone: str | None = None
    maybe_zone: str | None = None
    point: str | None = None
    device: str | None = None
    visit: str | None = None
    basis: Basis = Basis.NONE
    rule: str | None = None
    alert: str | None = None
    severity: Severity = Severity.NONE
    value: int | None = None
    limit: int | None = None
    late: bool = False
    causes: tuple[int, ...] = ()
    policy_version: int = 0
    detail: dict[str, Any] | None = None
    schema: int = SCHEMA_VERSION


UPCASTERS: Final[dict[int, Upcaster]] = {}
"""From version N to N + 1, by N. Events of version 1 do not name it; every later one must."""

_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Event).decode


def write_event(event: Event) -> bytes:
    """Return the event as JSON, fields at their defaults left out."""
    return _encode(event)


def read_event(wire: bytes) -> Event:
    """Return the event in these bytes, upcast to the newest schema version.

    Raises:
        UnreadableEvent: not JSON, nested too deeply, an unknown topic or schema version, or a required field
            missing.
    """
    try:
        event = _decode(wire)
        return event if event.schema == SCHEMA_VERSION else _upcast(wire)
    except msgspec.ValidationError:
        return _upcast(wire)  # an older version may have had other fields
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableEvent(f"not an event: {error}") from error


def _upcast(wire: bytes) -> Event:
    version: object = None
    try:
        fields = msgspec.json.decode(wire, type=dict[str, Any])
        version = fields.get("schema", 1)
        if not isinstance(version, int):
            raise LookupError
        return msgspec.convert(
            bring_up(fields, version, SCHEMA_VERSION, UPCASTERS) | {"schema": SCHEMA_VERSION}, Event
        )
    except LookupError:
        raise UnreadableEvent(
            f"unknown event schema {version!r}: this version reads 1 to {SCHEMA_VERSION}"
        ) from None
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableEvent(f"not an event: {error}") from error
