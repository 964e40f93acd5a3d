"""Record batches, as a broker keeps and sends them, become columns of messages.

Clients make an object of each record, which takes longer than to decide it. The format is Kafka's message
format 2 (https://kafka.apache.org/documentation/#recordbatch), the only one since Kafka 4.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import cramjam
import google_crc32c
import numpy as np
from aiokafka.codec import gzip_decode, snappy_decode, zstd_decode  # type: ignore[import-untyped]
from numpy.typing import NDArray

from domain.bounds import ID_CHARACTERS
from domain.byte_words import ROOM, are_ascii, begins
from domain.kernels import WORD_BYTES, inlined, loop, records
from domain.times import MILLISECOND_US
from streams.kafka.headers import Headers, signal_headers
from streams.messages import NOTHING, PLACES, Messages

_HEADER: Final = struct.Struct(">qiibIhiqqqhii")
"""Offset, bytes behind this field, leader's epoch, format, checksum, attributes, offset of the last record
less the first's, first and last time, producer's id and epoch, sequence number, records."""
_BEFORE_LENGTH: Final = 12
_CHECKED: Final = 21
"""Where what the checksum (CRC-32C) is of begins: behind it."""
_FORMAT: Final = 2
_NO_END: Final = 1 << 63
_COMPRESSION, _APPEND_TIME, _TRANSACTIONAL, _CONTROL = 0b111, 0b1000, 0b10000, 0b100000
_MARKER_KIND: Final = slice(2, 4)
"""Of a marker's key: its version stands before it, and a later one may have more behind it."""
_ABORT: Final = b"\0\0"
_LEAST_RECORD: Final = 7
"""So many bytes has a record that holds nothing."""
_LZ4: Final = 3
_MOST_LZ4: Final = 256
"""A byte of LZ4 becomes fewer than so many."""
_DECODERS: Final[Mapping[int, Callable[[Any], bytes]]] = {
    0: bytes, 1: gzip_decode, 2: snappy_decode, 4: zstd_decode,
}  # fmt: skip
_FILLS: Final = 8
"""So many bytes are made ready for each byte that comes: those that are not needed cost nothing."""
_SCHEMA, _ID = (np.frombuffer(name.ljust(WORD_BYTES, b"\0"), "<u8") for name in (b"schema", b"id"))
_SCHEMA_BYTES, _ID_BYTES = len(b"schema"), len(b"id")
_BATCH: Final = np.dtype(
    [("offset", "i8"), ("time", "i8"), ("start", "i8"), ("stop", "i8"), ("count", "i4"), ("fixed_time", "?")]
)


def _encoded(headers: Headers) -> bytes:
    """Return headers as they stand in a record: each number here is one byte, twice itself."""
    pieces = [bytes((2 * len(headers),))]
    for name, value in headers:
        for part in (name.encode(), value.encode() if isinstance(value, str) else value or b""):
            pieces += (bytes((2 * len(part),)), part)
    return b"".join(pieces)


