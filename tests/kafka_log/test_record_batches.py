"""Record batches become the messages that were put in, however they are packed; broken ones are told."""

import itertools
from collections.abc import Iterable, Sequence
from typing import Any, Final, NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from domain.byte_words import ROOM
from domain.times import MILLISECOND_US
from streams.admission import Message
from streams.kafka.headers import signal_headers
from streams.kafka.record_batches import Corrupt, batches, messages_in
from streams.messages import NOTHING, Messages
from tests.kafka_log.record_bytes import (
    ABORT,
    APPEND_TIME,
    CHECKED,
    COMMIT,
    CONTROL,
    ENCODERS,
    TRANSACTIONAL,
    Built,
    RawHeaders,
    batch,
    built,
    marker,
    record,
    varint,
)

ID: Final = "3f5b0c1e-5d3a-5b8e-9c54-7b0a4a1d2f60"
NOW: Final = 1_709_550_000_000


class Put(NamedTuple):
    """A batch, the messages in it, and the offset behind it."""

    raw: bytes
    messages: list[Message]
    behind: int


def ours(id_: str = ID) -> list[tuple[str, bytes | None]]:
    """Return the headers of a signal as a broker keeps them."""
    return [
        (name, value.encode() if isinstance(value, str) else value) for name, value in signal_headers(id_)
    ]


def first_of(headers: RawHeaders, name: bytes) -> bytes | None:
    """Return what counts of the headers of a name."""
    return next((value for key, value in headers if key == name), None)


_parts = st.none() | st.just(b"") | st.binary(max_size=20) | st.binary(min_size=60, max_size=140)
_long = st.builds(lambda size, byte: bytes((byte,)) * size, st.integers(8_100, 40_000), st.integers(0, 255))
_bytes = st.one_of(_parts, _parts, _parts, _long)
_names = st.sampled_from(
    ["schema", "id", "content-type", "", "i", "schem", "schemas", "größe", "id\0", "schema\0x"]
)
_others = st.lists(st.tuples(_names | st.text("aéß印😀", max_size=70), _bytes), max_size=6)
_headers = st.one_of(
    st.just(list[tuple[str, bytes | None]]()),
    st.builds(ours),
    st.builds(lambda others, known: known + others, _others, st.just(ours())),
    st.builds(lambda others, known: [*others, *known], _others, st.permutations(ours())),
    _others,
)


@st.composite
def _put(draw: st.DrawFn, offset: int) -> Put:
    """Draw a batch that begins at an offset; compaction may have taken some of its records."""
    furthers = sorted(draw(st.sets(st.integers(0, 30), min_size=1, max_size=6)))
    times = [NOW + draw(st.integers(-(2**33), 2**33)) for _ in furthers]
    records: list[Built] = [
        (further, time, draw(_bytes), draw(_bytes), draw(_headers))
        for further, time in zip(furthers, times, strict=True)
    ]
    append_time = draw(st.sampled_from([-1, NOW + 77]))
    raw = built(
        records, offset, draw(st.sampled_from(sorted(ENCODERS))), append_time=append_time,
        producer=draw(st.sampled_from([-1, 5])),
    )  # fmt: skip
    messages = [
        Message(
            offset + further, key, value, MILLISECOND_US * (time if append_time < 0 else append_time),
            first_of([(name.encode(), value) for name, value in headers], b"schema"),
            first_of([(name.encode(), value) for name, value in headers], b"id"),
        )
        for further, time, key, value, headers in records
    ]  # fmt: skip
    return Put(raw, messages, offset + furthers[-1] + 1)


@st.composite
def _log(draw: st.DrawFn) -> list[Put]:
    """Draw a stretch of a partition, with gaps between its batches as well."""
    stretch, offset = list[Put](), draw(st.sampled_from([0, 7, 2**40]))
    for _ in range(draw(st.integers(1, 5))):
        stretch.append(draw(_put(offset)))
        offset = stretch[-1].behind + draw(st.sampled_from([0, 0, 3]))
    return stretch


def read(raw: bytes, aborted: Sequence[tuple[int, int]] = (), from_offset: int = 0) -> list[Message]:
    """Return the messages in bytes."""
    return list(checked_messages(batches(raw, aborted, from_offset)[0]))


def checked_messages(found: Any) -> Messages:
    """Return the messages in batches, all of whose parts stand where there is something."""
    messages = messages_in(found)
    assert messages.data[-len(ROOM) :].tobytes() == ROOM
    for name in ("key", "value", "schema", "id"):
        starts, lengths = messages.places[name], messages.places[f"{name}_length"]
        assert (lengths >= NOTHING).all()
        is_there = lengths != NOTHING
        assert (starts[is_there] >= 0).all()
        assert ((starts + lengths)[is_there] <= len(messages.data) - len(ROOM)).all()
    return messages


