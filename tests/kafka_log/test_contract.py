"""The port's contract, over a broker."""

import hashlib
from pathlib import Path

import pytest

from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.log import (
    Log,
)
from tests.kafka_fixture import Kafka
from tests.kafka_log.settings import settings_of
from tests.log_contract import LogContract


class TestKafkaLog(LogContract):
    """The contract, over a broker: each folder is a prefix of topics."""

    @pytest.fixture(autouse=True)
    def _broker(self, kafka: Kafka) -> None:
        self._kafka = kafka
        self._opened: dict[Path, KafkaSettings] = {}

    def open_log(self, folder: Path) -> Log:
        """Open the topics of this folder."""
        if folder not in self._opened:
            prefix = f"{self._kafka.prefix}-{hashlib.sha256(str(folder).encode()).hexdigest()[:12]}"
            self._opened[folder] = settings_of(self._kafka, topic_prefix=prefix, group=prefix)
        return KafkaLog(self._opened[folder])
