"""A broker that goes away, or has only begun to wake up, while a worker starts."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.broker_proxy import Asked, BrokerProxy
from tests.kafka_fixture import Kafka
from tests.worker.messages import a_signal, message
from tests.worker.rig import Rig

_FAUST = b"faust-"
"""How Faust's client names itself; the log's is answered by any broker."""
_METADATA = 3


class Waking(BrokerProxy):
    """Hangs up on Faust's client once, then tells it once that there are no brokers."""

    hung_up = has_left_out = False

    def _ask(self, request: bytes, asked: Asked) -> bytes:  # type: ignore[override]
        if _FAUST in request[:32]:
            if not self.hung_up:
                self.hung_up = True
                raise ConnectionError
            if int.from_bytes(request[:2]) == _METADATA:
                asked[int.from_bytes(request[4:8])] = _METADATA, int.from_bytes(request[2:4])
        return request

    def _answer(self, answer: bytes, asked: Asked) -> bytes:
        kind, version = asked.pop(int.from_bytes(answer[:4]), (None, 0))
        if kind is None or self.has_left_out:
            return answer
        self.has_left_out = True
        return _without_brokers(answer, version)


def _without_brokers(answer: bytes, version: int) -> bytes:
    first = 4 + 4 * (version >= 3)  # behind its number, and the time it was held back
    count, place = int.from_bytes(answer[first : first + 4]), first + 4
    for _ in range(count):
        place += 4
        place += 2 + int.from_bytes(answer[place : place + 2]) + 4
        rack = int.from_bytes(answer[place : place + 2], signed=True)
        place += 2 + max(0, rack)
    return answer[:first] + bytes(4) + answer[place:]


@pytest.fixture
def proxy(kafka: Kafka) -> Iterator[Waking]:
    """Give a proxy before the broker, for the first connection of a client; others go past it."""
    with closing(Waking()) as proxy:
        proxy.target = int(kafka.bootstrap.rpartition(":")[2])
        yield proxy


@pytest.mark.slow
def test_a_worker_begins_anew(kafka: Kafka, proxy: Waking, tmp_path: Path) -> None:
    """It waits and says so, as it does for a broker that is away before, and then decides."""
    with Rig(kafka, tmp_path) as rig:
        rig.produce(message(a_signal(number)) for number in range(20))
        worker = rig.start(bootstrap=f"127.0.0.1:{proxy.port}")
        rig.wait_until_decided()
        assert proxy.hung_up and proxy.has_left_out
        rig.wait(lambda: not rig.endpoint().waiting_for(), "being ready")
        worker.terminate()
        assert rig.ended(worker) == 0, rig.said()
        assert '"waiting"' in rig.said()
        assert "Traceback" not in rig.said()