@given(_log(), st.data())
def test_what_was_put_in_comes_out(log: list[Put], data: st.DataObject) -> None:
    """Keys, values, times and both headers are those put in, of all whole batches that reach the range."""
    raw = b"".join(one.raw for one in log)
    cut = data.draw(st.integers(0, len(raw)), "cut")
    from_offset = data.draw(st.integers(log[0].messages[0].offset - 1, log[-1].behind + 1), "from_offset")
    ends = itertools.accumulate(len(one.raw) for one in log)
    whole = [one for one, end in zip(log, ends, strict=True) if end <= cut]
    found, place = batches(raw[:cut], (), from_offset)
    assert place == (whole[-1].behind if whole else from_offset)
    expected = [message for one in whole if one.behind > from_offset for message in one.messages]
    assert list(checked_messages(found)) == expected
    assert list(Messages.of(expected)) == expected


@given(st.sampled_from(sorted(ENCODERS)), st.integers(1, 3_000_000))
@example(3, 2**21)
@example(3, 1)
def test_what_hardly_takes_any_room_comes_out(compression: int, size: int) -> None:
    """A batch that is hundreds of times as long as what was sent of it is unpacked whole."""
    value = bytes(size)
    raw = built([(0, NOW, b"k", value, ours())], 3, compression)
    assert read(raw * 2) == 2 * [Message(3, b"k", value, NOW * MILLISECOND_US, b"1", ID.encode())]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([b"schema", b"id", b"\xff\xfe", b"\xed\xa0\x80", "ß".encode(), b"", b"id\0\xff"])
            | st.binary(max_size=12),
            _parts,
        ),
        max_size=6,
    ),
    st.booleans(),
)
def test_a_name_that_is_no_text_hides_all_headers(headers: RawHeaders, has_ours: bool) -> None:
    """Where a header's name is not UTF-8, the message has none: as librdkafka reads it."""
    told = [*headers, *((name.encode(), value) for name, value in ours() if has_ours)]
    raw = batch(record(b"k", None, told, further=2) + record(further=4), 2, offset=8, last=9)
    first, second = read(raw)
    is_text = all(_is_text(name) for name, _ in told)
    assert (first.offset, second.offset) == (10, 12)
    assert first.schema == (first_of(told, b"schema") if is_text else None)
    assert first.id == (first_of(told, b"id") if is_text else None)


def _is_text(name: bytes) -> bool:
    try:
        name.decode()
    except UnicodeDecodeError:
        return False
    return True


_steps = st.tuples(st.sampled_from(["put", "abort", "commit", "alone"]), st.sampled_from([1, 2, 3]))


@given(st.lists(_steps, max_size=24), st.data())
def test_only_what_was_committed_comes_out(steps: list[tuple[str, int]], data: st.DataObject) -> None:
    """Of transactions that overlap, those that were given up are left out, and no marker is a message."""
    log, offset = list[tuple[int, int, bytes]](), 5
    since, aborted = dict[int, int](), list[tuple[int, int, int]]()
    for kind, producer in [*steps, *(("commit", producer) for producer in (1, 2, 3))]:
        if kind in ("abort", "commit"):
            first = since.pop(producer, None)
            if kind == "abort" and first is not None:
                aborted.append((producer, first, offset))
            log.append((offset, 0, marker(offset, producer, ABORT if kind == "abort" else COMMIT)))
            offset += 1
            continue
        is_alone = kind == "alone"
        if not is_alone:
            since.setdefault(producer, offset)
        pair = record(b"a") + record(b"b", further=1)
        attributes = 0 if is_alone else TRANSACTIONAL
        raw = batch(pair, 2, offset=offset, attributes=attributes, producer=producer)
        log.append((offset, -1 if is_alone else producer, raw))
        offset += 2
    start = data.draw(st.integers(0, len(log) - 1), "first batch that is fetched")
    from_offset = log[start][0]
    told = [(producer, first) for producer, first, end in aborted if end >= from_offset]
    kept = [
        at
        for at, producer, _ in log[start:]
        if producer == -1
        or (producer and all(not (who == producer and first <= at < end) for who, first, end in aborted))
    ]
    found, place = batches(
        b"".join(raw for *_, raw in log[start:]), data.draw(st.permutations(told)), from_offset
    )
    assert place == offset
    assert [message.offset for message in checked_messages(found)] == [
        at + more for at in kept for more in (0, 1)
    ]


def test_markers_that_lost_their_record_are_passed() -> None:
    """Compaction may leave a marker's batch, or another, without its record: it ends no transaction."""
    attributes = TRANSACTIONAL | CONTROL
    emptied = batch(b"", 0, offset=1, last=0, attributes=attributes, producer=1)
    put = batch(record(b"k"), 1, offset=2, attributes=TRANSACTIONAL, producer=1)
    bare = batch(b"", 0, offset=3, last=8)
    raw = emptied + put + bare
    assert batches(raw, [(1, 0)], 0) == ([], 12)
    found, place = batches(raw, [], 0)
    assert ([message.offset for message in messages_in(found)], place) == ([2], 12)


