"""What the consumer brings twice is taken once, and what it does not bring is asked for."""

import asyncio
from collections.abc import Sequence

from streams.admission import Message
from streams.log import LogCorrupt
from tests.worker.messages import a_signal, message
from tests.worker.pump.rig import Clock, Owner, a_block, a_pump, live, until


async def _old(owner: Owner) -> None:
    pump = await live(a_pump(owner))
    for block in (a_block(0, 1, 2), a_block(0, 1, 2), a_block(1, 2, 3, 4), a_block(4)):
        pump.put(block)
    await until(lambda: owner.position == 5)
    assert pump.next_offset == 5
    assert pump.take_rewind() is None, "nothing is missing"
    await pump.close(0)


def test_records_that_were_taken_are_dropped() -> None:
    """What is fetched twice is decided once, also where a block holds old records and new ones."""
    owner = Owner()
    asyncio.run(_old(owner))
    assert owner.offsets == [0, 1, 2, 3, 4]


async def _torn(owner: Owner) -> None:
    pump = await live(a_pump(owner))
    pump.put(a_block(0, 1, 3, 4))
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (2, 2, None)
    await until(lambda: owner.position == 2)
    pump.put(a_block(5, 6))
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (2, 2, None)
    pump.put(a_block(2, 3, 4))
    pump.put(a_block(5, 6))
    assert (pump.next_offset, pump.take_rewind()) == (7, None)
    await until(lambda: owner.position == 7)
    await pump.close(0)


def test_a_block_is_taken_up_to_a_hole() -> None:
    """What is missing is asked for once, and what is behind it waits until it comes again."""
    owner = Owner()
    asyncio.run(_torn(owner))
    assert owner.offsets == [0, 1, 2, 3, 4, 5, 6]


async def _gone(owner: Owner, clock: Clock, failures: list[Exception]) -> None:
    pump = await live(a_pump(owner, failures=failures))
    pump.put(a_block(0, 2))
    clock.now += 30
    pump.put(a_block(2))
    assert (pump.take_rewind(), pump.failure) == (1, None)
    clock.now += 0.1
    pump.put(a_block(2))
    assert (pump.is_live, pump.wants_more, pump.take_rewind()) == (False, False, None)
    assert failures == [pump.failure]
    pump.put(a_block(1, 2))
    await until(lambda: owner.position == 1)
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
    pump = await live(a_pump(owner))
    pump.put(a_block(0, 2))
    clock.now += 29
    assert pump.take_rewind() == 1
    pump.put(a_block(1, 2))
    clock.now += 2
    pump.put(a_block(3, 5))
    assert pump.take_rewind() == 4
    clock.now += 29
    pump.put(a_block(5))
    assert pump.take_rewind() == 4
    pump.put(a_block(4, 5))
    await until(lambda: owner.position == 6)
    await pump.close(0)
    assert pump.failure is None


def test_a_hole_that_is_filled_is_forgotten(clock: Clock) -> None:
    """The next one has half a minute of its own."""
    owner = Owner()
    asyncio.run(_filled(owner, clock))
    assert owner.offsets == [0, 1, 2, 3, 4, 5]


async def _torn_twice(owner: Owner, clock: Clock) -> None:
    pump = await live(a_pump(owner))
    pump.put(a_block(0, 2))
    clock.now += 60
    pump.put(a_block(1, 2, 3, 5))
    assert (pump.failure, pump.next_offset) == (None, 4)
    clock.now += 30
    pump.put(a_block(5))
    assert pump.take_rewind() == 4
    pump.put(a_block(4, 5))
    await until(lambda: owner.position == 6)
    await pump.close(0)


def test_a_hole_behind_one_that_is_filled_is_read_again_first(clock: Clock) -> None:
    """However late a block fills a hole, the next hole in that same block is another."""
    owner = Owner()
    asyncio.run(_torn_twice(owner, clock))
    assert owner.offsets == [0, 1, 2, 3, 4, 5]


async def _around(owner: Owner, messages: Sequence[Message]) -> None:
    pump = await live(a_pump(owner))
    pump.put_around([])
    assert (pump.take_rewind(), pump.take_rewind()) == (0, None), "it stays where it is"
    pump.put_around(messages[:3])
    assert (pump.next_offset, pump.take_rewind(), pump.take_rewind()) == (3, 3, None)
    pump.put_around(messages[2:])
    assert (pump.next_offset, pump.take_rewind()) == (4, 4)
    await until(lambda: owner.position == 4)
    await pump.close(0)


def test_the_consumer_goes_on_behind_what_was_read_beside_it() -> None:
    """Messages that it cannot read are decided as they stand in the log, each once."""
    messages = [message(a_signal(number), number) for number in range(3)]
    messages.append(Message(3, None, None, 1_000, None, None))
    owner = Owner()
    asyncio.run(_around(owner, messages))
    assert owner.decided == messages
