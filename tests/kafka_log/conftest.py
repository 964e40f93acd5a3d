"""A log of the test's own, with two partitions."""

from collections.abc import Iterator
from contextlib import closing

import pytest

from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from tests.kafka_fixture import Kafka
from tests.kafka_log.settings import settings_of


@pytest.fixture
def settings(kafka: Kafka) -> KafkaSettings:
    """Settings of a log nobody else uses, with two partitions."""
    return settings_of(kafka, partitions=2)


@pytest.fixture
def log(settings: KafkaSettings) -> Iterator[KafkaLog]:
    """An empty log."""
    with closing(KafkaLog(settings)) as log:
        yield log
