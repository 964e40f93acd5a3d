"""Who owns a partition, and where it stands, whatever the broker has forgotten or another tool has moved."""

import random
from contextlib import closing
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from streams.kafka.log import KafkaLog
from streams.kafka.lookups import Lookups
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.writer import PartitionWriter
from streams.log import (
    LogCorrupt,
    PositionConflict,
    Snapshot,
)
from tests.log_contract import event, fill


def test_an_older_owner_is_fenced(settings: KafkaSettings, log: KafkaLog) -> None:
    """Who acquired a partition last owns it: the other's transaction is a conflict and writes nothing."""
    fill(log, 5)
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    with closing(KafkaLog(settings)) as newer:
        newer.acquire(0)
        for _ in range(2):  # and goes on being one: it does not take the partition back by itself
            with pytest.raises(PositionConflict, match="another process"):
                log.transact(0, from_position=1, to_position=3, events=[event(1), event(2)], snapshot=b"old")
        assert (newer.position(0), newer.events_head(0), newer.snapshot(0)) == (1, 1, None)
        newer.transact(0, from_position=1, to_position=2, events=[event(1)])
        assert [one.id for one in newer.read_events(0, 0, 9)] == ["campus:0:0", "campus:1:0"]
        log.acquire(0)
        assert log.position(0) == 2
        with pytest.raises(PositionConflict):
            newer.transact(0, from_position=2, to_position=3, events=[])
        log.transact(0, from_position=2, to_position=3, events=[])


