"""Signals and events are read by their own numbers, past markers, gaps, retention and strange messages."""

import random
import time
from contextlib import closing

import pytest
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from streams.kafka.log import KafkaLog
from streams.kafka.reader import AT_ONCE, PartitionReader, read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import (
    Appended,
    LogCorrupt,
    SignalsGone,
    Stored,
)
from tests.log_contract import draft, event, fill


def test_events_are_read_across_markers(log: KafkaLog) -> None:
    """Each transaction's marker takes an offset of the broker's; events are found by their own numbers."""
    fill(log, 60)
    chance, written = random.Random(4), 0
    for position in range(30):
        count = chance.choice([0, 1, 1, 2, 5])
        log.transact(
            0, from_position=position, to_position=position + 1,
            events=[event(position, n) for n in range(count)],
        )  # fmt: skip
        written += count
    ids = [one.id for one in log.read_events(0, 0, 1_000)]
    assert len(ids) == written == log.events_head(0)
    for _ in range(20):
        start, limit = chance.randrange(written), chance.randrange(1, 9)
        found = log.read_events(0, start, limit)
        assert [one.id for one in found] == ids[start : start + limit]
        assert [one.offset for one in found] == list(range(start, min(start + limit, written)))


def test_the_note_of_an_end_is_no_message(settings: KafkaSettings, log: KafkaLog) -> None:
    """A reader that was at the end for a while, between two transactions, takes events and nothing else."""
    count = 24
    fill(log, count)
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    with PartitionReader(settings, topic_name(settings, Topic.EVENTS), 0) as reader:
        reader.seek(0)
        for number in range(1, count):
            time.sleep(0.05)  # so that the end is noted meanwhile; without that there is nothing to mistake
            log.transact(0, from_position=number, to_position=number + 1, events=[event(number)])
        for size in (3, 2, count - 5):
            assert all(message.error() is None for message in reader.take(size))  # type: ignore[attr-defined]


