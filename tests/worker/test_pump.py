"""The pump of one partition, over an owner that fails as a log does."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from typing import Any, Final, cast

import pytest
import structlog.testing

from streams.admission import Message
from streams.log import LogCorrupt, LogUnavailable, PositionConflict
from streams.worker import pump as pumping
from streams.worker.owner import PartitionOwner
from streams.worker.pump import Pace, Pump
from tests.worker.messages import a_signal, message

PACE: Final = Pace(batch_signals=10, gather_seconds=0)


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
        self.decided: list[Message] = []
        self.batches: list[list[int]] = []
        self.looks = 0
        self.goes_on = threading.Event()
        """Unset, a batch takes as long as that."""
        self.goes_on.set()

    @property
    def offsets(self) -> list[int]:
        """Offsets of all that was committed."""
        return [message.offset for message in self.decided]

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
        assert self.goes_on.wait(10)
        if self.is_fenced:
            raise PositionConflict("another process owns it")
        if self.fails:
            self.fails -= 1
            raise LogUnavailable("the log is away")
        self.position += len(messages)
        self.decided += messages
        self.batches.append([message.offset for message in messages])
        return self.position

    def keep(self, _: int) -> None:
        """Keep nothing, or hear that it is somebody else's."""
        if self.is_fenced:
            raise PositionConflict("another process owns it")

    def keep_what_is_old(self) -> None:
        """Count it."""
        self.looks += 1
        self.keep(1)

    def release(self) -> None:
        """Let go."""
        self.released += 1


class Record:
    """A record of the consumer."""

    def __init__(self, offset: int) -> None:
        self.offset, self.key, self.value = offset, b"s", b"{}"
        self.timestamp = 0
        self.headers: Sequence[tuple[str, bytes | None]] = ()


