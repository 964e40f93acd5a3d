"""The connectors' producer: each signal once, in order, in its site's partition, or refused with a reason."""

import random
from contextlib import closing

import pytest
from confluent_kafka import Producer

from streams.kafka.headers import header
from streams.kafka.log import KafkaLog
from streams.kafka.producer import Refusal, Sent, SignalProducer
from streams.kafka.reader import read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic, topic_name
from streams.log import Draft, LogCorrupt, LogUnavailable
from streams.partitioning import partition_of
from streams.quarantine import RejectionReason
from tests.kafka_fixture import Kafka
from tests.kafka_log.settings import settings_of
from tests.log_contract import draft

Outcomes = list[tuple[Draft, Sent | Refusal]]


def of_site(number: int, site: str) -> Draft:
    """Return the signal of this number, at a site."""
    return Draft(draft(number).id, site, b"%d" % number)


def test_signals_come_to_their_sites_partitions_in_order(kafka: Kafka) -> None:
    """Each outcome says where the signal is; there it is, with its headers, behind earlier ones."""
    settings = settings_of(kafka, partitions=3)
    outcomes: Outcomes = []
    signals = [of_site(n, f"site-{n % 7}") for n in range(500)]
    with closing(SignalProducer(settings, lambda *one: outcomes.append(one))) as producer:
        for signal in signals:
            producer.send(signal)
        assert producer.flush(20) == producer.unsettled == 0
    assert len(outcomes) == 500
    with closing(KafkaLog(settings)) as log:
        stored = {n: log.read(n, 0, 1_000) for n in range(3)}
    for signal, outcome in outcomes:
        assert isinstance(outcome, Sent)
        assert outcome.partition == partition_of(signal.site, 3)
        there = stored[outcome.partition][outcome.offset]
        assert (there.id, there.site, there.wire) == (signal.id, signal.site, signal.wire)
    for rows in stored.values():
        numbers = [int(row.wire) for row in rows]
        assert numbers == sorted(numbers)
    ((first,),) = read_range(settings, topic_name(settings, Topic.SIGNALS), partition_of("site-0", 3), 0, 1)
    assert header(first.headers(), "content-type") == b"application/cloudevents+json"
    assert header(first.headers(), "schema") == b"1"


def test_other_clients_agree_on_partitions(kafka: Kafka) -> None:
    """A producer that lets its library choose writes a site's signals to the partition that is ours."""
    settings = settings_of(kafka, partitions=5)
    sites = ["campus", "другой", "", "a", "ab", "abc", "北京", *(f"site-{n}" for n in range(60))]
    found: dict[bytes, int] = {}
    client = Producer({"bootstrap.servers": kafka.bootstrap, "partitioner": "murmur2", "log_level": 0})
    for site in sites:
        client.produce(
            topic_name(settings, Topic.SIGNALS), b"", site.encode(),
            on_delivery=lambda _, message: found.update({message.key() or b"": message.partition()}),
        )  # fmt: skip
    assert client.flush(20) == 0
    assert found == {site.encode(): partition_of(site, 5) for site in sites}


def test_a_signal_that_is_too_large_is_handed_back(kafka: Kafka) -> None:
    """It is refused with its size and what to do; the others are written."""
    settings = settings_of(kafka, partitions=1, max_message_bytes=100_000)
    outcomes: Outcomes = []
    large = Draft(draft(2).id, "campus", random.Random(1).randbytes(100_001))
    with closing(SignalProducer(settings, lambda *one: outcomes.append(one))) as producer:
        for signal in (draft(1), large, draft(3)):
            producer.send(signal)
        producer.flush(20)
    by_id = {signal.id: outcome for signal, outcome in outcomes}
    refusal = by_id[large.id]
    assert isinstance(refusal, Refusal)
    assert refusal.reason is RejectionReason.TOO_LONG
    assert "100,007 bytes, the log takes 100,000" in refusal.detail
    assert (by_id[draft(1).id], by_id[draft(3).id]) == (Sent(0, 0), Sent(0, 1))


def test_what_the_broker_finds_too_large_is_handed_back(kafka: Kafka) -> None:
    """A topic that takes less than the settings say refuses a signal for good: it does not block the rest."""
    settings = settings_of(kafka, partitions=1, max_message_bytes=100_000)
    larger = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix, max_message_bytes=500_000
    )
    outcomes: Outcomes = []
    with closing(SignalProducer(larger, lambda *one: outcomes.append(one))) as producer:
        producer.send(Draft(draft(1).id, "campus", random.Random(1).randbytes(300_000)))
        producer.flush(20)
        producer.send(draft(2))
        producer.flush(20)
    assert isinstance(outcomes[0][1], Refusal)
    assert "too large" in outcomes[0][1].detail
    assert outcomes[1:] == [(draft(2), Sent(0, 0))]
    assert settings.max_message_bytes < larger.max_message_bytes


@pytest.mark.slow
def test_a_full_queue_holds_the_sender_up(kafka: Kafka) -> None:
    """While the broker stands still, what was taken waits and no more is; then all arrives once."""
    settings = settings_of(kafka, partitions=1, queue_messages=50, wait_seconds=2)
    outcomes: Outcomes = []
    with closing(SignalProducer(settings, lambda *one: outcomes.append(one))) as producer:
        producer.send(draft(0))
        assert producer.flush(20) == 0
        kafka.broker.pause()
        sent = 1
        with pytest.raises(LogUnavailable, match="50 signals wait"):
            while True:
                producer.send(draft(sent))
                sent += 1
        assert (sent, producer.unsettled) == (51, 50)
        assert producer.flush(0.2) == 50
        kafka.broker.resume()
        for number in range(sent, 80):
            producer.send(draft(number))
        assert producer.flush(30) == 0
    assert outcomes == [(draft(n), Sent(0, n)) for n in range(80)]


def test_a_closed_producer_takes_nothing(kafka: Kafka) -> None:
    """What is sent after closing is not taken, and says so; closing twice is harmless."""
    settings = settings_of(kafka, partitions=1)
    producer = SignalProducer(settings, lambda *_: None)
    producer.send(draft(1))
    assert producer.flush(20) == producer.close() == producer.close() == 0
    with pytest.raises(LogUnavailable, match="closed"):
        producer.send(draft(2))


def test_a_refusal_concerns_the_call_that_met_it() -> None:
    """Two signals too large are told once, and the next call is not refused for the one not told."""
    large = [Draft(draft(n).id, "campus", bytes(2_001)) for n in (1, 2)]
    settings = KafkaSettings(bootstrap_servers="127.0.0.1:1", max_message_bytes=2_000)
    with closing(Telling(settings)) as telling:
        with pytest.raises(LogCorrupt, match="2,007 bytes"):
            telling.write(large)
        assert telling.write([]) == []
