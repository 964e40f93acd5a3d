"""The log in Kafka: the port's contract with a real broker, owners, outages, and what only Kafka does."""

import dataclasses
import hashlib
import random
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import AdminClient
from msgspec.structs import replace

from streams.kafka import topics
from streams.kafka.headers import header
from streams.kafka.log import KafkaLog
from streams.kafka.lookups import Lookups
from streams.kafka.reader import AT_ONCE, PartitionReader, read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.writer import PartitionWriter
from streams.log import (
    Appended,
    Draft,
    Log,
    LogCorrupt,
    LogUnavailable,
    PositionConflict,
    SignalsGone,
    Snapshot,
    Stored,
)
from streams.partitioning import partition_of
from streams.quarantine import Rejection, RejectionReason
from tests.kafka_fixture import Kafka
from tests.log_contract import LogContract, draft, event, fill


def settings_of(kafka: Kafka, **changes: object) -> KafkaSettings:
    """Return settings for a log of its own at the tests' broker; the topics are made."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap,
        topic_prefix=kafka.prefix,
        group=kafka.prefix,
        partitions=6,
        replication_factor=1,
        min_insync_replicas=1,
    )
    settings = replace(settings, **changes)
    topics.apply(settings)
    return settings


class TestKafkaLog(LogContract):
    """The contract, over a broker: each folder is a prefix of topics."""

    @pytest.fixture(autouse=True)
    def _broker(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._opened: dict[Path, KafkaSettings] = {}

    def open_log(self, folder: Path) -> Log:
        """Open the topics of this folder."""
        if folder not in self._opened:
            prefix = f"{self._kafka.prefix}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
            self._opened[folder] = settings_of(self._kafka, topic_prefix=prefix, group=prefix)
        return KafkaLog(self._opened[folder])


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    """Settings of a log nobody else uses, with two partitions."""
    return settings_of(kafka, partitions=2)


@pytest.fixture
def log(settings: KafkaSettings) -> Iterator[KafkaLog]:
    """An empty log."""
    with closing(KafkaLog(settings)) as log:
        yield log


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


@pytest.mark.slow
def test_a_broker_killed_in_a_transaction(kafka: Kafka, monkeypatch: pytest.MonkeyPatch) -> None:
    """The broker dies before the commit and comes back on its data: all of it is there once, or nothing."""
    settings = settings_of(kafka, partitions=1, wait_seconds=30)
    with closing(KafkaLog(settings)) as log:
        fill(log, 20)
        log.transact(0, from_position=0, to_position=5, events=[event(n) for n in range(5)])
        commit = PartitionWriter._commit

        def killed(writer: PartitionWriter) -> None:
            writer._producer.flush(10)
            kafka.broker.kill()
            starting = threading.Thread(target=kafka.broker.start)
            starting.start()
            commit(writer)
            starting.join()

        with monkeypatch.context() as patch:
            patch.setattr(PartitionWriter, "_commit", killed)
            try:
                log.transact(
                    0, from_position=5, to_position=9, events=[event(n) for n in range(5, 9)], snapshot=b"s"
                )
            except LogUnavailable:
                kafka.broker.start()
                log.acquire(0)
        position = log.position(0)
        assert position in (5, 9)
        assert log.append(0, [draft(n) for n in range(30)]) == Appended([*range(20, 30)], 20, 20, 30)
        log.transact(
            0, from_position=position, to_position=30, events=[event(n) for n in range(position, 30)]
        )
        assert [one.id for one in log.read_events(0, 0, 99)] == [event(n).id for n in range(30)]
        assert [one.id for one in log.read(0, 0, 99)] == [draft(n).id for n in range(30)]


@pytest.mark.slow
def test_a_broker_that_does_not_answer(kafka: Kafka) -> None:
    """Every call gives up after the time the settings give it, and succeeds once the broker is back."""
    settings = settings_of(kafka, partitions=1)
    with closing(KafkaLog(settings)) as log, closing(KafkaLog(replace(settings, wait_seconds=3))) as hasty:
        fill(log, 3)
        log.transact(0, from_position=0, to_position=1, events=[event(0)])
        hasty.acquire(0)
        kafka.broker.pause()
        with pytest.raises(LogUnavailable, match=kafka.bootstrap):
            hasty.head(0)
        with pytest.raises(LogUnavailable, match=kafka.bootstrap):
            hasty.transact(0, from_position=1, to_position=2, events=[event(1)])
        kafka.broker.resume()
        assert log.append(0, [draft(n) for n in range(5)]) == Appended([3, 4], 3, 3, 5)
        for _ in range(5):  # what was sent before the pause may still arrive, and end a transaction
            try:
                log.acquire(0)
                assert (log.position(0), log.events_head(0)) == (1, 1)
                log.transact(0, from_position=1, to_position=2, events=[event(1)])
                break
            except (LogUnavailable, PositionConflict):
                continue
        assert [one.id for one in log.read_events(0, 0, 9)] == [event(0).id, event(1).id]


def test_nobody_there() -> None:
    """An address where no broker is, is named with what to look at."""
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", wait_seconds=1)
    with closing(KafkaLog(settings)) as log, pytest.raises(LogUnavailable, match=r"127.0.0.1:1: .*running"):
        log.position(0)


def test_topics_that_are_missing_are_named(kafka: Kafka) -> None:
    """A log whose topics nobody made says which, and what to do."""
    settings = KafkaSettings(bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix)
    with (
        closing(KafkaLog(settings)) as log,
        pytest.raises(LogUnavailable, match=rf"{kafka.prefix}\.signals .*limen topics"),
    ):
        log.head(0)


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


def test_what_others_append_is_known(settings: KafkaSettings, log: KafkaLog) -> None:
    """Two processes that append in turn take each other's signals for known."""
    with closing(KafkaLog(settings)) as other:
        assert log.append(0, [draft(1), draft(2)]) == Appended([0, 1], 0, 0, 2)
        assert other.append(0, [draft(2), draft(3)]) == Appended([1], 1, 2, 3)
        assert log.append(0, [draft(3), draft(1), draft(4)]) == Appended([2], 2, 3, 4)


