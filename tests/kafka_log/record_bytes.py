"""Record batches written by hand: what no client for Python writes, or a broker would add."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

from aiokafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.util import calc_crc32c, encode_varint

from streams.kafka.record_batches import _HEADER

APPEND_TIME: Final = 0b1000
TRANSACTIONAL: Final = 0b10000
CONTROL: Final = 0b100000
ABORT, COMMIT = b"\0\0\0\0", b"\0\0\0\1"
"""The keys of the records that end a transaction."""
ENCODERS: Final[Mapping[int, Callable[[bytes], bytes]]] = {
    0: bytes, 1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode,
}  # fmt: skip
CHECKED: Final = 21
"""Where a batch's checksum ends, and what it is of begins."""

RawHeaders = Sequence[tuple[bytes, bytes | None]]
Built = tuple[int, int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""A record for aiokafka's builder: offset less the batch's, time, key, value, headers."""


def varint(value: int) -> bytes:
    """Return a signed number of variable length."""
    written = bytearray()
    encode_varint(value, written.append)
    return bytes(written)


def part(value: bytes | None) -> bytes:
    """Return bytes behind their length."""
    return varint(-1) if value is None else varint(len(value)) + value


def record(
    key: bytes | None = None,
    value: bytes | None = None,
    headers: RawHeaders = (),
    *,
    further: int = 0,
    since: int = 0,
) -> bytes:
    """Return a record; `further` and `since` are offset and time less those of its batch."""
    told = b"".join(part(name) + part(value) for name, value in headers)
    whole = b"\0" + varint(since) + varint(further) + part(key) + part(value) + varint(len(headers)) + told
    return varint(len(whole)) + whole


def batch(
    records: bytes,
    count: int,
    *,
    offset: int = 0,
    last: int | None = None,
    times: tuple[int, int] = (0, 0),
    attributes: int = 0,
    compression: int = 0,
    producer: int = -1,
) -> bytes:
    """Return a batch of records that are written already; `last` is its last offset less its first."""
    packed = ENCODERS[compression](records)
    last = max(count - 1, 0) if last is None else last
    behind = _HEADER.size - 12 + len(packed)
    shared = compression | attributes, last, *times, producer, 0, 0, count
    return checked(_HEADER.pack(offset, behind, 0, 2, 0, *shared) + packed)


def marker(offset: int, producer: int, key: bytes) -> bytes:
    """Return the batch that ends a producer's transaction."""
    attributes = TRANSACTIONAL | CONTROL
    return batch(record(key, b"\0" * 6), 1, offset=offset, attributes=attributes, producer=producer)


def built(
    records: Sequence[Built], offset: int, compression: int, *, producer: int = -1, append_time: int = -1
) -> bytes:
    """Return a batch as aiokafka's builder makes it and a broker keeps it.

    With an append time, all records have that; with a producer they are part of its transaction.
    """
    builder = DefaultRecordBatchBuilder(2, compression, producer >= 0, producer, 0, 0, 1 << 30)
    for one in records:
        assert builder.append(*one) is not None
    fields = list(_HEADER.unpack_from(made := bytes(builder.build())))
    fields[0] = offset
    if append_time >= 0:
        fields[5] |= APPEND_TIME
        fields[8] = append_time
    return checked(_HEADER.pack(*fields) + made[_HEADER.size :])


def checked(batch: bytes) -> bytes:
    """Return a batch with the checksum that fits it."""
    checksum = calc_crc32c(batch[CHECKED:])
    return batch[: CHECKED - 4] + checksum.to_bytes(4) + batch[CHECKED:]
