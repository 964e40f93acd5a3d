"""What the relay's tests share: topics and a schema, relays in processes or a thread, and what came of it."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, Self

from confluent_kafka import Producer
from prometheus_client import CollectorRegistry

from domain.commands.alert_decision import site_in
from domain.signal import Signal, read_signal
from infra.command_side.cases import Cases
from infra.command_side.storage import PostgresStorage
from infra.observability.endpoints import Health
from infra.observability.metrics import RelayMetrics
from infra.relay_process import RelayProcess
from infra.settings import Settings
from streams.admission import Message
from streams.kafka.headers import headers_of
from streams.kafka.log import KafkaLog
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, apply, topic_name
from streams.log import LogUnavailable
from tests.endpoint_client import Endpoint
from tests.kafka_fixture import Kafka
from tests.postgres_fixture import PostgresSchema

PARTITIONS: Final = 2
ROOT: Final = Path(__file__).parents[2]
WAIT_SECONDS: Final = 90


class Rig:
    """The topics and the schema of one test; relays that still run at the end are killed."""

    def __init__(self, kafka: Kafka, postgres: PostgresSchema, folder: Path) -> None:
        self.postgres, self.folder = postgres, folder
        told = {
            "bootstrap_servers": kafka.bootstrap,
            "topic_prefix": kafka.prefix,
            "group": kafka.prefix,
            "partitions": PARTITIONS,
            "replication_factor": 1,
            "min_insync_replicas": 1,
            "wait_seconds": 20,
        }
        self.settings = Settings.model_validate({"kafka": told, "postgres": postgres.settings.model_dump()})
        self.kafka: KafkaSettings = self.settings.kafka.client_settings()
        self.environment = {
            "LIMEN_LOG_FORMAT": "json",
            "LIMEN_METRICS_PORT": "0",
            **{f"LIMEN_KAFKA_{name.upper()}": str(value) for name, value in told.items()},
            **postgres.environment,
        }
        self.storage = PostgresStorage(postgres.settings)
        self._running: list[subprocess.Popen[bytes]] = []
        apply(self.kafka)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._running:
            if process.poll() is None:
                process.send_signal(signal.SIGKILL)
            process.wait()

    def start(
        self, name: str, *command: str, environment: Mapping[str, str] | None = None
    ) -> "subprocess.Popen[bytes]":
        """Start a relay in a group of its own: it need not wait until the group knows that others are dead.

        So each believes all partitions to be its own. Its lines go to a file of its name.
        """
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *(command or ("infra.cli", "relay"))],
                cwd=ROOT, stdout=log, stderr=log,
                env={**os.environ, **self.environment, "LIMEN_KAFKA_GROUP": f"{self.kafka.group}-{name}",
                     "LIMEN_HOME": str(self.folder), **(environment or {})},
            )  # fmt: skip
        self._running.append(process)
        return process

    def lines(self, name: str) -> list[dict[str, Any]]:
        """Return what a relay has said."""
        said = (self.folder / f"{name}.log").read_text().splitlines()
        return [json.loads(line) for line in said if line.startswith("{") and line.endswith("}")]

    def endpoint(self, name: str) -> Endpoint:
        """Return where a relay serves its endpoints, once it does."""
        wait_for(lambda: "endpoints" in (self.folder / f"{name}.log").read_text())
        found = Endpoint.told_in((self.folder / f"{name}.log").read_text())
        assert found is not None
        return found

    def process(self, metrics: RelayMetrics) -> RelayProcess:
        """Return a relay to run here."""
        return RelayProcess(self.storage, self.kafka, Health(), metrics)

    @contextmanager
    def relaying(self) -> Iterator[CollectorRegistry]:
        """Run a relay in a thread, give its metrics; leaving the block drains it, and raises its error."""
        stopping, failed, registry = threading.Event(), list[BaseException](), CollectorRegistry()
        process = self.process(RelayMetrics(registry))

        def work() -> None:
            try:
                process.run(stopping)
            except BaseException as error:  # noqa: BLE001 - raised again below
                failed.append(error)

        thread = threading.Thread(target=work)
        thread.start()
        try:
            yield registry
        finally:
            stopping.set()
            thread.join(WAIT_SECONDS)
        if failed:
            raise failed[0]

    @contextmanager
    def cases(self) -> Iterator[Cases]:
        """Give the application."""
        with Cases(self.storage, site_in) as cases:
            yield cases

    def produce(self, messages: Sequence[Message]) -> list[tuple[int, int]]:
        """Put messages into the commands topic as they are; return their partitions and offsets."""
        placed: list[tuple[int, int]] = []
        producer = Producer({"bootstrap.servers": self.kafka.bootstrap_servers, "partitioner": "murmur2"})
        for one in messages:
            headers = {"schema": one.schema, "id": one.id}
            producer.produce(
                topic_name(self.kafka, Topic.COMMANDS), one.value, one.key,
                headers=[(name, value) for name, value in headers.items() if value is not None],
                on_delivery=lambda _, told: placed.append((told.partition() or 0, told.offset() or 0)),
            )  # fmt: skip
            assert producer.flush(WAIT_SECONDS) == 0
        return placed

    def told(self) -> list[Signal]:
        """Return every signal in the log now, partition by partition."""
        with KafkaLog(self.kafka) as log:
            return [
                read_signal(stored.wire)
                for partition in range(PARTITIONS)
                for stored in log.read(partition, 0, 100_000)
            ]

    def quarantined(self) -> list[dict[str, Any]]:
        """Return the headers of everything in the quarantine, with `key` and `value`."""
        found = []
        for partition in range(PARTITIONS):
            with PartitionReader(self.kafka, topic_name(self.kafka, Topic.QUARANTINE), partition) as reader:
                reader.seek(0)
                for messages in reader.rest():
                    for one in messages:
                        headers = {key: (value or b"").decode() for key, value in headers_of(one) or ()}
                        found.append({**headers, "key": one.key(), "value": one.value()})
        return found

    def decided(self) -> list[str]:
        """Return the ids of the signals that tell of what was decided, in the order decided."""
        with self.cases() as cases:
            return [cases.signal(one).id for one in cases.told_after(0, 100_000)]


def wait_for(what: Callable[[], object], seconds: float = WAIT_SECONDS) -> None:
    """Wait until something holds; a log that does not answer just now is asked again."""
    until = time.monotonic() + seconds
    while True:
        with contextlib.suppress(LogUnavailable):
            if what():
                return
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)