def test_a_signal_that_is_too_large_is_refused(settings: KafkaSettings, log: KafkaLog) -> None:
    """An append with a signal no message may hold writes nothing of it and says what to do."""
    large = Draft(draft(2).id, "campus", b"x" * (settings.max_message_bytes + 1))
    with pytest.raises(ValueError, match="max_message_bytes"):
        log.append(0, [draft(1), large])
    assert log.head(0) == 0
    just = Draft(draft(2).id, "campus", random.Random(1).randbytes(settings.max_message_bytes - 6))
    assert log.append(0, [draft(1), just]).accepted == 2


def test_an_event_that_is_too_large_writes_nothing(settings: KafkaSettings, log: KafkaLog) -> None:
    """A transaction with an event no message may hold is refused whole, and the log goes on."""
    fill(log, 2)
    large = replace(event(0), wire=b"x" * (settings.max_message_bytes + 1))
    with pytest.raises(ValueError, match=r"campus:0:0 .*max_message_bytes"):
        log.transact(0, from_position=0, to_position=1, events=[event(0), large])
    with pytest.raises(ValueError, match=r"next stage .*max_message_bytes"):
        log.transact(0, from_position=0, to_position=1, events=[], extra=[(b"p1", large.wire)])
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    assert log.events_head(0) == 1


def test_what_the_broker_will_never_take_is_not_tried_again(settings: KafkaSettings, log: KafkaLog) -> None:
    """Topics that take less than the settings say are no broker that is away: the writer is told so."""
    fill(log, 1)
    wire = random.Random(1).randbytes(settings.max_message_bytes + 100_000)
    with KafkaLog(replace(settings, max_message_bytes=2 * settings.max_message_bytes)) as generous:
        with pytest.raises(ValueError, match=r"the broker refuses it .*apply the topics"):
            generous.transact(0, from_position=0, to_position=1, events=[replace(event(0), wire=wire)])
        generous.transact(0, from_position=0, to_position=1, events=[event(0)])
    assert [one.wire for one in log.read_events(0, 0, 9)] == [event(0).wire]


