"""The pump of one partition: takes fetched blocks in the right order and brings them to the owner.

What has arrived while a batch was decided and committed is the next batch: a few signals when it is quiet,
thousands when the worker is behind.
"""

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol, TypeVar

import structlog

from domain.times import MILLISECOND_US
from streams.admission import Message
from streams.backoff import Backoff
from streams.kafka.headers import header
from streams.log import LogCorrupt, LogUnavailable, PositionConflict
from streams.worker.owner import PartitionOwner

T = TypeVar("T")
_GAP_SECONDS: Final = 30.0
"""A hole in the signals that reading again did not fill for so long is no accident of fetching."""
_LOOK_SECONDS: Final = 60.0
"""How often it is looked whether the state of a partition to which nothing comes is to be kept."""
_FIRST_WAIT_SECONDS: Final = 0.5
_LONGEST_WAIT_SECONDS: Final = 5.0


class FetchedRecord(Protocol):
    """A record as the consumer gives it; `timestamp` in milliseconds."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(slots=True)
class _Refetched:
    """A message that was read from the log, as a record of the consumer."""

    offset: int
    key: bytes | None
    value: bytes | None
    timestamp: int
    headers: Sequence[tuple[str, bytes | None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How batches are cut: at most `batch_signals`, begun at least `gather_seconds` apart."""

    batch_signals: int
    gather_seconds: float


