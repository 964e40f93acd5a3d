"""A real broker for tests: one for each test process, started when the first test asks for it."""

import itertools
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

from infra.kafka.broker import Broker
from infra.kafka.jars import BrokerUnavailable
from tests.requirements import require

_numbers: Final = itertools.count()


@dataclass(frozen=True, slots=True)
class Kafka:
    """A broker, and a topic prefix that is this test's alone. The next test gets the broker running again."""

    broker: Broker
    prefix: str

    @property
    def bootstrap(self) -> str:
        """Where clients reach the broker."""
        return self.broker.bootstrap


@contextmanager
def own_broker(folder: Path, more_settings: str = "") -> Iterator[Broker]:
    """Give a running broker with settings of its own; at the end it is killed, for nobody needs its data."""
    require("Java", shutil.which("java"), "apt-get install openjdk-17-jre-headless")
    broker = Broker(folder, more_settings=more_settings)
    try:
        broker.start()
    except BrokerUnavailable as unavailable:
        require("a broker", False, str(unavailable))
    try:
        yield broker
    finally:
        broker.kill()


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Give the broker of this test process."""
    folder = tmp_path_factory.mktemp("kafka")
    with own_broker(folder / "broker") as broker:
        yield broker
    shutil.rmtree(folder)


@pytest.fixture
def kafka(kafka_broker: Broker) -> Kafka:
    """Give the broker, running, with a topic prefix for this test."""
    kafka_broker.resume()
    kafka_broker.start()
    return Kafka(kafka_broker, f"t{os.getpid()}-{next(_numbers)}")
