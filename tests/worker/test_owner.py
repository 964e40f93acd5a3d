"""The owner of a partition: what it takes up again is what was decided, under the limits of that time."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from domain.signal import Time
from domain.vocabulary import Action, Category
from streams.admission import HOUR_US, Limits, Message
from streams.log import Snapshot
from streams.worker.owner import PartitionOwner, Plan, Timing
from streams.worker.partition import Decided, PartitionDecider
from tests.worker.messages import NOON, a_signal, message


@dataclass
class _Log:
    """One partition in memory."""

    signals: list[Message]
    committed: int = 0
    kept: Snapshot | None = None
    events: list[Any] = field(default_factory=list)

    def acquire(self, _partition: int) -> None:
        """Do nothing: nobody else is there."""

    def release(self, _partition: int) -> None:
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

    def transact(
        self, _partition: int, *, from_position: int, to_position: int, events: Sequence[Any],
        snapshot: bytes | None = None, **_: object,
    ) -> None:  # fmt: skip
        """Write it all."""
        assert from_position == self.committed
        self.committed = to_position
        self.events += events
        if snapshot is not None:
            self.kept = Snapshot(to_position, snapshot)


class _Nobody:
    def decided(self, partition: int, decided: Decided, timing: Timing) -> None: ...

    def quarantined(self, partition: int, refused: Sequence[Any]) -> None: ...

    def stopped(self, partition: int, error: Any) -> None: ...


def _owner(log: _Log, folder: Path, hours: int) -> PartitionOwner:
    plan = Plan(
        limits=Limits(clock_ahead_us=hours * HOUR_US), new_decider=PartitionDecider, snapshot_every=1_000,
        snapshot_after_seconds=1_000, bundles=str(folder),
    )  # fmt: skip
    owner = PartitionOwner(log, 0, plan, _Nobody())
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
