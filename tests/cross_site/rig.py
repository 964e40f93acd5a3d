"""The second stage in a thread, what it is given, and what it has told."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from confluent_kafka import Consumer, Producer, TopicPartition
from msgspec.structs import replace

from domain.signal import Signal, read_signal
from streams.cross_site.rules import Limits
from streams.cross_site.uses import Use, write_use
from streams.cross_site.worker import CrossSiteWorker
from streams.kafka.errors import patiently
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic, topic_name

ROOT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60


def put(log: KafkaSettings, uses: Sequence[Use]) -> None:
    """Write uses as the first stage does: in a transaction, by key."""
    producer = Producer(log.transactional_producer(f"{log.group}-test"))
    producer.init_transactions(PATIENCE_SECONDS)  # the broker may have to make a topic for it first
    producer.begin_transaction()
    for use in uses:
        producer.produce(topic_name(log, Topic.PERSONS), write_use(use), use.key.encode())
    producer.commit_transaction(PATIENCE_SECONDS)


def told(log: KafkaSettings) -> list[Signal]:
    """Return every signal in the log now, site by site in order."""
    consumer = Consumer({**log.consumer(), "group.id": "test", "auto.offset.reset": "earliest"})
    topic = topic_name(log, Topic.SIGNALS)
    consumer.assign([TopicPartition(topic, number, 0) for number in range(log.partitions)])
    found, ends = [], 0
    while ends < log.partitions:
        message = consumer.poll(1)
        if message is not None and message.error() is None:
            signal = read_signal(message.value() or b"")
            assert message.key() == signal.site.encode()
            assert ("id", signal.id.encode()) in (message.headers() or [])
            found.append(signal)
        elif message is not None:
            ends += 1
    consumer.close()
    return found


def wait_for(done: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + PATIENCE_SECONDS
    while not done():
        assert time.monotonic() < until, "nothing more happens"
        time.sleep(0.05)


@contextmanager
def running(log: KafkaSettings, tell: Callable[[Sequence[Signal]], object] | None = None) -> Iterator[None]:
    """Run the stage in a thread; leaving the block drains it, and raises what it raised."""
    telling, stopping, failed = Telling(log), threading.Event(), list[BaseException]()

    def work() -> None:
        try:
            CrossSiteWorker(log, Limits(), tell or telling).run(stopping)
        except BaseException as error:  # noqa: BLE001 - raised again below
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join(PATIENCE_SECONDS)
        telling.close()
    if failed:
        raise failed[0]


def position(log: KafkaSettings) -> int:
    """Return the sum of the stage's committed positions; a broker that has just begun is asked again."""
    consumer = Consumer({**log.consumer(), "group.id": f"{log.group}-cross-site"})
    topic = topic_name(log, Topic.PERSONS)
    asked = [TopicPartition(topic, number) for number in range(log.partitions)]
    patient = replace(log, wait_seconds=PATIENCE_SECONDS)
    committed = patiently(patient, lambda seconds: consumer.committed(asked, seconds))
    consumer.close()
    return sum(max(0, each.offset) for each in committed)