_OURS: Final = _encoded(signal_headers("0" * ID_CHARACTERS))[:-ID_CHARACTERS]
"""What stands in a record of ours before its signal's id, which is the last of its headers."""
_OUR_SCHEMA: Final = _OURS.index(b"schema") + len(b"schema") + 1
_OUR_HEADERS: Final = (
    np.frombuffer(_OURS.ljust(-(-len(_OURS) // WORD_BYTES) * WORD_BYTES, b"\0"), "<u8"),
    len(_OURS),
    _OUR_SCHEMA,
    _OURS[_OUR_SCHEMA - 1] // 2,
)
"""The same in words and its bytes; where the schema's version stands in it, and the bytes of that."""


class Batch(NamedTuple):
    """Records that were sent together: what they are packed into, and what all of them share.

    `time` is the first record's, UTC milliseconds; where `is_time_fixed`, every record's.
    """

    packed: memoryview
    compression: int
    offset: int
    records: int
    time: int
    is_time_fixed: bool


class Corrupt(ValueError):
    """Bytes that are no record batches of a format we read."""


def batches(
    fetched: bytes, aborted: Sequence[tuple[int, int]], from_offset: int, to_offset: int = _NO_END
) -> tuple[list[Batch], int]:
    """Return the batches of committed messages in what a broker sent, and the offset to go on at.

    Their checksums are verified. Batches from `to_offset` on are not looked at.

    Args:
        fetched: whole batches, and perhaps the beginning of another.
        aborted: the producer and first offset of each transaction of these that was given up.
        from_offset: that was asked for.
        to_offset: behind what is wanted.

    Raises:
        Corrupt: they cannot be read.
    """
    found, at, place = list[Batch](), 0, from_offset
    waiting = sorted(aborted, key=lambda one: one[1], reverse=True)
    given_up: set[int] = set()
    view = memoryview(fetched)
    while at + _HEADER.size <= len(fetched):
        (
            offset, length, _, form, checksum, attributes, last, first_time, last_time, producer, _, _, count,
        ) = _HEADER.unpack_from(fetched, at)  # fmt: skip
        begin, start, at = at, at + _HEADER.size, at + _BEFORE_LENGTH + length
        if offset >= to_offset:
            return found, offset
        if form != _FORMAT:
            raise Corrupt(f"the batch at offset {offset} has message format {form}: this version reads 2")
        if min(count, last, at - start) < 0:
            raise Corrupt(f"the batch at offset {offset} has a length or a number of records below 0")
        if at > len(fetched):
            break
        if google_crc32c.value(fetched[begin + _CHECKED : at]) != checksum:
            raise Corrupt(f"the batch at offset {offset} is not what was written: its checksum differs")
        place = offset + last + 1
        while waiting and waiting[-1][1] <= offset:
            given_up.add(waiting.pop()[0])
        is_fixed = bool(attributes & _APPEND_TIME)
        time = last_time if is_fixed else first_time
        batch = Batch(view[start:at], attributes & _COMPRESSION, offset, count, time, is_fixed)
        if attributes & _CONTROL:
            markers = messages_in([batch])  # none where compaction took it: the batch stays
            if any((marker.key or b"")[_MARKER_KIND] == _ABORT for marker in markers):
                given_up.discard(producer)
        elif count and place > from_offset and not (attributes & _TRANSACTIONAL and producer in given_up):
            found.append(batch)
    return found, place


def messages_in(found: Sequence[Batch]) -> Messages:
    """Return the messages in batches, in order.

    Raises:
        Corrupt: a batch does not hold what it says.
    """
    rows = records(len(found), _BATCH)
    rows["offset"] = [batch.offset for batch in found]
    rows["time"] = [batch.time for batch in found]
    rows["count"] = [batch.records for batch in found]
    rows["fixed_time"] = [batch.is_time_fixed for batch in found]
    data, rows["stop"] = _unpacked(found)
    rows["start"][1:] = rows["stop"][:-1]
    short = rows["count"] > (rows["stop"] - rows["start"]) // _LEAST_RECORD  # no room is made for these
    places = records(0 if short.any() else int(rows["count"].sum()), PLACES)
    unusual = np.zeros(len(places), np.int64)
    broken = int(short.argmax()) if short.any() else _read(data, rows, *_OUR_HEADERS, places, unusual)
    if broken >= 0:
        raise Corrupt(f"the batch at offset {found[broken].offset} does not hold the records it says")
    for row in np.flatnonzero(unusual).tolist():
        if not _are_names_text(data, int(unusual[row])):
            places[row]["schema_length"] = places[row]["id_length"] = NOTHING
    return Messages(data, places)


def _unpacked(found: Sequence[Batch]) -> tuple[NDArray[np.uint8], list[int]]:
    """Return the records of all batches, `ROOM` behind them, and where those of each end."""
    data, end, ends = np.empty(_FILLS * sum(len(batch.packed) for batch in found), np.uint8), 0, list[int]()
    for batch in found:
        try:
            if batch.compression == _LZ4:
                data, end = _unpack_lz4(batch.packed, data, end)
            else:
                unpacked = np.frombuffer(_DECODERS[batch.compression](batch.packed), np.uint8)
                data = _with_room(data, end, len(unpacked))
                data[end : end + len(unpacked)] = unpacked
                end += len(unpacked)
        except Exception as error:
            raise Corrupt(f"the batch at offset {batch.offset} cannot be decompressed: {error}") from error
        ends.append(end)
    data = _with_room(data, end, len(ROOM))[: end + len(ROOM)]
    data[end:] = 0
    data.setflags(write=False)
    return data, ends


def _unpack_lz4(packed: memoryview, data: NDArray[np.uint8], end: int) -> tuple[NDArray[np.uint8], int]:
    """Unpack behind the end of some data, with more room where it is too little; return both."""
    while True:
        try:
            return data, end + cramjam.lz4.decompress_into(packed, data.data[end:])
        except cramjam.DecompressionError:
            if len(data) - end > _MOST_LZ4 * len(packed):
                raise
            data = _with_room(data, end, _MOST_LZ4 * len(packed) + 1)


def _with_room(data: NDArray[np.uint8], end: int, room: int) -> NDArray[np.uint8]:
    """Return data with so much room behind its end."""
    if end + room <= len(data):
        return data
    more = np.empty(max(2 * len(data), end + room), np.uint8)
    more[:end] = data[:end]
    return more


def _are_names_text(data: Any, at: int) -> bool:
    """Return whether all names of the headers that begin at a place are UTF-8.

    Where one is not, librdkafka reads none of them (`streams.kafka.headers`), so here as well.
    """
    at, count = _varint(data, at, len(data))
    for _ in range(count):
        at, length, start = _part(data, at, len(data))
        try:
            data[start : start + length].tobytes().decode()
        except UnicodeDecodeError:
            return False
        at, _, _ = _part(data, at, len(data))
    return True


@inlined
def _varint(data: Any, at: int, stop: int) -> tuple[int, int]:
    """Return the place behind a signed number of variable length, -1 where none ends; and the number."""
    if at < stop and data[at] < 0x80:  # as most are
        value = int(data[at])
        return at + 1, (value >> 1) ^ -(value & 1)
    value, shift = 0, 0
    while at < stop and shift < 64:
        byte = int(data[at])
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return at, (value >> 1) ^ -(value & 1)
        shift += 7
    return -1, 0


@inlined
def _part(data: Any, at: int, stop: int) -> tuple[int, int, int]:
    """Return the place behind some bytes and their length, -1 where they do not end; and where they begin."""
    start, length = _varint(data, at, stop)
    if start < 0 or length < NOTHING or length > stop - start:
        return -1, NOTHING, 0
    return start + max(length, 0), length, start


@inlined
def _read_headers(
    data: Any, at: int, stop: int, ours: Any, ours_bytes: int, schema: int, schema_bytes: int, place: Any
) -> tuple[int, bool]:  # fmt: skip
    """Read a message's headers; return the place behind them, -1 if they are broken; are all names ASCII?

    The first of a name counts.
    """
    behind = at + ours_bytes
    if behind + ID_CHARACTERS == stop and begins(data, at, ours, 0, ours_bytes):  # as we write them
        place.schema_length, place.schema = schema_bytes, at + schema
        place.id_length, place.id = ID_CHARACTERS, behind
        return stop, True
    is_ascii, has_schema, has_id = True, False, False
    place.schema_length = place.id_length = NOTHING
    at, count = _varint(data, at, stop)
    while at >= 0 and count > 0:
        count -= 1
        at, length, start = _part(data, at, stop)
        if at < 0 or length < 0:
            return -1, True
        at, value_length, value = _part(data, at, stop)
        if not has_schema and length == _SCHEMA_BYTES and begins(data, start, _SCHEMA, 0, length):
            has_schema, place.schema_length, place.schema = True, value_length, value
        elif not has_id and length == _ID_BYTES and begins(data, start, _ID, 0, length):
            has_id, place.id_length, place.id = True, value_length, value
        else:
            is_ascii &= are_ascii(data, start, length)
    return at, is_ascii


@loop
def _read(
    data: Any, batches: Any, ours: Any, ours_bytes: int, schema: int, schema_bytes: int, places: Any,
    unusual: Any,
) -> int:  # fmt: skip
    """Read the records of each batch; return the number of the first that is broken, -1 if none is.

    `ours` is what our headers begin with, `schema` where in it the schema's version stands.
    `unusual` is where a message's headers begin, if the name of one is not ASCII.
    """
    row = 0
    for number in range(len(batches)):
        batch = batches[number]
        at, stop = int(batch.start), int(batch.stop)
        for _ in range(int(batch.count)):
            at, size = _varint(data, at, stop)
            if at < 0 or size < 1 or size > stop - at:
                return number
            end, place = at + size, places[row]
            since, further, headers, is_ascii = 0, 0, 0, True
            at, since = _varint(data, at + 1, end)  # behind a byte that is not used
            if at >= 0:
                at, further = _varint(data, at, end)
            if at >= 0:
                at, place.key_length, place.key = _part(data, at, end)
            if at >= 0:
                at, place.value_length, place.value = _part(data, at, end)
            if at >= 0:
                headers = at
                at, is_ascii = _read_headers(data, at, end, ours, ours_bytes, schema, schema_bytes, place)
            if at != end:
                return number
            if not is_ascii:
                unusual[row] = headers
            place.offset = batch.offset + further
            place.appended_at = MILLISECOND_US * (batch.time if batch.fixed_time else batch.time + since)
            row += 1
        if at != stop:
            return number
    return -1
