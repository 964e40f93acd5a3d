"""An owner whose log fails as it is told, and the pump over it."""

import asyncio
import threading
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, cast

from streams.admission import Message
from streams.log import LogUnavailable, PositionConflict
from streams.worker.owner import PartitionOwner
from streams.worker.pump import Pace, Pump

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


def a_block(*offsets: int) -> list[Record]:
    """Return records at these offsets."""
    return [Record(offset) for offset in offsets]


async def until(what: Callable[[], bool]) -> None:
    """Wait until it is so."""
    async with asyncio.timeout(10):
        while not what():
            await asyncio.sleep(0.001)


def a_pump(
    owner: Owner,
    word_seconds: float = 60,
    failures: list[Exception] | None = None,
    *,
    pace: Pace = PACE,
    run: Callable[[Callable[[], Any]], Awaitable[Any]] | None = None,
) -> Pump:
    """Return the pump of partition 3; whatever fails goes to `failures`, or is raised."""

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


async def live(pump: Pump) -> Pump:
    """Wait until it is live, and have the consumer go where it stands."""
    await until(lambda: pump.is_live)
    assert pump.take_rewind() == pump.next_offset
    return pump