def test_far_events_are_found_in_steps(log: KafkaLog) -> None:
    """An event far from where was read last is found without reading all between."""
    fill(log, 8)
    for position in range(8):
        log.transact(
            0, from_position=position, to_position=position + 1,
            events=[event(position, n) for n in range(4_000)],
        )  # fmt: skip
    for start in (31_999, 17, 20_000, 3_999, 0, 28_001):
        (found,) = log.read_events(0, start, 1)
        assert (found.offset, found.id) == (start, event(start // 4_000, start % 4_000).id)


def test_what_retention_has_deleted_is_said(settings: KafkaSettings, log: KafkaLog) -> None:
    """Reading below the first signal or event is an error that names it; searching begins with the first."""
    fill(log, 10)
    for position in range(10):
        log.transact(0, from_position=position, to_position=position + 1, events=[event(position)])
    admin = AdminClient(settings.admin())
    gone = [
        TopicPartition(topic_name(settings, Topic.SIGNALS), 0, 4),
        TopicPartition(topic_name(settings, Topic.EVENTS), 0, 8),  # events 0 to 3, each with its marker
    ]
    for deleted in admin.delete_records(gone).values():
        deleted.result(20)
    with closing(KafkaLog(settings)) as log:
        with pytest.raises(SignalsGone, match="signals below 4 are gone"):
            log.read(0, 3, 5)
        with pytest.raises(SignalsGone, match=r"event 2 is gone.* the first there is, is 4"):
            log.read_events(0, 2, 5)
        assert [one.offset for one in log.read(0, 4, 99)] == list(range(4, 10))
        assert [one.offset for one in log.read_events(0, 4, 99)] == list(range(4, 10))
        assert [one.offset for one in log.find_events(0, topics=["zone.entered"])] == list(range(4, 10))
        assert log.append(0, [draft(9), draft(10)]) == Appended([1], 1, 10, 11)


def test_messages_of_others_stop_nobody(settings: KafkaSettings, log: KafkaLog) -> None:
    """A message without id, with a key that is no text, or empty is read as what it is."""
    producer = Producer(settings.signal_producer())
    producer.produce(topic_name(settings, Topic.SIGNALS), b"what?", b"\xff", 0)
    producer.produce(
        topic_name(settings, Topic.SIGNALS), None, None, 0, headers=[("id", b"\xff"), ("schema", b"9")]
    )
    assert producer.flush(20) == 0
    assert log.append(0, [draft(1)]) == Appended([0], 0, 2, 3)
    first, second, third = log.read(0, 0, 9)
    assert first == Stored(0, "", "\ufffd", b"what?")
    assert (second.site, second.wire, third.id) == ("", b"", draft(1).id)
    one, two, three = log.messages(0, 0, 9)
    assert (one.key, one.value, one.schema) == (b"\xff", b"what?", None)
    assert (two.key, two.value, two.schema) == (None, None, b"9")
    assert (three.key, three.offset, three.schema) == (b"campus", 2, b"1")
    assert one.appended_at > 1_700_000_000_000_000


def test_signals_in_transactions_are_told(settings: KafkaSettings, log: KafkaLog) -> None:
    """Somebody who writes signals in transactions makes gaps: that is an error, not a shorter answer."""
    producer = Producer(settings.transactional_producer(f"{settings.group}-wrong"))
    producer.init_transactions(20)
    for number in range(3):
        producer.begin_transaction()
        producer.produce(topic_name(settings, Topic.SIGNALS), b"%d" % number, b"campus", 0)
        producer.commit_transaction(20)
    with pytest.raises(LogCorrupt, match=r"gaps .* without transactions"):
        log.read(0, 0, 3)


def test_a_range_is_read_in_pieces(settings: KafkaSettings, log: KafkaLog) -> None:
    """A range of offsets comes a few messages at a time, and ends where it should."""
    fill(log, 1_225)
    signals = topic_name(settings, Topic.SIGNALS)
    pieces = list(read_range(settings, signals, 0, 3, 1_220))
    assert [one.offset() for piece in pieces for one in piece] == list(range(3, 1_220))
    assert [one.value() for piece in pieces for one in piece] == [draft(n).wire for n in range(3, 1_220)]
    assert max(map(len, pieces)) <= AT_ONCE
    assert sum(map(len, read_range(settings, signals, 0, 0, 10_000))) == 1_225
    for nothing in ((1_225, 10_000), (5, 5)):
        assert list(read_range(settings, signals, 0, *nothing)) == []


def test_what_is_not_read_on_holds_nothing(settings: KafkaSettings, log: KafkaLog) -> None:
    """A reader fetches ahead what it may; told to be idle, or at the end, it holds nothing, and goes on."""
    fill(log, 60)
    log.transact(0, from_position=0, to_position=30, events=[event(n) for n in range(30)])
    assert settings.consumer()["queued.max.messages.kbytes"] <= 8_192
    assert [one.offset for one in log.read(0, 0, 20)] == list(range(20))
    assert [one.offset for one in log.read_events(0, 0, 10)] == list(range(10))
    signals, events = log._partitions[0].signals, log._partitions[0].events
    assert (signals.is_idle, events.is_idle) == (False, False)
    log.idle(0)
    assert (signals.is_idle, events.is_idle) == (True, True)
    assert [one.offset for one in log.read_events(0, 10, 10)] == list(range(10, 20))
    assert [one.offset for one in log.read(0, 20, 20)] == list(range(20, 40))
    assert [one.offset for one in log.read_events(0, 20, 99)] == list(range(20, 30))
    assert [one.offset for one in log.read(0, 40, 99)] == list(range(40, 60))
    assert (signals.is_idle, events.is_idle) == (True, True)
    log.close_readers(0)
    assert log._partitions[0].signals is not signals
    log.transact(0, from_position=30, to_position=31, events=[])  # it is the owner still
