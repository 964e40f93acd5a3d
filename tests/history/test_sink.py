"""The sink writes everything once, whatever it is interrupted by, and reads ahead meanwhile."""

import random
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.columns import event_columns, signal_columns
from domain.event import read_event
from projections import checkpoints
from projections.client import History
from projections.columns import placed
from projections.errors import HistoryError, HistoryIncomplete
from projections.occupancy import occupancy_at
from projections.schema import migrate
from projections.sink import SIGNALS as SIGNAL_LOG
from projections.sink import Sink
from tests.history.logs import MINUTE, NOON, a_log, a_move, a_signal, is_exact
from tests.history_fixture import SITE, Entry, ListLog


def test_the_sink_writes_everything_once(history: History) -> None:
    """Catching up writes the log, in batches; catching up again, here or by a new sink, writes nothing."""
    log = a_log(100)
    told: list[tuple[int, int]] = []
    sink = Sink(history, log, 0, batch_rows=30)
    assert sink.catch_up(lambda *done: told.append(done)) == (100, len(log.events))
    assert told[0] == (30, 30)
    assert sink.catch_up() == (0, 0)
    assert Sink(history, log, 0).catch_up() == (0, 0)
    assert is_exact(history, log)
    log.add(a_signal(100))
    assert sink.catch_up() == (1, 0)
    assert is_exact(history, log)


@pytest.mark.parametrize("seed", range(4))
def test_a_torn_batch_is_completed(history: History, seed: int) -> None:
    """Whatever part of a batch stands in any of the tables, the sink adds exactly the rest."""
    chance = random.Random(seed)
    log = a_log(60)
    Sink(history, ListLog(log.signals[:20], log.events[:20]), 0).catch_up()
    # What a process killed in the next batch leaves: the base rows torn, or whole and the derived ones torn.
    whole = chance.random() < 0.5
    for offset in range(20, 60):
        if whole or chance.random() < 0.5:
            history.insert(
                "events", placed(0, [offset], event_columns([read_event(log.events[offset].wire)]))
            )
            for table in ("moves", "visits", "alerts"):
                if whole and chance.random() < 0.5:
                    history.run(f"INSERT INTO {table} SELECT * FROM derive_{table} WHERE offset = {offset}")
    assert not is_exact(history, log)
    Sink(history, log, 0, batch_rows=25).catch_up()
    assert is_exact(history, log)


class _FailsOnce(History):
    """A history whose disk is full at one moment: at the `fail_at`-th statement that writes."""

    fail_at = -1

    def run(self, statement: str, parameters: Any = None) -> None:
        if statement.startswith("INSERT"):
            self.fail_at -= 1
            if self.fail_at == 0:
                raise HistoryError("the disk is full")
        super().run(statement, parameters)


@pytest.mark.parametrize("fail_at", range(1, 8))
def test_the_same_sink_goes_on_after_a_failure(tmp_path: Path, fail_at: int) -> None:
    """After the history refused something, the next call completes it, wherever that was."""
    log = a_log(30)
    with _FailsOnce(tmp_path / "history") as full:
        migrate(full)
        sink = Sink(full, log, 0, batch_rows=20)
        full.fail_at = fail_at
        with pytest.raises(HistoryError, match="disk is full"):
            sink.catch_up()
        sink.catch_up()
        assert is_exact(full, log)


class _Watched(ListLog):
    """A log that tells of every reading, and is away when told so."""

    def __init__(self, told: ListLog) -> None:
        super().__init__(told.signals, told.events)
        self.read_from: list[int] = []
        self.is_read = threading.Event()
        self.away_at: int | None = None

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        self.read_from.append(from_offset)
        if from_offset == self.away_at:
            raise ConnectionError("the log is away")
        if from_offset:
            self.is_read.set()
        return super().read(partition, from_offset, limit)


class _Slow(History):
    """A history that takes no signals until the next ones have been read."""

    until = threading.Event()

    def insert(self, table: str, rows: Any) -> None:
        assert self.until.wait(60), "nothing was read ahead"
        super().insert(table, rows)


