"""What is written is written once and whole, and what no message may hold is refused."""

import dataclasses
import hashlib
import random
import threading
from contextlib import closing
from itertools import chain
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer
from msgspec.structs import replace

from streams.kafka.headers import header
from streams.kafka.log import KafkaLog
from streams.kafka.quarantining import MessageQuarantine
from streams.kafka.reader import read_range
from streams.kafka.settings import OVERHEAD_BYTES, KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import (
    Appended,
    Draft,
    LogUnavailable,
    Snapshot,
)
from streams.partitioning import partition_of
from streams.quarantine import Rejection, RejectionReason
from tests.kafka_fixture import Kafka
from tests.kafka_log.settings import settings_of
from tests.log_contract import draft, event, fill


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


class Slow(Producer):
    """Produces on a machine so slow that the broker has answered to each message before the next."""

    def produce(self, *arguments: Any, **options: Any) -> None:
        """Wait for the answers first."""
        self.flush(30)
        super().produce(*arguments, **options)


@pytest.mark.parametrize("is_event", [True, False])
def test_a_refusal_before_the_position_is_sent_is_no_broker_that_is_away(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch, is_event: bool
) -> None:
    """An event that is refused, or a snapshot's chunk: the writer is told so, whatever comes behind it."""
    fill(log, 2)
    large = random.Random(1).randbytes(settings.max_message_bytes + 100_000)
    events = [replace(event(0), wire=large), event(1)] if is_event else []
    snapshot = b"state" if is_event else large
    monkeypatch.setattr("streams.kafka.writer.Producer", Slow)
    with KafkaLog(replace(settings, max_message_bytes=2 * settings.max_message_bytes)) as generous:
        with pytest.raises(ValueError, match=r"the broker refuses it .*apply the topics"):
            generous.transact(0, from_position=0, to_position=1, events=events, snapshot=snapshot)
        generous.transact(0, from_position=0, to_position=1, events=[event(0)], snapshot=b"state")
    assert (log.position(0), log.snapshot(0)) == (1, Snapshot(1, b"state"))


class Vague(Producer):
    """Hears that what it sent is there, and not where: what the broker says of something it has twice."""

    def produce(self, *arguments: Any, **options: Any) -> None:
        """Tell of a delivery without its offset."""
        told = options.pop("on_delivery", None)
        if told is not None:
            options["on_delivery"] = lambda error, _: told(error, Message())
        super().produce(*arguments, **options)


def test_a_snapshot_whose_place_is_not_known_is_not_committed(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who restores it would look at the wrong place; the transaction is written anew instead."""
    fill(log, 1)
    with monkeypatch.context() as patch:
        patch.setattr("streams.kafka.writer.Producer", Vague)
        with KafkaLog(settings) as vague, pytest.raises(LogUnavailable, match="nobody knows where"):
            vague.transact(0, from_position=0, to_position=1, events=[event(0)], snapshot=b"state")
    assert log.position(0) == 0
    log.transact(0, from_position=0, to_position=1, events=[event(0)], snapshot=b"state")
    assert log.snapshot(0) == Snapshot(1, b"state")


class Stuck(Producer):
    """Waits for a coordinator for ever, as librdkafka may; which one does so is up to the test."""

    is_stuck = False

    def send_offsets_to_transaction(self, *arguments: Any) -> None:
        """Wait until the test's process ends."""
        if Stuck.is_stuck:
            threading.Event().wait()
        super().send_offsets_to_transaction(*arguments)


def test_a_call_that_never_returns_is_given_up(
    settings: KafkaSettings, log: KafkaLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log is away for who asked, and nothing of it is written; the next producer goes on."""
    monkeypatch.setattr("streams.kafka.writer.Producer", Stuck)
    monkeypatch.setattr("streams.kafka.quarantining.Producer", Stuck)
    monkeypatch.setattr("streams.kafka.transactions.LATE_SECONDS", 0.2)
    hasty = replace(settings, wait_seconds=2)
    fill(log, 2)
    refused = Rejection("commands", "0", 0, RejectionReason.UNREADABLE, "no command", b"x", 0)
    with KafkaLog(hasty) as stuck, closing(Consumer(hasty.member("stuck"))) as member:
        quarantine = MessageQuarantine(hasty, "stuck", Topic.COMMANDS, member.consumer_group_metadata)
        stuck.acquire(0)
        monkeypatch.setattr(Stuck, "is_stuck", True)
        with pytest.raises(LogUnavailable, match="not taken in time"):
            stuck.transact(0, from_position=0, to_position=1, events=[event(0)])
        with pytest.raises(LogUnavailable, match="not taken in time"):
            quarantine.put(0, 0, refused)
        monkeypatch.setattr(Stuck, "is_stuck", False)
        assert log.position(0) == 0
        stuck.transact(0, from_position=0, to_position=1, events=[event(0)])
        quarantine.put(0, 0, refused)
    assert [one.offset for one in log.read_events(0, 0, 9)] == [0]
    kept = chain(*read_range(settings, topic_name(settings, Topic.QUARANTINE), 0, 0, 9))
    assert [one.value() for one in kept] == [b"x"]


@pytest.mark.parametrize("changes", [{"max_message_bytes": 100_000}, {"client": {"batch.size": 2_000_000}}])
def test_what_cannot_be_compressed_fits_into_its_batches(kafka: Kafka, changes: dict[str, Any]) -> None:
    """Messages that the topic takes one by one are not refused for what is sent together with them."""
    settings = settings_of(kafka, partitions=1, **changes)
    noise, most = random.Random(1), settings.max_message_bytes
    signals = [Draft(draft(number).id, "campus", noise.randbytes(most // 20)) for number in range(60)]
    state = noise.randbytes(most + OVERHEAD_BYTES * 3 // 2)
    with closing(KafkaLog(settings)) as log:
        assert log.append(0, signals).accepted == len(signals)
        log.transact(0, from_position=0, to_position=1, events=[], snapshot=state)
        assert log.snapshot(0) == Snapshot(1, state)


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
