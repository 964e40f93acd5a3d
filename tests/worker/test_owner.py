"""The owner of a partition: what it takes up again is what was decided, under the limits of that time."""

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from domain.signal import Time
from domain.times import HOUR_US
from domain.vocabulary import Action, Category
from streams.admission import Limits, Message
from streams.log import Snapshot
from streams.messages import Messages
from streams.worker import owner as owning
from streams.worker.owner import PartitionOwner, Plan
from streams.worker.partition import PartitionDecider
from tests.worker.messages import NOON, a_signal, message
from tests.worker.without_broker import Nobody

BLOCK = 10


@dataclass
class _Log:
    """One partition in memory."""

    signals: list[Message]
    committed: int = 0
    kept: Snapshot | None = None
    events: list[Any] = field(default_factory=list)
    read: list[int] = field(default_factory=list)
    is_read: bool = False

    def acquire(self, _partition: int) -> None:
        """Do nothing: nobody else is there."""

    def release(self, _partition: int) -> None:
        """Do nothing."""

    def close_readers(self, _partition: int) -> None:
        """Do nothing."""

    def position(self, _partition: int) -> int:
        """Return the committed position."""
        return self.committed

    def snapshot(self, _partition: int) -> Snapshot | None:
        """Return the newest snapshot."""
        return self.kept

    def messages(self, _partition: int, from_offset: int, limit: int) -> Sequence[Message]:
        """Return signals."""
        return self.signals[from_offset : from_offset + limit]

    def blocks(self, _partition: int, from_offset: int, to_offset: int) -> Generator[Messages, None, None]:
        """Yield signals."""
        self.is_read = True
        try:
            for start in range(from_offset, to_offset, BLOCK):
                self.read.append(start)
                yield Messages.of(self.signals[start : min(start + BLOCK, to_offset)])
        finally:
            self.is_read = False

    def transact(
        self, _partition: int, *, from_position: int, to_position: int, events: Sequence[Any],
        snapshot: bytes | None = None, snapshot_at: int | None = None, **_: object,
    ) -> None:  # fmt: skip
        """Write it all."""
        assert from_position == self.committed
        self.committed = to_position
        self.events += events
        if snapshot is not None:
            self.kept = Snapshot(to_position if snapshot_at is None else snapshot_at, snapshot)


class _Clock:
    """The time, as far as the owner is told."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        """Return it, in seconds."""
        return self.now

    perf_counter = time = monotonic


def _new_owner(log: _Log, folder: Path, hours: int, snapshot_every: int = 1_000) -> PartitionOwner:
    plan = Plan(
        limits=Limits(clock_ahead_us=hours * HOUR_US), new_decider=PartitionDecider,
        snapshot_every=snapshot_every, snapshot_after_seconds=1_000, bundles=str(folder),
    )  # fmt: skip
    return PartitionOwner(log, 0, plan, Nobody())


def _owner(log: _Log, folder: Path, hours: int) -> PartitionOwner:
    owner = _new_owner(log, folder, hours)
    owner.acquire()
    return owner


def test_what_was_refused_stays_refused_under_new_limits(tmp_path: Path) -> None:
    """A worker is killed after its first batch, the next has other limits: the batch is what it was."""
    ahead = a_signal(
        1, category=Category.DEVICE, action=Action.ONLINE, time=Time(NOON + 2 * HOUR_US, NOON + 2 * HOUR_US)
    )
    later = message(ahead, 2)  # the same signal, when its time has come
    log = _Log([message(a_signal(0), 0), message(ahead, 1, appended_at=NOON), later])
    first = _owner(log, tmp_path, hours=1).work(log.signals[:2])
    assert [one.message.offset for one in first.refused] == [1]
    second = _owner(log, tmp_path, hours=24).work([later])
    assert [signal.id for signal in second.signals] == [ahead.id]
    assert second.events == []  # no repeat: it had never been admitted


@pytest.fixture
def long_log(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> _Log:
    """Give 61 signals, 60 decided, the newest snapshot at 10; the one at 20 was refused for being ahead."""
    monkeypatch.setattr(owning, "WORTH_KEEPING", 10)
    ahead = a_signal(
        20, category=Category.DEVICE, action=Action.ONLINE, time=Time(NOON + 2 * HOUR_US, NOON + 2 * HOUR_US)
    )
    log = _Log([message(a_signal(number), number) for number in range(60)])
    log.signals[20] = message(ahead, 20, appended_at=NOON)
    log.signals.append(message(ahead, 60))
    owner = _owner(log, tmp_path, hours=1)
    owner.work(log.signals[:10])
    owner.work(log.signals[10:60])
    assert log.kept is not None
    assert (log.kept.position, log.committed) == (10, 60)
    return log


def test_taking_over_can_be_stopped_and_goes_on_where_it_was(long_log: _Log, tmp_path: Path) -> None:
    """Whoever is told to stop does so at the next page; the next owner begins there, and decides the same."""
    answers = iter([False, False, False, True])
    assert _new_owner(long_log, tmp_path, hours=24).acquire(lambda: next(answers)) is None
    assert long_log.kept is not None
    assert (long_log.kept.position, long_log.committed, long_log.is_read) == (30, 60, False)
    long_log.read.clear()
    owner = _owner(long_log, tmp_path, hours=24)
    assert long_log.read == [30, 40, 50]
    (signal,) = owner.work(long_log.signals[60:]).signals  # refused then, under the limits of that time
    assert signal.id == a_signal(20).id
    assert not any(event.topic == "signal.repeated" for event in long_log.events)
    undisturbed = PartitionDecider(Limits(clock_ahead_us=HOUR_US, partition=0))
    undisturbed.decide(long_log.signals[:60])
    undisturbed.limits = Limits(clock_ahead_us=24 * HOUR_US, partition=0)
    undisturbed.decide(long_log.signals[60:])
    assert long_log.kept.state == undisturbed.snapshot()


def test_a_long_taking_over_is_kept_on_the_way(long_log: _Log, tmp_path: Path) -> None:
    """Who is killed while deciding much again leaves what was decided up to the last snapshot."""
    owner = _new_owner(long_log, tmp_path, hours=24, snapshot_every=20)
    kept: list[int] = []

    def watch() -> bool:
        assert long_log.kept is not None
        kept.append(long_log.kept.position)
        return False

    assert owner.acquire(watch) == 60
    assert not long_log.is_read, "it will not be read soon, so it holds nothing"
    assert kept == [10, 10, 10, 30, 30, 50]


def test_a_quiet_partition_is_kept_after_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However few signals came since the last snapshot, with the next or without; and only where any came."""
    clock = _Clock()
    monkeypatch.setattr(owning, "time", clock)
    log = _Log([message(a_signal(number), number) for number in range(5)])
    owner = _owner(log, tmp_path, hours=24)
    kept: list[int] = []
    for one, seconds in zip(log.signals, (0, 999, 1, 999, 1), strict=True):
        clock.now += seconds
        owner.work([one])
        assert log.kept is not None
        kept.append(log.kept.position)
    assert kept == [1, 1, 3, 3, 5]
    last = log.kept
    clock.now += 5_000
    owner.keep()
    owner.keep_what_is_old()
    assert log.kept is last
    log.signals.append(message(a_signal(6), 5))
    owner.work(log.signals[5:])
    assert log.kept is not None
    assert log.kept.position == 6
    log.signals.append(message(a_signal(7), 6))
    owner.work(log.signals[6:])
    for seconds, position in ((999, 6), (1, 7)):
        clock.now += seconds
        owner.keep_what_is_old()
        assert log.kept.position == position