class Surprised(Producer):
    """Hears of the broker's refusal between two steps of sending the position, as a slow machine may."""

    surprises = 0

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        """Say once what the library says then, when the refusal has come."""
        if Surprised.surprises:
            Surprised.surprises -= 1
            self.flush(30)
            raise KafkaException(KafkaError(KafkaError._STATE, "Erroneous state"))
        super().send_offsets_to_transaction(*arguments)


def test_a_refusal_while_the_position_is_sent_is_no_broker_that_is_away(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The producer knows the reason when it is asked again; what is not refused is written then."""
    fill(log, 2)
    wire = random.Random(1).randbytes(settings.max_message_bytes + 100_000)
    monkeypatch.setattr("streams.kafka.writer.Producer", Surprised)
    with KafkaLog(replace(settings, max_message_bytes=2 * settings.max_message_bytes)) as generous:
        monkeypatch.setattr(Surprised, "surprises", 1)
        with pytest.raises(ValueError, match=r"the broker refuses it .*apply the topics"):
            generous.transact(0, from_position=0, to_position=1, events=[replace(event(0), wire=wire)])
        monkeypatch.setattr(Surprised, "surprises", 1)
        generous.transact(0, from_position=0, to_position=1, events=[event(0)])
    assert (log.position(0), [one.wire for one in log.read_events(0, 0, 9)]) == (1, [event(0).wire])


def test_a_topic_with_another_number_of_partitions_is_not_decided(settings: KafkaSettings) -> None:
    """Keys would lead elsewhere than the settings say: whoever would own a partition is told."""
    with KafkaLog(replace(settings, partitions=5)) as other, pytest.raises(LogCorrupt, match="says 5"):
        other.acquire(0)


def test_quarantine_and_persons_are_part_of_the_transaction(settings: KafkaSettings, log: KafkaLog) -> None:
    """What was no signal and what the next stage needs is written with the events, or not at all."""
    fill(log, 2, partition=1)
    raw = bytes(range(256)) * 3_900
    rejection = Rejection("log", "1", 1, RejectionReason.UNREADABLE, "это не сигнал", raw, 17, key=b"k")
    whole = random.Random(1).randbytes(3 * settings.max_message_bytes)
    larger = dataclasses.replace(rejection, line=0, raw=whole, detail="門" * 5_000, key=b"k" * 500_000)
    log.transact(
        1, from_position=0, to_position=2, events=[], quarantined=[rejection, larger], extra=[(b"p1", b"{}")]
    )
    kept = list(chain(*read_range(settings, topic_name(settings, Topic.QUARANTINE), 1, 0, 9)))
    assert [one.value() for one in kept] == [raw, whole[: settings.max_message_bytes]]
    assert [one.key() for one in kept] == [b"k", b"k" * 1_024]
    headers = kept[1].headers()
    assert header(headers, "bytes") == str(len(whole)).encode()
    assert header(headers, "digest") == hashlib.blake2b(whole, digest_size=16).hexdigest().encode()
    headers = kept[0].headers()
    assert (header(headers, "reason"), header(headers, "offset")) == (b"unreadable", b"1")
    assert header(headers, "detail") == "это не сигнал".encode()
    place = partition_of("p1", settings.partitions)
    ((person,),) = read_range(settings, topic_name(settings, Topic.PERSONS), place, 0, 9)
    assert (person.key(), person.value()) == (b"p1", b"{}")


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


def test_a_closed_log_says_so(settings: KafkaSettings) -> None:
    """Using a log after closing it is an error of the log's."""
    log = KafkaLog(settings)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.head(0)