class Pump:
    """Drives one owner. All methods are for the event loop's thread."""

    def __init__(
        self,
        owner: PartitionOwner,
        partition: int,
        pace: Pace,
        *,
        run: Callable[[Callable[[], Any]], Awaitable[Any]],
        failed: Callable[[int, Exception], None],
        word_seconds: float,
    ) -> None:
        self.partition = partition
        self._owner, self._pace = owner, pace
        self._run, self._failed = run, failed
        self._word_seconds = word_seconds
        """How long the group may take to say whose a partition is that others have fenced."""
        self._blocks: deque[Sequence[FetchedRecord]] = deque()
        self._waiting = 0
        self._expected: int | None = None
        """Offset of the next record to take; None: nothing is taken."""
        self._rewind: int | None = None
        self._gap_since: float | None = None
        self._wake = asyncio.Event()
        self._busy = asyncio.Lock()
        self._going = asyncio.Event()
        """Unset from a pause or a conflict on: nothing is taken over then, for it may be somebody else's."""
        self._going.set()
        self._doubt: asyncio.TimerHandle | None = None
        self._has_taken_back = False
        """Whether it took the partition from another since the group last said something of it."""
        self._owned = False
        self._is_open = True
        self._is_away = False
        """Whether nothing was committed since the log was unavailable: that is said once."""
        self.failure: Exception | None = None
        """Why it is not decided any further, None while it is."""
        self._log = structlog.get_logger().bind(partition=partition)
        self._task = asyncio.create_task(self._go_on(), name=f"partition {partition}")

    @property
    def is_live(self) -> bool:
        """Whether it stands at the committed position and decides what comes."""
        return self._expected is not None

    @property
    def committed(self) -> int | None:
        """The committed position, None where nobody knows yet."""
        return self._owner.committed

    @property
    def wants_more(self) -> bool:
        """Whether there is room for another block."""
        return self._expected is not None and self._waiting < self._pace.batch_signals

    @property
    def next_offset(self) -> int | None:
        """Offset of the record it takes next; None: it takes nothing now."""
        return self._expected

    def take_rewind(self) -> int | None:
        """Return the offset to read from, if it is not where the consumer stands; once."""
        offset, self._rewind = self._rewind, None
        return offset

    def put(self, block: Sequence[FetchedRecord]) -> None:
        """Take a block's records that come next; older ones are dropped, after a hole it is read again."""
        expected = self._expected
        if expected is None or block[-1].offset < expected:
            return
        if block[0].offset < expected:
            block = [record for record in block if record.offset >= expected]
        is_torn = block[-1].offset != expected + len(block) - 1
        if is_torn:
            block = [record for place, record in enumerate(block) if record.offset == expected + place]
        if block:
            self._gap_since = None
            self._blocks.append(block)
            self._waiting += len(block)
            self._expected = block[-1].offset + 1
            self._wake.set()
        if is_torn:
            self._note_gap(expected + len(block))

    def put_around(self, messages: Sequence[Message]) -> None:
        """Take messages that were read without the consumer, which is to go on behind them."""
        if messages:
            self.put([_refetched(message) for message in messages])
        self._rewind = self._expected

    def _note_gap(self, missing: int) -> None:
        now = time.monotonic()
        if self._gap_since is None:
            self._gap_since = now
        elif now - self._gap_since > _GAP_SECONDS:
            self._expected = None
            error = f"partition {self.partition}: the signal at offset {missing} is gone from the log"
            self.failure = LogCorrupt(error)
            self._failed(self.partition, self.failure)
            return
        self._rewind = missing

    async def pause(self, worth_keeping: int) -> None:
        """Finish the batch in hand, or stop taking over at its next page; forget what waits.

        The state is kept where it is worth it.
        """
        self._going.clear()
        if self._doubt is not None:
            self._doubt.cancel()
        self._forget()
        async with self._busy:
            self._forget()
            if self._owned:
                await self._guarded(lambda: self._owner.keep(worth_keeping))

    def resume(self, *, anew: bool) -> None:
        """Go on after a pause, from the position. `anew`: somebody else may have had the partition."""
        self._has_taken_back = False
        if anew:
            self._owned = False
        if self._owned and self._is_open:
            self._live()
        self._going.set()
        self._wake.set()

    async def close(self, worth_keeping: int) -> None:
        """Pause for good, and let go of the partition."""
        self._is_open = False
        await self.pause(worth_keeping)
        self._task.cancel()
        await asyncio.wait([self._task])
        async with self._busy:
            self._owned = False
            await self._guarded(self._owner.release)

    def _live(self) -> None:
        self.failure = None
        self._expected = self._rewind = self._owner.position

    def _forget(self) -> None:
        self._expected = self._rewind = self._gap_since = None
        self._blocks.clear()
        self._waiting = 0

    async def _guarded(self, work: Callable[[], T]) -> T | None:
        """Do it in a thread; whatever fails ends or interrupts the ownership."""
        try:
            result: T = await self._run(work)
        except LogUnavailable as error:
            if not self._is_away:
                self._log.warning("log unavailable", error=str(error))
            self._is_away = True
            self._owned = False
            self._forget()
        except PositionConflict as conflict:
            self._wait_for_word(conflict)
        except Exception as error:  # noqa: BLE001 - whoever runs the pumps decides what becomes of it
            self._fail(error)
        else:
            return result
        return None

    def _wait_for_word(self, conflict: PositionConflict) -> None:
        """Let go until the group says whose the partition is; where it says nothing, it is still ours.

        Who stood still hears it with the next heartbeat. To take over before would be to fence the owner.
        """
        self._log.warning("another worker has the partition", error=str(conflict))
        self._owned = False
        self._forget()
        if self._going.is_set():
            self._going.clear()
            self._doubt = asyncio.get_running_loop().call_later(self._word_seconds, self._take_back, conflict)

    def _take_back(self, conflict: PositionConflict) -> None:
        """Take over anew, once: the group still says that it is ours.

        Who stood still while it took over, and woke up, took it from us before it heard of the group; perhaps
        after the group's last word to us. Whoever takes it again in spite of that is not in the group.
        """
        if self._has_taken_back:
            self._fail(conflict)
            return
        self._has_taken_back = True
        self._going.set()
        self._wake.set()

    def _fail(self, error: Exception) -> None:
        self._owned = self._is_open = False
        self.failure = error
        self._forget()
        self._failed(self.partition, error)

    async def _go_on(self) -> None:
        backoff = Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
        while self._is_open:
            if not self._owned:
                await self._going.wait()
                if await self._acquire():
                    backoff.reset()
                elif self._going.is_set():
                    await asyncio.sleep(backoff.next_seconds())
                continue
            try:
                async with asyncio.timeout(_LOOK_SECONDS):
                    await self._wake.wait()
            except TimeoutError:
                await self._keep_what_is_old()
                continue
            self._wake.clear()
            while self._blocks:
                began = time.monotonic()
                async with self._busy:
                    await self._decide()
                if left := self._pace.gather_seconds - (time.monotonic() - began):
                    await asyncio.sleep(max(0.0, left))

    async def _keep_what_is_old(self) -> None:
        async with self._busy:
            if self._owned and self._going.is_set():
                await self._guarded(self._owner.keep_what_is_old)

    async def _acquire(self) -> bool:
        async with self._busy:
            if not self._is_open:
                return False
            began = time.monotonic()
            take_over = partial(self._owner.acquire, lambda: not self._going.is_set())
            position = await self._guarded(take_over)
            if position is None or not self._is_open:
                return False
            self._owned = True
            self._live()
            seconds = round(time.monotonic() - began, 3)
            self._log.info("partition acquired", position=position, seconds=seconds)
            return True

    async def _decide(self) -> None:
        records: list[FetchedRecord] = []
        while self._blocks and (room := self._pace.batch_signals - len(records)):
            block = self._blocks.popleft()
            records += block[:room]
            if len(block) > room:
                self._blocks.appendleft(block[room:])
        self._waiting -= len(records)
        if records:
            await self._guarded(lambda: self._owner.work([message_of(one) for one in records]))
            if self._owned:
                self._is_away = False


def _refetched(message: Message) -> _Refetched:
    """Return the record of which `message_of` makes this message."""
    told = ("schema", message.schema), ("id", message.id)
    headers = [(name, value) for name, value in told if value is not None]
    at_ms = message.appended_at // MILLISECOND_US
    return _Refetched(message.offset, message.key, message.value, at_ms, headers)


def message_of(record: FetchedRecord) -> Message:
    """Return a fetched record as a message."""
    at_us, headers = record.timestamp * MILLISECOND_US, record.headers
    return Message(
        record.offset, record.key, record.value, at_us, header(headers, "schema"), header(headers, "id")
    )
