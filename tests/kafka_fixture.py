"""A real broker for tests: one for each test process, started when the first test asks for it."""

import itertools
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
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


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """Give the broker of this test process."""
    require("Java", shutil.which("java"), "apt-get install openjdk-17-jre-headless")
    folder = tmp_path_factory.mktemp("kafka")
    broker = Broker(folder / "broker")
    try:
        broker.start()
    except BrokerUnavailable as unavailable:
        require("a broker", False, str(unavailable))
    yield broker
    broker.kill()  # nobody needs its data any more
    shutil.rmtree(folder)


@pytest.fixture
def kafka(kafka_broker: Broker) -> Kafka:
    """Give the broker, running, with a topic prefix for this test."""
    kafka_broker.resume()
    kafka_broker.start()
    return Kafka(kafka_broker, f"t{os.getpid()}-{next(_numbers)}")
