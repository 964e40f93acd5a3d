"""Topics of the test's own."""

import pytest

from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import apply
from tests.cross_site.stage import settings
from tests.kafka_fixture import Kafka


@pytest.fixture
def log(kafka: Kafka) -> KafkaSettings:
    """Give settings whose topics are there."""
    log = settings(kafka.bootstrap, kafka.prefix)
    apply(log)
    return log