class Clock:
    """The time, as far as the pump is told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Return it, in seconds."""
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock of the pump: it moves when a test moves it."""
    clock = Clock()
    monkeypatch.setattr(pumping, "time", clock)
    return clock


def _block(*offsets: int) -> list[Record]:
    return [Record(offset) for offset in offsets]


async def _until(what: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.001)


def _pump(
    owner: Owner,
    word_seconds: float = 60,
    failures: list[Exception] | None = None,
    *,
    pace: Pace = PACE,
    run: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None,
) -> Pump:
    def failed(_: int, error: Exception) -> None:
        if failures is None:
            raise error
        failures.append(error)

    loop = asyncio.get_running_loop()
    return Pump(
        cast(PartitionOwner, owner),
        3,
        pace,
        run=run or (lambda work: loop.run_in_executor(None, work)),
        failed=failed,
        word_seconds=word_seconds,
    )


async def _live(pump: Pump) -> Pump:
    """Wait until it is live, and have the consumer go where it stands."""
    await _until(lambda: pump.is_live)
    assert pump.take_rewind() == pump.next_offset
    return pump


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


async def _taken_back(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 0.01, failures)
    owner.is_fenced = False
    await _until(lambda: pump.is_live)
    pump.put([Record(owner.position)])
    await _until(lambda: owner.position == 1)
    pump.resume(anew=False)  # the group has spoken since: it may happen once more
    owner.is_fenced = True
    pump.put([Record(owner.position)])
    await _until(lambda: owner.acquired == 3)
    await pump.close(0)


async def _taken_again(owner: Owner, failures: list[Exception]) -> None:
    pump = await _fenced(owner, 0.01, failures)
    await _until(lambda: pump.is_live)
    pump.put([Record(owner.position)])
    await _until(lambda: bool(failures))
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


async def _old(owner: Owner) -> None:
    pump = await _live(_pump(owner))
    for block in (_block(0, 1, 2), _block(0, 1, 2), _block(1, 2, 3, 4), _block(4)):
        pump.put(block)
    await _until(lambda: owner.position == 5)
    assert pump.next_offset == 5
    assert pump.take_rewind() is None, "nothing is missing"
    await pump.close(0)


def test_records_that_were_taken_are_dropped() -> None:
    """What is fetched twice is decided once, also where a block holds old records and new ones."""
    owner = Owner()
    asyncio.run(_old(owner))
    assert owner.offsets == [0, 1, 2, 3, 4]


async def _torn(owner: Owner) -> None:
    pump = await _live(_pump(owner))
    pump.put(_block(0, 1, 3, 4))
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (2, 2, None)
    await _until(lambda: owner.position == 2)
    pump.put(_block(5, 6))
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (2, 2, None)
    pump.put(_block(2, 3, 4))
    pump.put(_block(5, 6))
    assert (pump.next_offset, pump.take_rewind()) == (7, None)
    await _until(lambda: owner.position == 7)
    await pump.close(0)


def test_a_block_is_taken_up_to_a_hole() -> None:
    """What is missing is asked for once, and what is behind it waits until it comes again."""
    owner = Owner()
    asyncio.run(_torn(owner))
    assert owner.offsets == [0, 1, 2, 3, 4, 5, 6]


async def _gone(owner: Owner, clock: Clock, failures: list[Exception]) -> None:
    pump = await _live(_pump(owner, failures=failures))
    pump.put(_block(0, 2))
    clock.now += 30
    pump.put(_block(2))
    assert (pump.take_rewind(), pump.failure) == (1, None)
    clock.now += 0.1
    pump.put(_block(2))
    assert (pump.is_live, pump.wants_more, pump.take_rewind()) == (False, False, None)
    assert failures == [pump.failure]
    pump.put(_block(1, 2))
    await _until(lambda: owner.position == 1)
    await pump.close(0)


def test_a_hole_that_reading_again_does_not_fill_fails_the_partition(clock: Clock) -> None:
    """After half a minute the signal is gone from the log: that is said, and nothing behind it is decided."""
    owner, failures = Owner(), list[Exception]()
    asyncio.run(_gone(owner, clock, failures))
    (error,) = failures
    assert isinstance(error, LogCorrupt)
    assert str(error) == "partition 3: the signal at offset 1 is gone from the log"
    assert owner.offsets == [0]


async def _filled(owner: Owner, clock: Clock) -> None:
    pump = await _live(_pump(owner))
    pump.put(_block(0, 2))
    clock.now += 29
    assert pump.take_rewind() == 1
    pump.put(_block(1, 2))
    clock.now += 2
    pump.put(_block(3, 5))
    assert pump.take_rewind() == 4
    clock.now += 29
    pump.put(_block(5))
    assert pump.take_rewind() == 4
    pump.put(_block(4, 5))
    await _until(lambda: owner.position == 6)
    await pump.close(0)
    assert pump.failure is None


def test_a_hole_that_is_filled_is_forgotten(clock: Clock) -> None:
    """The next one has half a minute of its own."""
    owner = Owner()
    asyncio.run(_filled(owner, clock))
    assert owner.offsets == [0, 1, 2, 3, 4, 5]


async def _torn_twice(owner: Owner, clock: Clock) -> None:
    pump = await _live(_pump(owner))
    pump.put(_block(0, 2))
    clock.now += 60
    pump.put(_block(1, 2, 3, 5))
    assert (pump.failure, pump.next_offset) == (None, 4)
    clock.now += 30
    pump.put(_block(5))
    assert pump.take_rewind() == 4
    pump.put(_block(4, 5))
    await _until(lambda: owner.position == 6)
    await pump.close(0)


def test_a_hole_behind_one_that_is_filled_is_read_again_first(clock: Clock) -> None:
    """However late a block fills a hole, the next hole in that same block is another."""
    owner = Owner()
    asyncio.run(_torn_twice(owner, clock))
    assert owner.offsets == [0, 1, 2, 3, 4, 5]


async def _full(owner: Owner) -> None:
    pump = _pump(owner)
    assert not pump.wants_more, "it does not know yet where it stands"
    await _live(pump)
    pump.put(_block(*range(9)))
    assert pump.wants_more
    pump.put(_block(9))
    assert not pump.wants_more
    await _until(lambda: owner.position == 10)
    assert pump.wants_more
    pump.put(_block(*range(10, 30)))
    assert not pump.wants_more
    await pump.pause(0)
    pump.resume(anew=False)
    assert pump.wants_more, "what waited is forgotten"
    await pump.close(0)


def test_no_more_is_wanted_than_a_batch() -> None:
    """Where as many signals wait as a batch takes, no more are fetched until they are in hand."""
    asyncio.run(_full(Owner()))


async def _around(owner: Owner, messages: Sequence[Message]) -> None:
    pump = await _live(_pump(owner))
    pump.put_around([])
    assert (pump.take_rewind(), pump.take_rewind()) == (0, None), "it stays where it is"
    pump.put_around(messages[:3])
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (3, 3, None)
    pump.put_around(messages[2:])
    assert (pump.next_offset, pump.take_rewind()) == (4, 4)
    await _until(lambda: owner.position == 4)
    await pump.close(0)


def test_the_consumer_goes_on_behind_what_was_read_beside_it() -> None:
    """Messages that it cannot read are decided as they stand in the log, each once."""
    messages = [message(a_signal(number), number) for number in range(3)]
    messages.append(Message(3, None, None, 1_000, None, None))
    owner = Owner()
    asyncio.run(_around(owner, messages))
    assert owner.decided == messages


async def _gathered(owner: Owner) -> None:
    pump = await _live(_pump(owner))
    owner.goes_on.clear()
    pump.put(_block(0))
    await _until(lambda: owner.has_tried(1))
    for block in (range(1, 4), range(4, 5), range(5, 14), range(14, 16)):
        pump.put(_block(*block))
    owner.goes_on.set()
    await _until(lambda: owner.position == 16)
    await pump.close(0)


def test_what_came_while_a_batch_was_decided_is_the_next() -> None:
    """All of it, but no more than a batch takes; the rest is the one after, in the log's order."""
    owner = Owner()
    asyncio.run(_gathered(owner))
    assert owner.batches == [[0], list(range(1, 11)), list(range(11, 16))]


