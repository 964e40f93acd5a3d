"""Records of the log in blocks: a few hundred signals or events as one value.

A block is the records' fields, column by column, in MessagePack. It is written and read whole.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from operator import attrgetter
from typing import Final

import msgspec

from streams.known_ids import ID_BYTES
from streams.log import Draft, EventDraft, Stored

RECORDS: Final = 512
"""Records of a block at most: what reading a single one costs, against what each block costs in writing."""

_SignalFields = tuple[list[str], list[bytes]]  # site, wire
_EventFields = tuple[
    list[str], list[str], list[bytes], list[str], list[int], list[str | None], list[str | None]
]  # id, site, wire, topic, known_at, visit, point

_encode: Final = msgspec.msgpack.Encoder().encode
_decode_signals: Final = msgspec.msgpack.Decoder(_SignalFields).decode
_decode_events: Final = msgspec.msgpack.Decoder(_EventFields).decode
_signal_fields: Final = attrgetter("site", "wire")
_event_fields: Final = attrgetter("id", "site", "wire", "topic", "known_at", "visit", "point")


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which events a search is for, as `Log.find_events`; `to_offset` is exclusive."""

    topics: frozenset[str]
    visit: str | None
    point: str | None
    from_offset: int
    to_offset: int
    known_until: int | None


def block_bounds(records: int) -> Iterator[tuple[int, int]]:
    """Yield where each block of so many records begins and ends."""
    for start in range(0, records, RECORDS):
        yield start, min(start + RECORDS, records)


def signal_block(signals: Sequence[Draft]) -> bytes:
    """Return a block of signals; their ids are kept beside it."""
    return _encode(tuple(zip(*map(_signal_fields, signals), strict=True)))


def event_block(events: Sequence[EventDraft]) -> bytes:
    """Return a block of events.

    Raises:
        OverflowError: a time beyond 64 bits.
    """
    return _encode(tuple(zip(*map(_event_fields, events), strict=True)))


def signals_in(first_offset: int, ids: bytes, block: bytes) -> Iterator[Stored]:
    """Yield the signals of a block, whose ids these are."""
    sites, wires = _decode_signals(block)
    digits = ids.hex()
    width = 2 * ID_BYTES
    each = [digits[start : start + width] for start in range(0, len(digits), width)]
    return map(Stored, count(first_offset), each, sites, wires)


def events_in(first_offset: int, block: bytes) -> Iterator[Stored]:
    """Yield the events of a block."""
    ids, sites, wires, *_ = _decode_events(block)
    return map(Stored, count(first_offset), ids, sites, wires)


def found_in(first_offset: int, block: bytes, wanted: Wanted) -> Iterator[Stored]:
    """Yield the events of a block that are wanted."""
    for offset, (id_, site, wire, topic, known_at, visit, point) in enumerate(
        zip(*_decode_events(block), strict=True), first_offset
    ):
        if (
            topic in wanted.topics
            and wanted.from_offset <= offset < wanted.to_offset
            and (wanted.visit is None or visit == wanted.visit)
            and (wanted.point is None or point == wanted.point)
            and (wanted.known_until is None or known_at <= wanted.known_until)
        ):
            yield Stored(offset, id_, site, wire)
