"""A partition in which nothing happens for longer than the broker remembers its owner."""

import time
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from streams.kafka.log import KafkaLog
from streams.log import LogUnavailable
from tests.kafka_fixture import Kafka, own_broker
from tests.worker.messages import a_signal, message
from tests.worker.rig import Rig

SETTINGS = """\
transactional.id.expiration.ms=1000
transaction.remove.expired.transaction.cleanup.interval.ms=200
"""
_FORGOTTEN_SECONDS = 4.0


@pytest.fixture
def forgetful(tmp_path: Path) -> Iterator[Kafka]:
    """Give a broker of its own, which forgets an idle owner in a second and not in a week."""
    with own_broker(tmp_path / "forgetful-broker", SETTINGS) as broker:
        yield Kafka(broker, "forgetful")


@pytest.mark.slow
def test_an_idle_partition_is_acquired_anew(forgetful: Kafka, tmp_path: Path) -> None:
    """Who owned it is told that he is forgotten, not that he is fenced; a worker goes on by itself."""
    with Rig(forgetful, tmp_path) as rig:
        rig.produce(message(a_signal(number)) for number in range(20))
        worker = rig.start()
        rig.wait_until_decided()
        time.sleep(_FORGOTTEN_SECONDS)
        rig.produce(message(a_signal(number)) for number in range(20, 40))
        rig.wait_until_decided()
        rig.check_exact()
        assert "has forgotten" in rig.said()
        worker.terminate()
        assert rig.ended(worker) == 0, rig.said()
        with closing(KafkaLog(rig.settings)) as log:
            position = log.position(0)
            _own(log, position)
            time.sleep(_FORGOTTEN_SECONDS)
            with pytest.raises(LogUnavailable, match="acquire the partition again"):
                log.transact(0, from_position=position, to_position=position, events=[])
            _own(log, position)


def _own(log: KafkaLog, position: int) -> None:
    """Acquire the partition and commit nothing; a slow machine's owner may be forgotten between the two."""
    while True:
        log.acquire(0)
        with suppress(LogUnavailable):
            return log.transact(0, from_position=position, to_position=position, events=[])