@pytest.mark.parametrize("key", [None, b"", b"\0\0\0", b"\0\0\0\2"])
def test_other_markers_end_no_transaction(key: bytes | None) -> None:
    """What a broker notes in a partition besides the end of a transaction is passed."""
    noted = batch(record(key), 1, offset=1, attributes=TRANSACTIONAL | CONTROL, producer=1)
    put = batch(record(b"k"), 1, offset=2, attributes=TRANSACTIONAL, producer=1)
    assert batches(noted + put, [(1, 0)], 0) == ([], 3)


@pytest.mark.parametrize(
    "raw",
    [
        batch(record(), 2**31 - 1),
        batch(record(), 2),
        batch(record() * 2, 1),
        batch(record(), -1),
        batch(record(), 1, last=-1),
        batch(record(), 1, last=-(2**31)),
        batch(record(), 1, attributes=TRANSACTIONAL | CONTROL, last=0)[:-1] + b"\x02",
        batch(b"", 0)[:16] + b"\1" + batch(b"", 0)[17:],
        batch(b"", 0)[:8] + (48).to_bytes(4) + batch(b"", 0)[12:],
        batch(b"", 0)[:8] + b"\xff" * 4 + batch(b"", 0)[12:],
        batch(record(), 1, attributes=7),
        batch(b"\xff\xff\xff\xff\x0f" + bytes(20), 1, attributes=2),
        batch(varint(1 << 40) + record()[1:], 1),
        batch(varint(-1) + record()[1:], 1),
        batch(b"\xff" * 12, 1),
        batch(b"\x0e\0\0\0\1\1" + varint(-2), 1),
    ],
    ids=itertools.count(),
)
def test_what_is_no_batch_is_told(raw: bytes) -> None:
    """A batch that does not hold what it says is corrupt, whatever number of it is wrong."""
    with pytest.raises(Corrupt):
        read(raw)


_ODD: Final = (-1, -2, -(2**63), 2**63 - 1, 2**31)
_changes = st.lists(
    st.tuples(
        st.floats(0, 1, exclude_max=True),
        st.integers(0, 4),
        st.binary(max_size=4) | st.sampled_from([b"\xff" * 9 + b"\1", b"\x80" * 10, *map(varint, _ODD)]),
    ),
    max_size=4,
)


def changed(raw: bytes, changes: Iterable[tuple[float, int, bytes]]) -> bytes:
    """Return bytes with some of them replaced by others, fewer or more."""
    for where, count, others in changes:
        at = int(where * len(raw))
        raw = raw[:at] + others + raw[at + count :]
    return raw


def broken(raw: bytes, aborted: Sequence[tuple[int, int]] = ()) -> None:
    """Read bytes that may be anything; only that they are corrupt may be said of them."""
    try:
        found, place = batches(raw, aborted, 0)
        assert place > 0 or not found
        list(checked_messages(found))
    except Corrupt:
        pass


@given(_log(), _changes)
def test_bytes_that_were_changed(log: list[Put], changes: list[tuple[float, int, bytes]]) -> None:
    """Bytes that were changed on their way are corrupt, or other messages, and nothing worse."""
    broken(changed(b"".join(one.raw for one in log), changes), [(5, 0)])


@given(_log(), st.data())
def test_a_bit_that_was_changed_is_told(log: list[Put], data: st.DataObject) -> None:
    """Whatever a batch's checksum is of: it is told even where it changes nothing that anybody would miss."""
    raw = data.draw(st.sampled_from([one.raw for one in log]), label="batch")
    place = data.draw(st.integers(CHECKED, len(raw) - 1), label="byte")
    flipped = raw[place] ^ (1 << data.draw(st.integers(0, 7), label="bit"))
    with pytest.raises(Corrupt):
        batches(raw[:place] + bytes((flipped,)) + raw[place + 1 :], (), -1)


_raw_headers = st.lists(st.tuples(st.sampled_from([b"schema", b"id", b"\xff"]), _parts), max_size=3)


@given(
    st.lists(st.tuples(_parts, _parts, _raw_headers), min_size=1, max_size=4),
    _changes,
    st.sampled_from(sorted(ENCODERS)),
    st.integers(-1, 9) | st.just(2**31 - 1),
    st.sampled_from([0, APPEND_TIME, TRANSACTIONAL, TRANSACTIONAL | CONTROL]),
)
def test_records_that_were_changed(
    records: list[tuple[bytes | None, bytes | None, RawHeaders]],
    changes: list[tuple[float, int, bytes]],
    compression: int,
    more: int,
    attributes: int,
) -> None:
    """The same of what is packed well, and of numbers of records that are not there."""
    whole = b"".join(record(*one, further=number) for number, one in enumerate(records))
    count = min(len(records) + more, 2**31 - 1) if more < 9 else len(records)
    raw = batch(
        changed(whole, changes), count, last=len(records), compression=compression, attributes=attributes
    )
    broken(raw)


@given(st.binary(max_size=200), st.integers(0, 7), st.integers(-1, 40))
def test_any_bytes_at_all(packed: bytes, compression: int, count: int) -> None:
    """Any bytes in place of the records, of any compression, are read or refused."""
    broken(batch(packed, count, attributes=compression))
    broken(packed)