def test_a_pending_transaction_ends_with_the_next_owner(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What an owner wrote but did not commit is nothing once the next one has acquired the partition."""
    fill(log, 3)
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    with monkeypatch.context() as patch:
        patch.setattr(PartitionWriter, "_commit", lambda writer: writer._producer.flush(10))
        log.transact(0, from_position=1, to_position=3, events=[event(1), event(2)], snapshot=b"never")
    with closing(KafkaLog(settings)) as newer:
        newer.acquire(0)
        assert (newer.position(0), newer.events_head(0), newer.snapshot(0)) == (1, 1, None)
        newer.transact(0, from_position=1, to_position=2, events=[event(1)])
        assert [one.offset for one in newer.read_events(0, 0, 9)] == [0, 1]


@pytest.mark.parametrize("with_snapshot", [True, False])
def test_a_forgotten_position_is_found_again(settings: KafkaSettings, with_snapshot: bool) -> None:
    """A group whose offsets are gone goes on behind the last event or snapshot: nothing is decided twice."""
    with closing(KafkaLog(settings)) as log:
        fill(log, 9)
        log.transact(0, from_position=0, to_position=2, events=[event(0), event(0, 1)], snapshot=b"old")
        log.transact(0, from_position=2, to_position=6, events=[event(4), event(4, 1)])
        state = b"new" if with_snapshot else None
        log.transact(0, from_position=6, to_position=8, events=[], snapshot=state)
    admin = AdminClient(settings.admin())
    admin.delete_consumer_groups([settings.group])[settings.group].result(20)
    with closing(KafkaLog(settings)) as log:
        assert (log.position(0), log.events_head(0)) == (8 if with_snapshot else 5, 4)
        assert log.snapshot(0) == (Snapshot(8, b"new") if with_snapshot else Snapshot(2, b"old"))
        log.transact(0, from_position=log.position(0), to_position=9, events=[event(8)])
        assert [one.offset for one in log.read_events(0, 0, 9)] == [0, 1, 2, 3, 4]
        assert (log.position(1), log.events_head(1), log.snapshot(1)) == (0, 0, None)


def test_a_snapshot_of_an_earlier_position_moves_nothing(settings: KafkaSettings) -> None:
    """It is the newest snapshot; position and events stay, even where the broker forgets both."""
    with closing(KafkaLog(settings)) as log:
        fill(log, 9)
        log.transact(0, from_position=0, to_position=6, events=[event(n) for n in range(4)], snapshot=None)
        log.transact(0, from_position=6, to_position=6, events=[], snapshot=b"mid", snapshot_at=3)
        with pytest.raises(ValueError, match="snapshot of position 7"):
            log.transact(0, from_position=6, to_position=6, events=[], snapshot=b"late", snapshot_at=7)
    admin = AdminClient(settings.admin())
    for forget in (False, True):
        with closing(KafkaLog(settings)) as log:
            assert log.snapshot(0) == Snapshot(3, b"mid")
            assert (log.position(0), log.events_head(0)) == (6, 4)
        with closing(Lookups(settings)) as lookups:
            _, end = lookups.bounds(topic_name(settings, Topic.EVENTS), 0)
        if not forget:
            admin.delete_consumer_groups([settings.group])[settings.group].result(20)
            gone = [TopicPartition(topic_name(settings, Topic.EVENTS), 0, end)]
            for deleted in admin.delete_records(gone).values():
                deleted.result(20)


def test_a_position_moved_by_hand_does_not_count(settings: KafkaSettings) -> None:
    """The events say how far was decided, whatever another tool has written into the group's offsets."""
    with closing(KafkaLog(settings)) as log:
        fill(log, 9)
        log.transact(0, from_position=0, to_position=5, events=[event(n) for n in range(5)])
    with closing(Consumer(settings.consumer())) as tool:
        moved = TopicPartition(topic_name(settings, Topic.SIGNALS), 0, 1)
        tool.commit(offsets=[moved], asynchronous=False)
    with closing(KafkaLog(settings)) as log:
        assert (log.position(0), log.events_head(0)) == (5, 5)


def test_a_position_beyond_the_signals_is_refused(settings: KafkaSettings, log: KafkaLog) -> None:
    """A topic that was made anew under an old group is noticed by whoever takes a partition."""
    fill(log, 2)
    beyond = TopicPartition(topic_name(settings, Topic.SIGNALS), 0, 5, '{"events":0}')
    with closing(Consumer(settings.consumer())) as consumer:
        consumer.commit(offsets=[beyond], asynchronous=False)
    with pytest.raises(LogCorrupt, match="stands at position 5, but there are 2 signals"):
        log.acquire(0)


def test_a_snapshot_larger_than_a_message(settings: KafkaSettings) -> None:
    """A state of any size comes back whole; a smaller one replaces it."""
    states = [random.Random(n).randbytes(size) for n, size in enumerate([3_500_000, 2_000_000, 0])]
    for number, state in enumerate(states):
        with closing(KafkaLog(settings)) as log:
            fill(log, 3)
            log.transact(0, from_position=number, to_position=number + 1, events=[], snapshot=state)
            assert log.snapshot(0) == Snapshot(number + 1, state)
        with closing(KafkaLog(settings)) as log:
            assert log.snapshot(0) == Snapshot(number + 1, state)


def test_a_topic_with_another_number_of_partitions_is_not_decided(settings: KafkaSettings) -> None:
    """Keys would lead elsewhere than the settings say: whoever would own a partition is told."""
    with KafkaLog(replace(settings, partitions=5)) as other, pytest.raises(LogCorrupt, match="says 5"):
        other.acquire(0)


def test_an_owner_that_is_fenced_while_its_snapshot_is_under_way(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is a conflict like any other, also where delivery callbacks run while librdkafka tells of it."""
    fill(log, 3)
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    newer, write_events = KafkaLog(settings), PartitionWriter._write_events

    def overtaken(writer: PartitionWriter, *written: Any) -> None:
        newer.acquire(0)
        write_events(writer, *written)

    with closing(newer), monkeypatch.context() as patch:
        patch.setattr(PartitionWriter, "_write_events", overtaken)
        with pytest.raises(PositionConflict, match="another process"):
            log.transact(0, from_position=1, to_position=3, events=[event(1)], snapshot=b"s" * 3_500_000)
        assert (newer.position(0), newer.events_head(0), newer.snapshot(0)) == (1, 1, None)
