"""The pump of one partition, over an owner that fails as a log does."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import structlog.testing

from streams.admission import Message
from streams.log import LogUnavailable
from streams.worker.owner import PartitionOwner
from streams.worker.pump import Pace, Pump


class Owner:
    """Owns from the first record on; its log is away for as many batches as are told."""

    def __init__(self) -> None:
        self.position = 0
        self.committed = 0
        self.fails = 0
        self.acquired = 0
        self.tries = 0

    def has_tried(self, times: int) -> bool:
        """Say whether so many batches were tried."""
        return self.tries == times

    def acquire(self) -> int:
        """Own the partition."""
        self.acquired += 1
        return self.position

    def work(self, messages: Sequence[Message]) -> int:
        """Commit a batch, or fail."""
        self.tries += 1
        if self.fails:
            self.fails -= 1
            raise LogUnavailable("the log is away")
        self.position += len(messages)
        return self.position

    def keep(self, worth_keeping: int) -> None:
        """Keep nothing."""

    def release(self) -> None:
        """Let go."""


class Record:
    """A record of the consumer."""

    def __init__(self, offset: int) -> None:
        self.offset, self.key, self.value = offset, b"s", b"{}"
        self.timestamp = 0
        self.headers: Sequence[tuple[str, bytes | None]] = ()


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.001)


async def _pumped(owner: Owner, outages: Sequence[int]) -> None:
    """Bring one record through after each outage, which fails so many batches."""

    async def run(work: Callable[[], Any]) -> Any:
        return work()

    def failed(_: int, error: Exception) -> None:
        raise error

    pace = Pace(batch_signals=10, gather_seconds=0)
    pump = Pump(cast(PartitionOwner, owner), 3, pace, run=run, failed=failed)
    for fails in outages:
        owner.fails = fails
        for _ in range(fails + 1):
            await _until(lambda: pump.is_live)
            tries = owner.tries
            pump.put([Record(owner.position)])
            await _until(partial(owner.has_tried, tries + 1))
    await pump.close(0)


def test_an_outage_is_told_once_however_often_the_log_fails_in_it() -> None:
    """A log that can be acquired and fails again is still away; one that took a batch had come back."""
    owner = Owner()
    with structlog.testing.capture_logs() as lines:
        asyncio.run(_pumped(owner, [3, 0, 2]))
    told = [line["event"] for line in lines]
    assert told.count("log unavailable") == 2
    assert owner.acquired == 1 + 3 + 2
    assert owner.position == 3
