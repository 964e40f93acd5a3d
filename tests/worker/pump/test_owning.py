"""Whose the partition is: outages of the log, pauses, and who fences whom."""

import asyncio
from collections.abc import Sequence
from functools import partial

import pytest
import structlog.testing

from streams.log import PositionConflict
from streams.worker import pump as pumping
from streams.worker.pump import Pump
from tests.worker.pump.rig import Owner, Record, a_block, a_pump, live, until


async def _pumped(owner: Owner, outages: Sequence[int]) -> None:
    """Bring one record through after each outage, which fails so many batches."""
    pump = a_pump(owner)
    for fails in outages:
        owner.fails = fails
        for _ in range(fails + 1):
            await until(lambda: pump.is_live)
            tries = owner.tries
            pump.put([Record(owner.position)])
            await until(partial(owner.has_tried, tries + 1))
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
    pump = a_pump(owner)
    await until(lambda: owner.acquired == 1)
    await asyncio.wait_for(pump.pause(0), 10)
    for _ in range(100):
        await asyncio.sleep(0)
    assert owner.acquired == 1, "in a pause it may be somebody else's"
    pump.resume(anew=False)
    await until(lambda: owner.acquired == 2)
    await asyncio.wait_for(pump.close(1), 10)


def test_taking_over_is_interrupted_by_a_pause_and_by_the_end() -> None:
    """However much there is to decide again, neither waits for it; what was opened is let go of."""
    owner = Owner()
    asyncio.run(_interrupted(owner))
    assert (owner.acquired, owner.released) == (2, 1)


async def _resumed(owner: Owner) -> None:
    pump = a_pump(owner)
    await until(lambda: pump.is_live)
    await pump.pause(0)
    pump.resume(anew=False)
    assert pump.is_live
    assert owner.acquired == 1
    await pump.pause(0)
    pump.resume(anew=True)
    assert not pump.is_live
    await until(lambda: pump.is_live)
    assert owner.acquired == 2
    owner.is_fenced = True
    await pump.pause(0)
    pump.resume(anew=False)
    await until(lambda: pump.is_live)
    await pump.close(0)


def test_what_others_may_have_had_is_acquired_anew() -> None:
    """After a pause that others used, or when they fence it in the pause, the pump takes over again."""
    owner = Owner()
    asyncio.run(_resumed(owner))
    assert owner.acquired == 3


async def _fenced(owner: Owner, word_seconds: float, failures: list[Exception]) -> Pump:
    pump = a_pump(owner, word_seconds, failures)
    await until(lambda: pump.is_live)
    owner.is_fenced = True
    pump.put([Record(owner.position)])
    await until(lambda: not pump.is_live)
    return pump


async def _waited(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 60, failures)
    for _ in range(100):
        await asyncio.sleep(0)
    assert owner.acquired == 1
    await pump.pause(0)
    pump.resume(anew=False)
    await until(lambda: pump.is_live)
    await pump.close(0)


async def _taken_back(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 0.01, failures)
    owner.is_fenced = False
    await until(lambda: pump.is_live)
    pump.put([Record(owner.position)])
    await until(lambda: owner.position == 1)
    pump.resume(anew=False)  # the group has spoken since: it may happen once more
    owner.is_fenced = True
    pump.put([Record(owner.position)])
    await until(lambda: owner.acquired == 3)
    await pump.close(0)


async def _taken_again(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 0.01, failures)
    await until(lambda: pump.is_live)
    pump.put([Record(owner.position)])
    await until(lambda: bool(failures))
    await pump.pause(0)
    pump.resume(anew=True)
    for _ in range(100):
        await asyncio.sleep(0)
    await pump.close(0)


def test_who_is_fenced_waits_for_the_word_of_the_group() -> None:
    """It takes over anew when the group gives it the partition again; without a word it is still its own.

    One that is fenced once more without a word is at odds with somebody, and fails.
    """
    owner, failures = Owner(), list[Exception]()
    asyncio.run(_waited(owner, failures))
    assert (owner.acquired, failures) == (2, [])
    owner = Owner()
    asyncio.run(_taken_back(owner, failures))
    assert failures == []
    owner = Owner()
    asyncio.run(_taken_again(owner, failures))
    assert [type(one) for one in failures] == [PositionConflict]
    assert owner.acquired == 2


async def _quiet(owner: Owner, failures: list[Exception]) -> None:
    pump = await live(a_pump(owner, word_seconds=0.01, failures=failures))
    await until(lambda: owner.looks > 2)
    await pump.pause(0)
    looks = owner.looks
    await asyncio.sleep(0.05)
    assert owner.looks == looks, "in a pause it may be somebody else's"
    pump.resume(anew=False)
    pump.put(a_block(0))
    await until(lambda: owner.position == 1 and owner.looks > looks)
    owner.is_fenced = True
    await until(lambda: bool(failures))
    await pump.close(0)


def test_while_nothing_comes_it_looks_whether_to_keep_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, unless it is paused; whatever that meets is met as in a batch."""
    monkeypatch.setattr(pumping, "_LOOK_SECONDS", 0.01)
    failures = list[Exception]()
    asyncio.run(_quiet(Owner(), failures))
    assert [type(one) for one in failures] == [PositionConflict]
