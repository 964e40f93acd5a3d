"""A worker that is stopped while the group shares out the partitions. No broker is asked."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from faust.types import TP

from tests.worker.without_broker import TOPIC, Log, a_worker


class Slow(Log):
    """A log in which something happens while a partition is let go of."""

    def __init__(self) -> None:
        self.meanwhile: Callable[[], object] = bool
        self.acquired: list[int] = []

    def acquire(self, partition: int) -> None:
        """Note it."""
        self.acquired.append(partition)

    def release(self, partition: int) -> None:  # noqa: ARG002 - alike
        """Let it happen."""
        self.meanwhile()


async def _moved(folder: Path, log: Slow, *, is_stopped: bool) -> set[int]:
    """Give a worker a partition, then another instead, and return what it has then.

    Where it is stopped, it is as it lets go of the first.
    """
    worker, loop = a_worker(folder, log), asyncio.get_running_loop()
    await worker._assigned(worker.app, {TP(TOPIC, 0)})
    async with asyncio.timeout(10):
        while worker.partitions != {0: True}:
            await asyncio.sleep(0.001)
    if is_stopped:
        log.meanwhile = lambda: loop.call_soon_threadsafe(worker.stop)
    await worker._revoked(worker.app, {TP(TOPIC, 0)})
    await worker._assigned(worker.app, {TP(TOPIC, 2)})
    return set(worker.partitions)


def test_who_is_stopped_takes_nothing_over(tmp_path: Path) -> None:
    """Not even what the group has just given it: nobody would let go of it, and the next owner be fenced."""
    assert asyncio.run(_moved(tmp_path, Slow(), is_stopped=False)) == {2}
    log = Slow()
    assert asyncio.run(_moved(tmp_path, log, is_stopped=True)) == set()
    assert log.acquired == [0]
