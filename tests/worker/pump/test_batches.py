"""How much is fetched, what becomes one batch, and when it is begun."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

from streams.worker.pump import Pace
from tests.worker.pump.rig import Clock, Owner, a_block, a_pump, live, until


async def _full(owner: Owner) -> None:
    pump = a_pump(owner)
    assert not pump.wants_more, "it does not know yet where it stands"
    await live(pump)
    pump.put(a_block(*range(9)))
    assert pump.wants_more
    pump.put(a_block(9))
    assert not pump.wants_more
    await until(lambda: owner.position == 10)
    assert pump.wants_more
    pump.put(a_block(*range(10, 30)))
    assert not pump.wants_more
    await pump.pause(0)
    pump.resume(anew=False)
    assert pump.wants_more, "what waited is forgotten"
    await pump.close(0)


def test_no_more_is_wanted_than_a_batch() -> None:
    """Where as many signals wait as a batch takes, no more are fetched until they are in hand."""
    asyncio.run(_full(Owner()))


async def _gathered(owner: Owner) -> None:
    pump = await live(a_pump(owner))
    owner.goes_on.clear()
    pump.put(a_block(0))
    await until(lambda: owner.has_tried(1))
    for block in (range(1, 4), range(4, 5), range(5, 14), range(14, 16)):
        pump.put(a_block(*block))
    owner.goes_on.set()
    await until(lambda: owner.position == 16)
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

    pump = await live(a_pump(owner, pace=Pace(batch_signals=10, gather_seconds=600), run=run))
    pump.put(a_block(*range(25)))
    await until(lambda: owner.position == 25)
    seconds = 600
    pump.put(a_block(25))
    await until(lambda: owner.position == 26)
    pump.put(a_block(26))
    await until(lambda: owner.position == 27)
    seconds = 0
    pump.put(a_block(27))
    await until(lambda: owner.position == 28)
    pump.put(a_block(28))
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
