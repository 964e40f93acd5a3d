"""What the worker's tests with a real broker share: topics, signals, processes, and the expected outcome."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any, Final, Self

from confluent_kafka import Producer

from domain.event import Event, read_event
from streams.kafka.log import KafkaLog
from streams.kafka.partitioning import partition_of
from streams.kafka.reader import read_range
from streams.kafka.topics import Topic, apply, topic_name
from streams.log import LogUnavailable
from streams.worker.admission import HOUR_US, Limits, Message
from streams.worker.partition import Decided, PartitionDecider
from tests.kafka_fixture import Kafka
from tests.worker.process import kafka_settings

PARTITIONS: Final = 3
LIMITS: Final = Limits(clock_ahead_us=24 * HOUR_US, message_bytes=1_000_000)
_WAIT_SECONDS: Final = 90.0
_FAST: Final = {"session_seconds": 6}


class Rig:
    """The topics of one test and the workers over them; those that still run at the end are killed."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.settings = kafka_settings(kafka.bootstrap, kafka.prefix, PARTITIONS)
        apply(self.settings)
        self.log = KafkaLog(self.settings)
        self.folder = folder
        self._kafka = kafka
        self._producer = Producer(self.settings.signal_producer())
        self._workers: list[subprocess.Popen[bytes]] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            if worker.poll() is None:
                worker.send_signal(signal.SIGCONT)
                worker.kill()
            worker.wait()
        self.log.close()

    def produce(self, messages: Iterable[Message]) -> None:
        """Append messages, each to the partition of its key; offsets and times are the broker's."""
        topic = topic_name(self.settings, Topic.SIGNALS)
        for message in messages:
            headers = [] if message.schema is None else [("schema", message.schema)]
            partition = 0
            if message.key is not None and message.key.isascii():
                partition = partition_of(message.key.decode(), PARTITIONS)
            self._producer.produce(topic, message.value, message.key, partition, headers=headers)
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def start(self, *, is_broken: bool = False, **worker: Any) -> "subprocess.Popen[bytes]":
        """Start a worker; what it says goes to a file that `said` reads."""
        told = {
            "home": str(self.folder),
            "bootstrap": self._kafka.bootstrap,
            "prefix": self._kafka.prefix,
            "partitions": PARTITIONS,
            "worker": _FAST | worker,
            "is_broken": is_broken,
        }
        with (self.folder / "said.jsonl").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.process", json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=os.environ | {"PYTHONUNBUFFERED": "1"},
                cwd=Path(__file__).parents[2],
            )
        self._workers.append(process)
        return process

    def said(self) -> str:
        """Return what all workers have said."""
        return (self.folder / "said.jsonl").read_text()

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Wait until something holds; a log that cannot say yet is asked again."""
        end = time.monotonic() + _WAIT_SECONDS
        while not _holds(until):
            assert time.monotonic() < end, f"{what} did not happen; the workers said:\n{self.said()}"
            time.sleep(0.05)

    def decided(self) -> int:
        """Return how many signals are decided and committed, over all partitions."""
        return sum(self.log.position(partition) for partition in range(PARTITIONS))

    def wait_until_decided(self) -> None:
        """Wait until every signal is decided."""
        heads = sum(self.log.head(partition) for partition in range(PARTITIONS))
        self.wait(lambda: self.decided() == heads, "deciding everything")

    def expected(self, partition: int) -> Decided:
        """Return what an uninterrupted run over the same partition comes to."""
        head = self.log.head(partition)
        messages = self.log.messages(partition, 0, head) if head else []
        return PartitionDecider(LIMITS).decide(messages)

    def events(self, partition: int) -> list[Event]:
        """Return the events in the log."""
        stored = self.log.read_events(partition, 0, self.log.events_head(partition))
        return [read_event(one.wire) for one in stored]

    def quarantined(self) -> Sequence[tuple[int, int, str, bytes]]:
        """Return partition, offset, reason and bytes of what is in quarantine, in order."""
        found = []
        for partition in range(PARTITIONS):
            topic = topic_name(self.settings, Topic.QUARANTINE)
            for records in read_range(self.settings, topic, partition, 0, 1 << 60):
                for value, headers in zip(records.values, records.headers, strict=True):
                    told = dict(headers or ())
                    found.append((partition, int(told["offset"]), told["reason"].decode(), value or b""))
        return found

    def check_exact(self) -> int:
        """Compare events and quarantine with an uninterrupted run; return how many events there are."""
        total = 0
        refused = []
        for partition in range(PARTITIONS):
            expected = self.expected(partition)
            events = self.events(partition)
            assert [one.id for one in events] == [one.id for one in expected.events]
            assert events == expected.events
            refused += [
                (partition, one.message.offset, str(one.reason), one.message.value or b"")
                for one in expected.refused
            ]
            total += len(events)
        assert self.quarantined() == refused
        return total


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except LogUnavailable:  # a worker stands still in the middle of a transaction
        return False
