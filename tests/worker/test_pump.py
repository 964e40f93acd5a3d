"""The pump of one partition, over an owner that fails as a log does."""

import asyncio
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import cast

import structlog.testing

from streams.admission import Message
from streams.log import LogUnavailable, PositionConflict
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
        self.released = 0
        self.is_long = False
        self.is_fenced = False

    def has_tried(self, times: int) -> bool:
        """Say whether so many batches were tried."""
        return self.tries == times

    def acquire(self, is_stopped: Callable[[], bool]) -> int | None:
        """Own the partition, or decide again until stopped."""
        self.acquired += 1
        while self.is_long:
            if is_stopped():
                return None
            time.sleep(0.001)
        return self.position

    def work(self, messages: Sequence[Message]) -> int:
        """Commit a batch, or fail."""
        self.tries += 1
        if self.is_fenced:
            raise PositionConflict("another process owns it")
        if self.fails:
            self.fails -= 1
            raise LogUnavailable("the log is away")
        self.position += len(messages)
        return self.position

    def keep(self, _: int) -> None:
        """Keep nothing, or hear that it is somebody else's."""
        if self.is_fenced:
            raise PositionConflict("another process owns it")

    def release(self) -> None:
        """Let go."""
        self.released += 1


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


def _pump(owner: Owner, word_seconds: float = 60, failures: list[Exception] | None = None) -> Pump:
    def failed(_: int, error: Exception) -> None:
        if failures is None:
            raise error
        failures.append(error)

    loop = asyncio.get_running_loop()
    return Pump(
        cast(PartitionOwner, owner),
        3,
        Pace(batch_signals=10, gather_seconds=0),
        run=lambda work: loop.run_in_executor(None, work),
        failed=failed,
        word_seconds=word_seconds,
    )


async def _pumped(owner: Owner, outages: Sequence[int]) -> None:
    """Bring one record through after each outage, which fails so many batches."""
    pump = _pump(owner)
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


async def _interrupted(owner: Owner) -> None:
    owner.is_long = True
    pump = _pump(owner)
    await _until(lambda: owner.acquired == 1)
    await asyncio.wait_for(pump.pause(0), 10)
    for _ in range(100):
        await asyncio.sleep(0)
    assert owner.acquired == 1, "in a pause it may be somebody else's"
    pump.resume(anew=False)
    await _until(lambda: owner.acquired == 2)
    await asyncio.wait_for(pump.close(1), 10)


def test_taking_over_is_interrupted_by_a_pause_and_by_the_end() -> None:
    """However much there is to decide again, neither waits for it; what was opened is let go of."""
    owner = Owner()
    asyncio.run(_interrupted(owner))
    assert (owner.acquired, owner.released) == (2, 1)


async def _resumed(owner: Owner) -> None:
    pump = _pump(owner)
    await _until(lambda: pump.is_live)
    await pump.pause(0)
    pump.resume(anew=False)
    assert pump.is_live
    assert owner.acquired == 1
    await pump.pause(0)
    pump.resume(anew=True)
    assert not pump.is_live
    await _until(lambda: pump.is_live)
    assert owner.acquired == 2
    owner.is_fenced = True
    await pump.pause(0)
    pump.resume(anew=False)
    await _until(lambda: pump.is_live)
    await pump.close(0)


def test_what_others_may_have_had_is_acquired_anew() -> None:
    """After a pause that others used, or when they fence it in the pause, the pump takes over again."""
    owner = Owner()
    asyncio.run(_resumed(owner))
    assert owner.acquired == 3


async def _fenced(owner: Owner, word_seconds: float, failures: list[Exception]) -> Pump:
    pump = _pump(owner, word_seconds, failures)
    await _until(lambda: pump.is_live)
    owner.is_fenced = True
    pump.put([Record(owner.position)])
    await _until(lambda: not pump.is_live)
    return pump


async def _waited(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 60, failures)
    for _ in range(100):
        await asyncio.sleep(0)
    assert owner.acquired == 1
    await pump.pause(0)
    pump.resume(anew=False)
    await _until(lambda: pump.is_live)
    await pump.close(0)


async def _waited_in_vain(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 0.01, failures)
    await _until(lambda: bool(failures))
    await pump.pause(0)
    pump.resume(anew=True)
    for _ in range(100):
        await asyncio.sleep(0)
    await pump.close(0)


def test_who_is_fenced_waits_for_the_word_of_the_group() -> None:
    """It takes over anew when the group gives it the partition again; without a word, it fails."""
    owner, failures = Owner(), list[Exception]()
    asyncio.run(_waited(owner, failures))
    assert (owner.acquired, failures) == (2, [])
    owner = Owner()
    asyncio.run(_waited_in_vain(owner, failures))
    assert [type(one) for one in failures] == [PositionConflict]
    assert owner.acquired == 1
