"""Faust's transport as we change it: it commits nothing, for the position is part of our transaction."""

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import faust
import pytest
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from streams.worker.transport import Transport

TOPIC = "limen.signals"
PARTITION = TP(TOPIC, 1)


class Nothing:
    """Wants nothing."""

    def wants(self, partition: int) -> bool:  # noqa: ARG002 - alike
        """Say no."""
        return False

    def take_rewinds(self) -> Mapping[int, int]:
        """Return none."""
        return {}

    async def read_around(self, partitions: Iterable[int]) -> None:
        """Read nothing."""


class Client:
    """Faust's client of the broker, as far as a commit asks it."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    def assignment(self) -> set[TP]:
        """Return the partition."""
        self.asked.append("assignment")
        return {PARTITION}

    async def commit(self, _: Mapping[TP, int]) -> bool:
        """Commit."""
        self.asked.append("commit")
        return True


async def _asked(folder: Path, kind: type[Any], by: str, *arguments: Any) -> list[str]:
    """Return what the client is asked when Faust calls this, and every message is processed."""
    app = faust.App("g", broker="kafka://127.0.0.1:1", datadir=str(folder), loop=asyncio.get_running_loop())
    app.transport = Transport(app.conf.broker_consumer, app, intake=Nothing(), topic=TOPIC)
    consumer = kind(app.transport, *[lambda *_: None] * 3, loop=app.loop)
    consumer._thread = client = Client()
    consumer._acked[PARTITION] = [0, 1, 2]
    await getattr(consumer, by)(*arguments)
    return client.asked


@pytest.mark.parametrize(
    ("by", "arguments"), [("commit", ()), ("commit_and_end_transactions", ()), ("_commit", ({PARTITION: 3},))]
)
def test_nothing_is_committed_through_faust(by: str, arguments: tuple[Any, ...], tmp_path: Path) -> None:
    """Whichever way Faust goes to commit, its own consumer asks its client to, and ours asks for nothing."""
    assert "commit" in asyncio.run(_asked(tmp_path, driver.Consumer, by, *arguments))
    assert asyncio.run(_asked(tmp_path, Transport.Consumer, by, *arguments)) == []
