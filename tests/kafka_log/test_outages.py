"""Brokers that are killed, silent or not there, topics that are missing, and a log that was closed."""

import threading
from contextlib import closing

import pytest
from msgspec.structs import replace

from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.writer import PartitionWriter
from streams.log import (
    Appended,
    LogUnavailable,
    PositionConflict,
)
from tests.kafka_fixture import Kafka
from tests.kafka_log.settings import settings_of
from tests.log_contract import draft, event, fill


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


def test_a_closed_log_says_so(settings: KafkaSettings) -> None:
    """Using a log after closing it is an error of the log's."""
    log = KafkaLog(settings)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        log.head(0)
