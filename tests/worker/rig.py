"""What the worker's tests with a real broker share: topics, signals, processes, and the expected outcome."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from confluent_kafka import Producer

from domain.event import Event, read_event
from streams.admission import Message
from streams.kafka.headers import headers_of
from streams.kafka.log import KafkaLog
from streams.kafka.reader import read_range
from streams.kafka.topics import Topic, apply, topic_name
from streams.log import LogUnavailable
from streams.partitioning import partition_of
from streams.worker.partition import Decided, PartitionDecider
from tests.endpoint_client import Endpoint
from tests.kafka_fixture import Kafka
from tests.worker import messages
from tests.worker.process import kafka_settings

PARTITIONS: Final = 3
LIMITS: Final = msgspec.structs.replace(messages.LIMITS, partitions=PARTITIONS)
_WAIT_SECONDS: Final = 90.0
_FAST: Final = {"session_seconds": 6}
_NOT_OURS: Final = {"BROKER_URL": "kafka://127.0.0.1:1", "PROCESSING_GUARANTEE": "exactly_once"}
"""Variables that Faust reads, and no worker of ours."""


class Rig:
    """The topics of one test and the workers over them; those that still run at the end are killed."""

    def __init__(self, kafka: Kafka, folder: Path) -> None:
        self.settings = kafka_settings(kafka.bootstrap, kafka.prefix, PARTITIONS)
        apply(self.settings)
        self.log = KafkaLog(self.settings)
        self.folder = folder
        self.kafka = kafka
        # A producer of somebody else's: compressed, the broker takes messages far larger than ours.
        self._producer = Producer(self.settings.signal_producer() | {"message.max.bytes": 16_000_000})
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

    def produce(self, messages: Iterable[Message], *, partition: int | None = None) -> None:
        """Append messages, each to its key's partition or to this one; offsets and times are the broker's."""
        topic = topic_name(self.settings, Topic.SIGNALS)
        for message in messages:
            given = (("schema", message.schema), ("id", message.id))
            headers = [(name, value) for name, value in given if value is not None]
            place = partition
            if place is None:
                place = partition_of(message.key or b"", PARTITIONS)
            self._producer.produce(topic, message.value, message.key, place, headers=headers)
            self._producer.poll(0)
        assert self._producer.flush(30) == 0

    def produce_with_odd_header(self, message: Message) -> None:
        """Append a message with a header whose name nobody can read."""
        told = {
            "bootstrap": self.kafka.bootstrap,
            "topic": topic_name(self.settings, Topic.SIGNALS),
            "partition": partition_of(message.key or b"", PARTITIONS),
            "key": message.key,
            "value": message.value,
        }
        subprocess.run(
            [sys.executable, "-m", "tests.worker.odd_header", msgspec.json.encode(told).decode()],
            env=os.environ | {"AIOKAFKA_NO_EXTENSIONS": "1"},
            cwd=Path(__file__).parents[2],
            check=True,
        )

    def start(
        self,
        *,
        is_broken: bool = False,
        stalls_at: int = 0,
        bootstrap: str | None = None,
        client: Mapping[str, str] | None = None,
        **worker: Any,
    ) -> "subprocess.Popen[bytes]":
        """Start a worker, with settings of librdkafka's; what it says goes to a file that `said` reads."""
        told = {
            "home": str(self.folder),
            "bootstrap": bootstrap or self.kafka.bootstrap,
            "prefix": self.kafka.prefix,
            "partitions": PARTITIONS,
            "worker": _FAST | worker,
            "is_broken": is_broken,
            "stalls_at": stalls_at,
            "client": dict(client or {}),
        }
        with (self.folder / "said.jsonl").open("ab") as said:
            process = subprocess.Popen(
                [sys.executable, "-m", "tests.worker.process", json.dumps(told)],
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
                env=os.environ | {"PYTHONUNBUFFERED": "1"} | _NOT_OURS,
                cwd=Path(__file__).parents[2],
            )
        self._workers.append(process)
        return process

    def ended(self, worker: "subprocess.Popen[bytes]") -> int:
        """Wait until a worker has ended, and return its exit code."""
        self.wait(lambda: worker.poll() is not None, "a worker's end")
        return worker.wait()

    def said(self) -> str:
        """Return what all workers have said."""
        return (self.folder / "said.jsonl").read_text()

    def endpoint(self) -> Endpoint:
        """Return where the worker that was started last serves its endpoints."""
        started = len(self._workers)
        self.wait(lambda: self.said().count('"event": "endpoints"') == started, "serving the endpoints")
        endpoint = Endpoint.told_in(self.said())
        assert endpoint is not None
        return endpoint

    def wait_until_stalled(self, worker: "subprocess.Popen[bytes]") -> None:
        """Wait until a worker has stopped itself."""
        stopped = os.WSTOPPED | os.WNOWAIT | os.WNOHANG
        self.wait(lambda: os.waitid(os.P_PID, worker.pid, stopped) is not None, "a worker's standing still")

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
        return PartitionDecider(msgspec.structs.replace(LIMITS, partition=partition)).decide(messages)

    def events(self, partition: int) -> list[Event]:
        """Return the events in the log."""
        stored = self.log.read_events(partition, 0, self.log.events_head(partition))
        return [read_event(one.wire) for one in stored]

    def quarantined(self) -> Sequence[tuple[int, int, str, bytes | None, bytes]]:
        """Return partition, offset, reason, key and bytes of what is in quarantine, in order."""
        found = []
        for partition in range(PARTITIONS):
            topic = topic_name(self.settings, Topic.QUARANTINE)
            for message in chain.from_iterable(read_range(self.settings, topic, partition, 0, 1 << 60)):
                told = dict(headers_of(message) or ())
                reason, offset = (told["reason"] or b"").decode(), int(told["offset"] or b"")
                found.append((partition, offset, reason, message.key(), message.value() or b""))
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
                (partition, one.message.offset, str(one.reason), one.message.key, _kept(one.message))
                for one in expected.refused
            ]
            total += len(events)
        assert self.quarantined() == refused
        return total


def _kept(message: Message) -> bytes:
    """Return what the quarantine keeps of a message's bytes: as many as the log takes."""
    return (message.value or b"")[: LIMITS.message_bytes]


def _holds(condition: Callable[[], bool]) -> bool:
    try:
        return condition()
    except LogUnavailable:  # a worker stands still in the middle of a transaction
        return False