async def _paced(owner: Owner, clock: Clock) -> list[float]:
    """Return when batches were begun: by the clock each takes nearly all of the least time between two."""
    seconds, begun = 599.9, list[float]()

    async def run(work: Callable[[], Any]) -> Any:
        begun.append(time.monotonic())
        done = work()
        clock.now += seconds
        return done

    pump = await _live(_pump(owner, pace=Pace(batch_signals=10, gather_seconds=600), run=run))
    pump.put(_block(*range(25)))
    await _until(lambda: owner.position == 25)
    seconds = 600
    pump.put(_block(25))
    await _until(lambda: owner.position == 26)
    pump.put(_block(26))
    await _until(lambda: owner.position == 27)
    seconds = 0
    pump.put(_block(27))
    await _until(lambda: owner.position == 28)
    pump.put(_block(28))
    for _ in range(100):
        await asyncio.sleep(0)
    assert owner.position == 28
    await pump.close(0)
    return begun[1:4]


def test_batches_are_begun_some_time_apart_and_a_lone_signal_at_once(clock: Clock) -> None:
    """What comes sooner after the last batch was begun waits for the rest of that time, and no longer."""
    owner = Owner()
    first, second, third = asyncio.run(_paced(owner, clock))
    assert min(second - first, third - second) > 0.09
    assert owner.batches[:3] == [list(range(10)), list(range(10, 20)), list(range(20, 25))]


async def _quiet(owner: Owner, failures: list[Exception]) -> None:
    pump = await _live(_pump(owner, word_seconds=0.01, failures=failures))
    await _until(lambda: owner.looks > 2)
    await pump.pause(0)
    looks = owner.looks
    await asyncio.sleep(0.05)
    assert owner.looks == looks, "in a pause it may be somebody else's"
    pump.resume(anew=False)
    pump.put(_block(0))
    await _until(lambda: owner.position == 1 and owner.looks > looks)
    owner.is_fenced = True
    await _until(lambda: bool(failures))
    await pump.close(0)


def test_while_nothing_comes_it_looks_whether_to_keep_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """Again and again, unless it is paused; whatever that meets is met as in a batch."""
    monkeypatch.setattr(pumping, "_LOOK_SECONDS", 0.01)
    failures = list[Exception]()
    asyncio.run(_quiet(Owner(), failures))
    assert [type(one) for one in failures] == [PositionConflict]
