"""The runner: a decider driven along a log, safe to kill between any two calls."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pyarrow as pa
import pytest

from domain.columns import event_columns, signals_of
from domain.event import Event
from domain.signal import Signal, Time, signal_id, write_signal
from domain.vocabulary import Action, Category, Topic
from streams.log import Draft, LogCorrupt, PositionConflict
from streams.runner import Runner
from streams.sqlite_log import SqliteLog


class Counting:
    """A decider whose every event tells how many signals it had seen: state that matters."""

    def __init__(self, position: int = 0) -> None:
        self.position = position
        self.now = 0
        self.decided_here = 0

    def decide_columns(self, signals: pa.Table) -> pa.Table:
        """Decide one event for each signal."""
        events = []
        for signal in signals_of(signals):
            self.now = max(self.now, signal.time.occurred_at)
            events.append(
                Event(
                    id=f"s:{self.position}:0",
                    site="s",
                    topic=Topic.DOOR_OPENED,
                    position=self.position,
                    ordinal=0,
                    occurred_at=signal.time.occurred_at,
                    known_at=self.now,
                    value=self.position,
                )
            )
            self.position += 1
            self.decided_here += 1
        return event_columns(events)

    def occupancy(self) -> dict[str, tuple[int, int, int]]:
        """Return nobody."""
        return {}

    def seen_at(self, person: str) -> None:
        """Nobody was ever seen."""

    def snapshot(self) -> bytes:
        """Return the position in digits."""
        return str(self.position).encode()

    @classmethod
    def restore(cls, state: bytes) -> "Counting":
        """Return the decider of a snapshot; anything but digits is another version's."""
        return cls(int(state))


def _log(tmp_path: Path, count: int) -> SqliteLog:
    log = SqliteLog.open(tmp_path / "log.sqlite")
    log.append(0, [_draft(number) for number in range(count)])
    return log


def _draft(number: int) -> Draft:
    signal = Signal(
        id=signal_id("d", str(number)),
        site="s",
        device="d",
        category=Category.DOOR,
        action=Action.OPENED,
        time=Time(number, number),
    )
    return Draft(signal.id, "s", write_signal(signal))


def _runner(log: SqliteLog, snapshot_every: int = 1_000) -> tuple[Runner, Counting]:
    runner = Runner(log, 0, new=Counting, restore=Counting.restore, snapshot_every=snapshot_every)
    assert isinstance(runner.engine, Counting)
    return runner, runner.engine


def test_every_signal_is_decided_once_however_often_it_starts_again(tmp_path: Path) -> None:
    """A runner made anew after every batch goes on where the last one committed."""
    log = _log(tmp_path, 10)
    for _ in range(4):
        _runner(log)[0].step(3)
    assert [stored.id for stored in log.read_events(0, 0, 99)] == [f"s:{n}:0" for n in range(10)]
    assert log.position(0) == 10
    assert _runner(log)[0].step() is None


def test_restart_decides_again_only_what_followed_the_snapshot(tmp_path: Path) -> None:
    """The snapshot spares deciding what lies below it, and nothing decided silently is written."""
    log = _log(tmp_path, 10)
    runner, _ = _runner(log, snapshot_every=5)
    while runner.step(3):
        pass
    assert (taken := log.snapshot(0)) is not None
    assert taken.position == 6
    _, again = _runner(log)
    assert (again.position, again.decided_here, again.now) == (10, 4, 9)
    assert log.events_head(0) == 10


def test_a_log_that_lost_what_was_decided_is_refused(tmp_path: Path) -> None:
    """A state is never made from fewer signals than were decided, and nobody waits for them for ever."""
    log = _log(tmp_path, 10)
    _runner(log)[0].step(10)
    log.close()
    with closing(sqlite3.connect(tmp_path / "log.sqlite")) as file, file:
        file.execute("DELETE FROM signals")
    with pytest.raises(LogCorrupt, match="ends at offset 0"):
        _runner(SqliteLog.open(tmp_path / "log.sqlite"))


def test_snapshot_of_another_version_is_left_aside(tmp_path: Path) -> None:
    """What cannot be restored is computed from the first signal instead."""
    log = _log(tmp_path, 5)
    log.transact(0, from_position=0, to_position=5, events=(), snapshot=b"another version's")
    assert _runner(log)[1].decided_here == 5


def test_taking_a_snapshot_spares_the_next_start(tmp_path: Path) -> None:
    """After `take_snapshot` nothing is decided again."""
    log = _log(tmp_path, 5)
    runner, _ = _runner(log)
    runner.step()
    runner.take_snapshot()
    assert _runner(log)[1].decided_here == 0


def test_lag_counts_what_is_undecided(tmp_path: Path) -> None:
    """The lag is the signals beyond the position."""
    runner, _ = _runner(_log(tmp_path, 7))
    runner.step(4)
    assert runner.lag == 3


def test_two_runners_cannot_both_commit(tmp_path: Path) -> None:
    """The one that comes second learns of it, and writes nothing."""
    log = _log(tmp_path, 4)
    first, second = _runner(log)[0], _runner(log)[0]
    first.step(2)
    with pytest.raises(PositionConflict):
        second.step(2)
    assert log.events_head(0) == 2


def test_unreadable_signal_names_its_offset(tmp_path: Path) -> None:
    """A log that holds what is no signal stops the runner there, with nothing decided beyond."""
    log = _log(tmp_path, 2)
    log.append(0, [Draft(signal_id("x"), "s", b"not a signal")])
    with pytest.raises(LogCorrupt, match="offset 2"):
        _runner(log)[0].step()
    assert log.position(0) == 0