def test_the_next_batch_is_read_while_the_history_is_busy(tmp_path: Path) -> None:
    """One batch is read ahead, once, and only where there is more."""
    log = _Watched(a_log(50))
    with _Slow(tmp_path / "history") as slow:
        slow.until = log.is_read
        migrate(slow)
        sink = Sink(slow, log, 0, batch_rows=20)
        assert sink.advance(SIGNAL_LOG) == 20
        assert log.read_from == [0, 20]
        sink.catch_up()
        assert log.read_from[:4] == [0, 20, 40, 50]
        assert is_exact(slow, log)


def test_a_log_that_goes_away_while_it_is_read_ahead_is_told_when_it_is_needed(history: History) -> None:
    """The batch before it is written; the next call tells, and the one after goes on."""
    log = _Watched(a_log(50))
    sink = Sink(history, log, 0, batch_rows=20)
    log.away_at = 20
    assert sink.advance(SIGNAL_LOG) == 20
    with pytest.raises(ConnectionError):
        sink.advance(SIGNAL_LOG)
    log.away_at = None
    sink.catch_up()
    assert is_exact(history, log)


def test_columns_at_hand_are_written_as_the_log_would_be(history: History) -> None:
    """What a runner hands over is written once; what it skipped is fetched, what it repeats left out."""
    log = a_log(50)
    signals = signal_columns([a_signal(number, person=f"p{number % 7}") for number in range(50)])
    events = event_columns([read_event(row.wire) for row in log.events])
    source = ListLog(log.signals[:30], log.events[:40])
    sink = Sink(history, source, 0)
    sink.write(0, signals[:10], 0, events[:5])
    assert sink.position == (10, 5)
    sink.write(5, signals[5:20], 0, events[:12])
    sink.write(30, signals[30:], 40, events[40:])
    assert sink.position == (50, len(log.events))
    assert is_exact(history, log)
    source.signals, source.events = log.signals, log.events
    with pytest.raises(HistoryIncomplete, match="do not go on at offset 50"):
        sink.write(52, signal_columns([a_signal(52)]), 0, events[:0])


@pytest.mark.parametrize("seed", range(3))
def test_checkpoints_change_no_answer(history: History, monkeypatch: pytest.MonkeyPatch, seed: int) -> None:
    """With a checkpoint every few events, who was inside at T as known at K is what all moves say."""
    monkeypatch.setattr(checkpoints, "EVERY", 20)
    chance = random.Random(seed)
    log = ListLog()
    moves = []
    for position in range(150):
        # Some arrive late, some carry a clock that is ahead.
        occurred = NOON + (position + chance.choice([0, 0, 0, -30, -90, 40])) * MINUTE
        person, zone = f"p{chance.randrange(6)}", chance.choice(["lobby", "office", "yard", None])
        moves.append(a_move(position, person, zone, occurred_at=occurred))
    log.add(*moves)
    Sink(history, log, 0, batch_rows=10).catch_up()
    assert history.rows("SELECT count() AS n FROM checkpoints") == [{"n": 7}]
    for _ in range(25):
        at, known = (NOON + chance.randrange(-20, 200) * MINUTE for _ in range(2))
        newest: dict[str, tuple[tuple[int, int], str | None]] = {}
        for move in moves:
            if move.occurred_at <= at and move.known_at <= known and move.person is not None:
                rank = (move.occurred_at, move.position)
                newest[move.person] = max(
                    newest.get(move.person, (rank, move.zone)), (rank, move.zone), key=lambda m: m[0]
                )
        expected = {zone.id: 0 for zone in SITE.zones}
        for _, zone in newest.values():
            if zone is not None:
                expected[zone] += 1
        expected["house"] = expected["lobby"] + expected["office"]
        answer = occupancy_at(history, SITE, at, known)
        assert {row["zone"]: row["count"] for row in answer["zones"]} == expected
        assert answer["total"] == expected["house"] + expected["yard"]
