"""A signal: what a device said or a person ordered, immutable.

On the wire and in the log a signal is a CloudEvents 1.0 envelope in JSON whose `data` is ours. The
version of `data` stands in `dataschema`; `read_signal` brings older versions up one step at a time, so
that everything behind it sees only the newest.
"""

import hashlib
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from itertools import accumulate
from typing import Any, Final

import msgspec

from domain.errors import UnknownSchema, UnreadableSignal
from domain.upcasting import Upcaster, bring_up
from domain.vocabulary import Action, Category, Delivery, Direction, Method, Quality, Reason

SCHEMA_VERSION: Final = 1
_SCHEMA: Final = "urn:limen:signal:"
ENVELOPE_TYPE: Final = "limen.signal"


class Credential(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """A card, code or face template, never in the clear: its format, and a keyed hash of its value."""

    format: str
    hash: str


HashCredential = Callable[[str, str], str]
"""From a credential's format and value to the keyed hash that stands for it everywhere, in hexadecimal."""


class Verify(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """How the person was verified: methods used, whether liveness was checked, how many factors."""

    methods: tuple[Method, ...] = ()
    liveness: bool | None = None
    factors: int | None = None


class Screening(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """What a screening station measured. None means not measured."""

    temperature_c: float | None = None
    mask: bool | None = None
    helmet: bool | None = None
    equipment: tuple[str, ...] = ()


class Count(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """Passages at a point: since its last report, and since the counter was reset. Never negative."""

    interval: int = 0
    cumulative: int | None = None


class Time(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """When it happened and when we heard of it, both UTC in microseconds since 1970.

    `raw` is the device's own notation and `zone` its IANA time zone; `offset_ms` is what its clock was
    ahead and what has already been taken off `occurred_at`.
    """

    occurred_at: int
    received_at: int
    raw: str | None = None
    zone: str | None = None
    offset_ms: int | None = None
    quality: Quality = Quality.SYNCHRONISED


class Signal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One signal. `id` is deterministic, so that the same one is known again when it comes twice.

    `device` is always known; `point`, `person` and `credential` where they apply. `data` is the body of
    a control signal. `seq` is the device's own running number. `raw` is what the device sent.
    """

    id: str
    site: str
    device: str
    category: Category
    action: Action
    time: Time
    point: str | None = None
    reason: Reason = Reason.NONE
    reason_code: str | None = None
    direction: Direction = Direction.UNKNOWN
    credential: Credential | None = None
    person: str | None = None
    verify: Verify | None = None
    screening: Screening | None = None
    count: Count | None = None
    seq: int | None = None
    delivery: Delivery = Delivery.LIVE
    data: dict[str, Any] | None = None
    raw: str | None = None


class _Envelope(msgspec.Struct, omit_defaults=True):
    """CloudEvents 1.0, structured mode (https://github.com/cloudevents/spec, 3.1 and 3.2)."""

    specversion: str
    type: str
    source: str
    id: str
    dataschema: str
    data: msgspec.Raw
    time: str | None = None
    subject: str | None = None


UPCASTERS: Final[dict[int, Upcaster]] = {}
"""From version N to N + 1, by N. A new version of the schema adds its one step here."""

_encode: Final = msgspec.json.Encoder().encode
_decode_envelope: Final = msgspec.json.Decoder(_Envelope).decode
_decode_data: Final = msgspec.json.Decoder(Signal).decode
NEWEST_SCHEMA: Final = f"{_SCHEMA}{SCHEMA_VERSION}"
DEEPEST: Final = 64
"""How deep arrays and objects may lie within each other. A limit of our own: what the JSON reader takes
depends on how deep its caller stands in the stack, and everybody must refuse the same."""
_VERSION: Final = re.compile("0|[1-9][0-9]{0,5}")
_STEPS: Final = {opening: 1 for opening in b"[{"} | {closing: -1 for closing in b"]}"}
_NO_BRACKETS: Final = bytes(set(range(256)) - set(_STEPS))


def signal_id(*parts: str | bytes) -> str:
    """Return the deterministic id of a signal made from these parts: 32 hexadecimal digits.

    Use the device and its running number, or the source and the raw record.

    >>> signal_id("reader-7", "42")
    'c00539535ebaa1434db03045646de33f'
    """
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        encoded = part.encode() if isinstance(part, str) else part
        digest.update(len(encoded).to_bytes(4, "big"))
        digest.update(encoded)
    return digest.hexdigest()


def signal_ids(source: str, columns: Sequence[Sequence[str]]) -> list[str]:
    """Return `signal_id` of a source and each row of these columns.

    >>> signal_ids("reader-7", [["42", "43"]])[0] == signal_id("reader-7", "42")
    True
    """
    encoded = source.encode()
    first, digest = len(encoded).to_bytes(4, "big") + encoded, hashlib.blake2b
    if len(columns) > 1:
        return [signal_id(source, *row) for row in zip(*columns, strict=True)]
    parts = [text.encode() for text in columns[0]]
    before = {length: first + length.to_bytes(4, "big") for length in set(map(len, parts))}
    return [digest(before[len(part)] + part, digest_size=16).hexdigest() for part in parts]


def write_signal(signal: Signal) -> bytes:
    """Return the signal as a CloudEvents envelope in JSON, in the newest schema version.

    Raises:
        ValueError, OverflowError: its time is in no year that can be written; see `domain.bounds`.
    """
    occurred = datetime.fromtimestamp(signal.time.occurred_at // 1_000_000, UTC)
    return _encode(
        _Envelope(
            specversion="1.0",
            type=ENVELOPE_TYPE,
            source=f"/{signal.site}/{signal.device}",
            id=signal.id,
            dataschema=NEWEST_SCHEMA,
            data=msgspec.Raw(_encode(signal)),
            time=occurred.isoformat().replace("+00:00", "Z"),
            subject=signal.point,
        )
    )


def read_signal(wire: bytes) -> Signal:
    """Return the signal in these bytes, upcast to the newest schema version.

    Raises:
        UnreadableSignal: not JSON, nested too deeply, not a CloudEvents envelope of ours, a word outside its
            vocabulary, or a required field missing. Nothing else is raised, whatever the bytes are.
        UnknownSchema: of them, where it is the schema version.
    """
    try:
        _check_depth(wire)
        envelope = _decode_envelope(wire)
        newest = envelope.dataschema == NEWEST_SCHEMA
        signal = _decode_data(envelope.data) if newest else _upcast(envelope)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise UnreadableSignal(f"not a signal: {error}") from error
    if signal.id != envelope.id:
        raise UnreadableSignal(f"envelope id {envelope.id!r} is not the id of its data, {signal.id!r}")
    return signal


def version_of(text: str) -> int | None:
    """Return the schema version that is written here; None where it is none this version can read."""
    known = _VERSION.fullmatch(text) is not None and int(text) <= SCHEMA_VERSION
    return int(text) if known else None


def _upcast(envelope: _Envelope) -> Signal:
    head, _, text = envelope.dataschema.rpartition(":")
    version = version_of(text)
    try:
        if f"{head}:" != _SCHEMA or version is None:
            raise LookupError
        fields = msgspec.json.decode(envelope.data, type=dict[str, Any])
        return msgspec.convert(bring_up(fields, version, SCHEMA_VERSION, UPCASTERS), Signal)
    except LookupError:
        raise UnknownSchema(
            f"unknown schema {envelope.dataschema!r}: this version reads {_SCHEMA}1 to {NEWEST_SCHEMA}"
        ) from None


def _check_depth(wire: bytes) -> None:
    if wire.count(b"[") + wire.count(b"{") <= DEEPEST:
        return
    # Every second piece between quotes stands outside of texts, once the quotes that are escaped are out.
    outside = wire.replace(b"\\\\", b"").replace(b'\\"', b"").split(b'"')[::2]
    brackets = b"".join(outside).translate(None, _NO_BRACKETS)
    if max(accumulate(map(_STEPS.__getitem__, brackets)), default=0) > DEEPEST:
        raise ValueError(f"arrays and objects lie more than {DEEPEST} deep within each other")
