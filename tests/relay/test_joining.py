"""What a relay does, and does not, while its group gives it partitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Consumer, KafkaError, KafkaException

from infra import relay_process
from tests.kafka_fixture import Kafka
from tests.postgres_fixture import PostgresSchema
from tests.relay.commands import a_command, message
from tests.relay.rig import Rig, wait_for


@pytest.fixture
def rig(kafka: Kafka, postgres: PostgresSchema, tmp_path: Path) -> Iterator[Rig]:
    """Give topics and a schema."""
    with Rig(kafka, postgres, tmp_path) as rig:
        yield rig


class Misinformed(Consumer):
    """A client whose broker has just woken up, and told it that there are no such partitions.

    Asked for topics within a callback it fails; confluent-kafka does so at the next one, with the process.
    """

    is_polling = False

    def poll(self, *seconds: Any) -> Any:
        """Remember that callbacks may be called."""
        self.is_polling = True
        try:
            return super().poll(*seconds)
        finally:
            self.is_polling = False

    def get_watermark_offsets(self, *where: Any, **how: Any) -> Any:
        """Know of nothing until it asks for topics."""
        if self.is_polling:
            raise KafkaException(KafkaError(KafkaError._UNKNOWN_PARTITION))
        return super().get_watermark_offsets(*where, **how)

    def list_topics(self, *topic: Any, **how: Any) -> Any:
        """Refuse where the process would be aborted."""
        assert not self.is_polling, "topics are asked for within a callback"
        return super().list_topics(*topic, **how)


def test_no_callback_asks_its_own_client_for_topics(rig: Rig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where partitions begin and end, a relay learns from another client, also when its own knows of none."""
    monkeypatch.setattr(relay_process, "Consumer", Misinformed)
    with rig.relaying():
        rig.produce([message(a_command())])
        wait_for(lambda: len(rig.decided()) == 1)
