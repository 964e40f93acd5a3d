"""How far a partition has been decided: the group's committed offset, and what stands beside it.

Offset and metadata are part of the transaction that writes the events, so one look at them answers for all.
Where the broker has forgotten them, they are found again in the events and snapshots themselves.
"""

from typing import Final

import msgspec
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka.errors import explained, patiently
from streams.kafka.events import EventReader, number_of
from streams.kafka.headers import Headers, header, headers_of
from streams.kafka.reader import Message, PartitionReader, bounds
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogCorrupt, Snapshot


class SnapshotPlace(msgspec.Struct, frozen=True, array_like=True):
    """Where a snapshot's chunks stand one after another: the broker's offset of the first, and how many."""

    position: int
    first: int
    chunks: int


class Committed(msgspec.Struct, frozen=True):
    """What is committed: every signal below `position` is decided, `events_head` events were written."""

    position: int
    events_head: int
    snapshot: SnapshotPlace | None = None


class _Metadata(msgspec.Struct, frozen=True):
    events: int
    snapshot: SnapshotPlace | None = None


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(_Metadata).decode


def to_commit(settings: KafkaSettings, partition: int, committed: Committed) -> TopicPartition:
    """Return the offset to commit, with what stands beside it."""
    metadata = _encode(_Metadata(committed.events_head, committed.snapshot)).decode()
    topic = topic_name(settings, Topic.SIGNALS)
    return TopicPartition(topic, partition, committed.position, metadata)


def committed(settings: KafkaSettings, consumer: Consumer, partition: int) -> Committed:
    """Return what is committed; a pending transaction is waited for.

    Raises:
        LogUnavailable: the broker does not answer, or a transaction stays pending.
        LogCorrupt: the broker has forgotten the position, and there is nothing to find it by.
    """
    asked = TopicPartition(topic_name(settings, Topic.SIGNALS), partition)
    try:
        (found,) = patiently(settings, lambda seconds: _committed(consumer, asked, seconds))
    except KafkaException as error:
        raise explained(settings, error) from error
    if found.offset < 0:
        return _recovered(settings, consumer, partition)
    try:
        metadata = _decode((found.metadata or "").encode())
    except msgspec.MsgspecError:  # somebody has moved the offset with other tools; the events know better
        return _recovered(settings, consumer, partition)
    return Committed(found.offset, metadata.events, metadata.snapshot)


def _committed(consumer: Consumer, asked: TopicPartition, seconds: float) -> list[TopicPartition]:
    found = consumer.committed([asked], seconds)
    for one in found:
        if one.error is not None:
            raise KafkaException(one.error)
    return found


def _recovered(settings: KafkaSettings, consumer: Consumer, partition: int) -> Committed:
    """Find the position by the last event and the newest snapshot.

    Signals behind both were decided without an event, or not at all: deciding them (again) is the same, but
    that messages refused among them are put into quarantine once more.
    """
    written = [
        bounds(settings, consumer, topic_name(settings, topic), partition)[1]
        for topic in (Topic.EVENTS, Topic.SNAPSHOTS)
    ]
    if not any(written):
        return Committed(0, 0)
    snapshot, decided_then, events_then = _newest_snapshot(settings, partition)
    topic = topic_name(settings, Topic.EVENTS)
    events = EventReader(settings, topic, partition)
    try:
        last = events.last()
        low = events.low()
    finally:
        events.close()
    if last is None:
        if low > 0 and snapshot is None:
            raise LogCorrupt(
                f"{topic}, partition {partition}: the group {settings.group!r} has no committed offset, and "
                "all events and snapshots are gone: set the offset by hand, or restore the topic from a copy"
            )
        return Committed(decided_then, events_then, snapshot)
    position, head = _decided_by(last) + 1, number_of(last) + 1
    return Committed(max(position, decided_then), max(head, events_then), snapshot)


def _decided_by(event: Message) -> int:
    """Return the offset of the signal by which an event was decided: it is part of its id."""
    id_ = (header(headers_of(event), "id") or b"").decode(errors="replace")
    parts = id_.rsplit(":", 2)
    if len(parts) != 3 or not parts[1].isdigit():
        raise LogCorrupt(f"{event.topic()}, partition {event.partition()}: {id_!r} is no id of an event")
    return int(parts[1])


def _newest_snapshot(settings: KafkaSettings, partition: int) -> tuple[SnapshotPlace | None, int, int]:
    """Return the newest snapshot that is whole, the position committed with it, and the events there were."""
    newest: SnapshotPlace | None = None
    decided = events_head = 0
    topic = topic_name(settings, Topic.SNAPSHOTS)
    with PartitionReader(settings, topic, partition) as reader:
        low, _ = reader.bounds()
        reader.seek(low)
        run: list[Message] = []
        for messages in reader.rest(64):
            for message in messages:
                position, chunk, chunks, events = _chunk(message)
                if chunk != len(run) or (run and _chunk(run[0])[0] != position):
                    run = []
                if chunk == len(run):
                    run.append(message)
                if len(run) == chunks:
                    newest = SnapshotPlace(position, run[0].offset(), chunks)
                    decided = int(header(headers_of(message), "committed") or position)
                    events_head, run = events, []
    return newest, decided, events_head


def chunk_headers(position: int, chunk: int, chunks: int, after: Committed) -> Headers:
    """Return the headers of a snapshot's chunk; `after`: what is committed with it."""
    numbers = {
        "position": position,
        "chunk": chunk,
        "chunks": chunks,
        "events": after.events_head,
        "committed": after.position,
    }
    return [("content-type", b"application/octet-stream"), *((k, b"%d" % n) for k, n in numbers.items())]


def _chunk(message: Message) -> tuple[int, int, int, int]:
    headers = headers_of(message)
    try:
        position, chunk, chunks, events = (
            int(header(headers, name) or b"") for name in ("position", "chunk", "chunks", "events")
        )
    except ValueError as error:
        raise LogCorrupt(
            f"{message.topic()}, partition {message.partition()}, offset {message.offset()}: "
            "no chunk of a snapshot; something else writes to this topic"
        ) from error
    return position, chunk, chunks, events


def read_snapshot(settings: KafkaSettings, partition: int, place: SnapshotPlace) -> Snapshot:
    """Return a snapshot.

    Raises:
        LogUnavailable: the broker does not answer.
        LogCorrupt: its chunks are not there.
    """
    topic = topic_name(settings, Topic.SNAPSHOTS)
    with PartitionReader(settings, topic, partition) as reader:
        reader.seek(place.first)
        messages = reader.take(place.chunks)
    for number, message in enumerate(messages):
        if message.offset() != place.first + number or _chunk(message)[:2] != (place.position, number):
            raise LogCorrupt(
                f"{topic}, partition {partition}: the snapshot at position {place.position} is not whole; "
                "something else writes to this topic, or its retention deletes"
            )
    return Snapshot(place.position, b"".join(message.value() or b"" for message in messages))
