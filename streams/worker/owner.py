"""The owner of one partition: decides its messages and commits what it decided.

Blocking, and for one thread at a time.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import Final, Protocol

import msgspec

from streams.admission import Limits, Message, Refused, rejection
from streams.log import EventDraft, LogCorrupt, LogError, Snapshot
from streams.messages import Messages
from streams.quarantine import Rejection
from streams.worker.defect import EngineDefect, keep_bundle
from streams.worker.partition import Decided, PartitionDecider, Record

REPLAY: Final = 10_000
"""Messages read and decided at once while a defect is looked for."""
WORTH_KEEPING: Final = 10_000
"""A partition that moves takes its state along when to decide it again would be this many signals."""


class PartitionLog(Protocol):
    """What an owner needs of the log. Every method blocks; what a write returns from is durable."""

    def acquire(self, partition: int) -> None:
        """Become the partition's one owner; whoever was it before can write no more.

        Raises:
            LogUnavailable: the broker is away.
        """

    def release(self, partition: int) -> None:
        """Let go of it; nothing is written."""

    def position(self, partition: int) -> int:
        """Return the committed position, pending transactions finished."""

    def snapshot(self, partition: int) -> Snapshot | None:
        """Return the newest snapshot, or None."""

    def messages(self, partition: int, from_offset: int, limit: int) -> Sequence[Message]:
        """Return at most `limit` messages of the signals topic at `from_offset` and above."""

    def blocks(self, partition: int, from_offset: int, to_offset: int) -> Generator[Messages, None, None]:
        """Yield messages of the signals topic in a range of offsets, many at a time, until it is closed."""

    def close_readers(self, partition: int) -> None:
        """Let go of what reads a partition, and of what it has read ahead: it will not be read soon."""

    def transact(
        self,
        partition: int,
        *,
        from_position: int,
        to_position: int,
        events: Sequence[EventDraft],
        snapshot: bytes | None = None,
        snapshot_at: int | None = None,
        quarantined: Sequence[Rejection] = (),
        extra: Sequence[Record] = (),
    ) -> None:
        """Write it all and move the position, or nothing; the snapshot is of `snapshot_at` or `to_position`.

        Raises:
            PositionConflict: another process owns the partition, or decided in between.
            LogUnavailable: it may or may not have been committed; acquire anew to know.
            ValueError: something of it is larger than the log will ever take; nothing was written.
        """


@dataclass(frozen=True, slots=True)
class Timing:
    """What a committed batch took. `age_seconds`: since its newest message came into the log."""

    decide_seconds: float
    transact_seconds: float
    age_seconds: float


class Observer(Protocol):
    """Is told what happened, after it is durable. It must not raise."""

    def decided(self, partition: int, decided: Decided, timing: Timing) -> None:
        """A batch was committed."""

    def quarantined(self, partition: int, refused: Sequence[Refused]) -> None:
        """Messages went to quarantine."""

    def stopped(self, partition: int, error: Exception) -> None:
        """The partition failed, and is not decided any further."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How partitions are decided.

    Attributes:
        limits: what a signal must keep to; the partition in them is each owner's own.
        new_decider: makes the decider of one partition.
        snapshot_every: signals between two snapshots.
        snapshot_after_seconds: longest time between two, where anything was decided.
        bundles: name of the folder for what reproduces a defect.
    """

    limits: Limits
    new_decider: Callable[[Limits], PartitionDecider]
    snapshot_every: int
    snapshot_after_seconds: float
    bundles: str


class PartitionOwner:
    """Owns one partition from `acquire` to `release`.

    Any error of the log leaves it unusable until it acquires again: only the log knows what was committed.
    """

    def __init__(self, log: PartitionLog, partition: int, plan: Plan, observer: Observer) -> None:
        self._log, self._partition, self._plan, self._observer = log, partition, plan, observer
        self._limits = msgspec.structs.replace(plan.limits, partition=partition)
        self._decider = plan.new_decider(self._limits)
        self._kept: bytes | None = None
        self._kept_at = 0
        self._kept_when = time.monotonic()
        self._limits_changed = False
        self.committed: int | None = None
        """The committed position, as far as is known; None before it was first looked up."""

    @property
    def position(self) -> int:
        """Offset of the next message."""
        return self._decider.position

    def acquire(self, is_stopped: Callable[[], bool] = lambda: False) -> int | None:
        """Fence older owners, restore the newest snapshot, decide again what was committed after it.

        However long that takes, it goes on where it was: what is decided again is kept now and then.

        Args:
            is_stopped: asked before each page; once it says yes, the partition is not acquired.

        Returns:
            the committed position, at which deciding goes on; None where it was stopped.

        Raises:
            LogUnavailable: the broker is away.
            LogCorrupt: signals that are needed are not in the log any more.
            PositionConflict: another process has acquired it meanwhile.
        """
        if is_stopped():
            return None
        log, partition = self._log, self._partition
        log.acquire(partition)
        committed = self.committed = log.position(partition)
        self._decider, self._kept = self._restored(log.snapshot(partition))
        self._kept_at = self._decider.position
        try:
            if not self._catch_up(committed, is_stopped):
                return None
        finally:
            log.close_readers(partition)
        self._limits_changed = self._decider.limits != self._limits
        self._decider.limits = self._limits
        self._kept_when = time.monotonic()
        return committed

    def work(self, messages: Sequence[Message]) -> Decided:
        """Decide the messages at `position` and after, commit, and tell the observer.

        Raises:
            EngineDefect: the engine failed, or decided what no log takes; nothing was written but the bundle
                it names.
            PositionConflict: another process owns the partition by now.
            LogUnavailable: it may or may not have been committed.
        """
        began = time.perf_counter()
        with self._defects(messages):
            decided = self._decider.decide(messages)
            drafts = decided.drafts(self._limits.message_bytes)
            done = time.perf_counter()
            self._commit(decided, drafts, with_snapshot=self._is_snapshot_due())
        committed = time.perf_counter()
        timing = Timing(
            decide_seconds=done - began,
            transact_seconds=committed - done,
            age_seconds=max(0.0, time.time() - messages[-1].appended_at / 1_000_000),
        )
        self._observer.decided(self._partition, decided, timing)
        if decided.refused:
            self._observer.quarantined(self._partition, decided.refused)
        return decided

    def keep(self, worth: int = 1) -> None:
        """Write a snapshot where at least `worth` signals were decided since the last."""
        if self.position - self._kept_at >= worth:
            here = self.position
            self._commit(Decided(here, here, (), (), (), (), ()), (), with_snapshot=True)

    def keep_what_is_old(self) -> None:
        """Write a snapshot where the last is old, and anything was decided since."""
        if self._is_kept_long_ago():
            self.keep()

    def release(self) -> None:
        """Let go of the partition."""
        self._log.release(self._partition)

    def _catch_up(self, committed: int, is_stopped: Callable[[], bool]) -> bool:
        """Decide up to the committed position; return whether it came there before it was stopped."""
        position = self._decider.position
        with closing(self._log.blocks(self._partition, position, committed)) as blocks:
            for messages in blocks:
                if is_stopped():
                    self._keep_replayed(committed, WORTH_KEEPING)
                    return False
                self._decide_again(messages, committed)
                self._keep_replayed(committed, self._plan.snapshot_every)
        if self._decider.position < committed:
            raise self._gone(committed)
        return True

    def _decide_again(self, messages: Messages, committed: int) -> None:
        """Decide a page below the committed position silently."""
        if messages[0].offset != self._decider.position:
            raise self._gone(committed)
        with self._defects(messages):
            self._decider.pass_over(messages)

    def _gone(self, committed: int) -> LogCorrupt:
        return LogCorrupt(
            f"partition {self._partition}: signals from {self._decider.position} on are gone from the log, "
            f"but there is no snapshot behind them; deciding goes on at {committed}"
        )

    def _keep_replayed(self, committed: int, worth: int) -> None:
        """Write a snapshot of a position below the committed one, where that saves so many signals.

        It is under the limits they were decided under, so whoever restores it comes to the same state.
        """
        if self.position - self._kept_at >= worth:
            state = self._decider.snapshot()
            self._log.transact(
                self._partition, from_position=committed, to_position=committed, events=(),
                snapshot=state, snapshot_at=self.position,
            )  # fmt: skip
            self._note_kept(state)

    def _note_kept(self, state: bytes) -> None:
        self._kept, self._kept_at, self._kept_when = state, self.position, time.monotonic()

    def _restored(self, snapshot: Snapshot | None) -> tuple[PartitionDecider, bytes | None]:
        decider = self._plan.new_decider(self._limits)
        if snapshot is not None:
            try:
                decider.restore(snapshot.state)
            except ValueError:  # written by another version: the state is computed from the first signal
                return decider, None
            return decider, snapshot.state
        return decider, None

    def _is_snapshot_due(self) -> bool:
        is_old = self.position - self._kept_at >= self._plan.snapshot_every or self._is_kept_long_ago()
        # In the first stand the limits of the first signals, for whoever decides them again.
        return is_old or self._limits_changed or self._kept is None

    def _is_kept_long_ago(self) -> bool:
        return time.monotonic() - self._kept_when >= self._plan.snapshot_after_seconds

    @contextmanager
    def _defects(self, messages: Sequence[Message]) -> Iterator[None]:
        """Make what fails in the block, over these messages, an `EngineDefect`; the log's errors stay."""
        start = self.position
        try:
            yield
        except LogError:
            raise
        except Exception as error:
            raise self._defect(error, start, messages) from error

    def _defect(self, error: Exception, start: int, messages: Sequence[Message]) -> EngineDefect:
        def decide_again() -> PartitionDecider:
            decider, _ = self._restored(None if self._kept is None else Snapshot(self._kept_at, self._kept))
            while (position := decider.position) < start:
                decider.decide(self._log.messages(self._partition, position, min(REPLAY, start - position)))
            decider.limits = self._decider.limits
            return decider

        try:
            return keep_bundle(self._plan.bundles, self._partition, error, decide_again, messages)
        finally:
            self._log.close_readers(self._partition)

    def _commit(self, decided: Decided, drafts: Sequence[EventDraft], *, with_snapshot: bool) -> None:
        state = self._decider.snapshot() if with_snapshot else None
        self._log.transact(
            self._partition,
            from_position=decided.from_position,
            to_position=decided.to_position,
            events=drafts,
            snapshot=state,
            quarantined=[rejection("log", self._partition, refused) for refused in decided.refused],
            extra=decided.uses,
        )
        self.committed = decided.to_position
        if state is not None:
            self._note_kept(state)
            self._limits_changed = False
