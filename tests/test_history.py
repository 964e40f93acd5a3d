"""The history's schema and sink, on the real engine."""

import random
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.columns import event_columns, signal_columns, signal_of
from domain.event import Event, read_event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify, signal_id
from domain.vocabulary import (
    Action,
    Basis,
    Category,
    Delivery,
    Direction,
    Method,
    Quality,
    Reason,
    Severity,
    Topic,
)
from projections import checkpoints
from projections.client import History, open_history
from projections.columns import SIGNALS, placed
from projections.errors import HistoryError, HistoryIncomplete, HistoryInUse
from projections.occupancy import occupancy_at
from projections.schema import migrate, migrations
from projections.sink import SIGNALS as SIGNAL_LOG
from projections.sink import Sink
from projections.verify import verify
from tests.history_fixture import SITE, Entry, ListLog, history

__all__ = ["history"]

NOON = 1_700_000_000_000_000
MINUTE = 60_000_000


def a_signal(number: int, **changes: Any) -> Signal:
    """Return a plain granted reading, the `number`-th of its device."""
    signal = Signal(
        id=signal_id("reader", str(number)),
        site="lab",
        device="reader",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(NOON + number * MINUTE, NOON + number * MINUTE),
        point="front",
        seq=number,
    )
    return msgspec.structs.replace(signal, **changes)


def a_move(position: int, person: str, zone: str | None, **changes: Any) -> Event:
    """Return the event of a person entering a zone, or leaving (None)."""
    event = Event(
        id=f"lab:{position}:0",
        site="lab",
        topic=Topic.SITE_LEFT if zone is None else Topic.ZONE_ENTERED,
        position=position,
        ordinal=0,
        occurred_at=NOON + position * MINUTE,
        known_at=NOON + position * MINUTE,
        person=person,
        zone=zone,
        visit=f"lab:visit:{person}",
        basis=Basis.ASSUMED,
        causes=(position,),
    )
    return msgspec.structs.replace(event, **changes)


def a_log(count: int) -> ListLog:
    """Return a log of readings, each with a move and, now and then, a visit and an alert."""
    log = ListLog()
    for number in range(count):
        move = a_move(number, f"p{number % 7}", ("lobby", "office", "yard", None)[number % 4])
        log.add(a_signal(number, person=f"p{number % 7}"), move)
        if number % 3 == 0:
            log.add(msgspec.structs.replace(move, id=f"lab:{number}:1", ordinal=1, topic=Topic.VISIT_STARTED))
        if number % 5 == 0:
            alert = {
                "rule": "after_hours",
                "alert": f"lab:after_hours:{number}",
                "severity": Severity.WARNING,
            }
            log.add(
                msgspec.structs.replace(
                    move, id=f"lab:{number}:2", ordinal=2, topic=Topic.ALERT_RAISED, **alert
                )
            )
    return log


def is_exact(history: History, log: ListLog) -> bool:
    """Say whether the history is the log, once."""
    heads = {"signals_head": len(log.signals), "events_head": len(log.events)}
    return bool(verify(history, log, 0, **heads)["ok"])


RICH = a_signal(
    7,
    time=Time(
        NOON - 1, -5, raw="2023-11-14 22:13", zone="Europe/Athens", offset_ms=-12, quality=Quality.CORRECTED
    ),
    reason=Reason.DURESS,
    reason_code="0x1F",
    direction=Direction.OUT,
    credential=Credential("card", "ab12"),
    person="p-1",
    verify=Verify((Method.CARD, Method.PIN), liveness=True, factors=2),
    screening=Screening(temperature_c=36.6, mask=False, equipment=("helmet",)),
    count=Count(3, None),
    seq=-(2**63),
    delivery=Delivery.BACKFILL,
    data={"kind": "x", "deep": [1, {"y": None}], "text": "门"},
    raw="\x00\t'\\ 门",
)
YEAR_9000 = 221_845_392_000_000_000


@pytest.mark.parametrize(
    "signal",
    [
        a_signal(1),
        RICH,
        a_signal(2, verify=Verify(), screening=Screening(), count=Count(0, 2**63 - 1), data={}, raw=""),
        a_signal(3, time=Time(YEAR_9000, YEAR_9000), point=None, seq=None),
    ],
    ids=["plain", "every field", "empty parts", "far future"],
)
def test_a_signal_comes_back_as_it_was(history: History, signal: Signal) -> None:
    """Every field of a signal is kept, to the last microsecond and the last None."""
    history.insert("signals", placed(3, [5], signal_columns([signal])))
    [row] = history.rows(SIGNALS)
    assert signal_of(row) == signal
    assert (row["partition"], row["offset"]) == (3, 5)


def test_an_event_has_a_column_for_every_field(history: History) -> None:
    """The table has every field of an event, with its value."""
    event = a_move(
        4, "p", "office", maybe_zone="lobby", value=-3, limit=9, late=True, causes=(1, 2, 4), detail={"a": 1}
    )
    history.insert("events", placed(0, [2], event_columns([event])))
    [row] = history.rows("SELECT * REPLACE (toUnixTimestamp64Micro(occurred_at) AS occurred_at, "
                         "toUnixTimestamp64Micro(known_at) AS known_at) FROM events")  # fmt: skip
    written = msgspec.structs.asdict(event) | {"causes": [1, 2, 4], "detail": '{"a":1}'}
    assert {name: row[name] for name in Event.__struct_fields__} == written


def test_migrating_twice_runs_nothing_the_second_time(history: History) -> None:
    """Every migration is recorded and not run again; their numbers have no gaps."""
    assert migrate(history) == []
    assert [migration.number for migration in migrations()] == list(range(1, len(migrations()) + 1))


def test_migrations_go_on_after_a_kill(tmp_path: Path) -> None:
    """A migration that ran without being recorded runs again, harmlessly, and the rest follow."""
    with History(tmp_path / "history") as killed:
        for migration in migrations()[:6]:
            killed.run(migration.statement)
    with History(tmp_path / "history") as again:
        assert migrate(again) == [migration.name for migration in migrations()]
        assert again.rows("SELECT count() AS n FROM moves") == [{"n": 0}]


@pytest.mark.parametrize(
    ("number", "what"), [(1, "another form"), (9_999, "newer version")], ids=["changed", "unknown"]
)
def test_a_schema_of_another_version_is_refused(tmp_path: Path, number: int, what: str) -> None:
    """A history whose migrations are not this version's is not touched."""
    with open_history(tmp_path / "history") as other:
        other.run(f"INSERT INTO migrations (number, name, digest) VALUES ({number}, 'odd', '')")
    with pytest.raises(HistoryError, match=what):
        open_history(tmp_path / "history")


def test_a_history_in_use_says_so(history: History, tmp_path: Path) -> None:
    """Another process, and another folder in this one, get a clear error and no output of the engine's."""
    code = (
        "import pathlib, projections.client as c\n"
        f"try: c.open_history(pathlib.Path({str(history.at)!r}))\n"
        "except c.HistoryInUse as error: print(error)\n"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "has it open" in child.stdout
    assert child.stderr == ""
    with pytest.raises(HistoryInUse, match="close that one first"):
        open_history(tmp_path / "other")


def test_importing_loads_no_engine() -> None:
    """Importing every module of the package loads neither the engine, nor its client, nor Arrow."""
    names = sorted(path.stem for path in (Path(checkpoints.__file__).parent).glob("[a-z]*.py"))
    code = f"import sys, {', '.join(f'projections.{name}' for name in names)}\n"
    code += "print(sorted({'chdb', 'clickhouse_connect', 'pyarrow'} & sys.modules.keys()))"
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert child.stdout.strip() == "[]"


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


def test_what_cannot_be_read_is_kept_and_told(history: History) -> None:
    """Bytes that are no signal and numbers no column holds stop nothing: they are told, and kept."""
    log = a_log(3)
    log.signals.append(Entry(3, "x", b"\xff\x00 not a signal"))
    log.add(a_signal(4, seq=2**64), a_signal(5))
    log.events.append(Entry(len(log.events), "y", b"{}"))
    told: list[tuple[str, int, bytes, str]] = []
    Sink(history, log, 0, on_unreadable=lambda *what: told.append(what)).catch_up()
    assert {(kind, offset) for kind, offset, _, _ in told} == {("signals", 3), ("signals", 4), ("events", 5)}
    assert len(told) == 3
    [kept] = history.rows("SELECT hex(wire) AS bytes, unreadable FROM signals WHERE offset = 3")
    assert bytes.fromhex(kept["bytes"]) == b"\xff\x00 not a signal"
    assert "not a signal" in kept["unreadable"]
    assert is_exact(history, log)


def test_another_log_is_refused(history: History) -> None:
    """A log that does not go on where the history ends is not taken for its continuation."""

    class Gap(ListLog):
        def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
            return super().read(partition, from_offset + 1, limit)

    with pytest.raises(HistoryIncomplete, match="do not go on at offset 0"):
        Sink(history, Gap(a_log(5).signals), 0).catch_up()


def test_a_log_that_ends_before_the_history_is_refused(history: History) -> None:
    """A log that was lost, or an older one in its place, is told; a new one is not taken for the rest."""
    log = a_log(5)
    Sink(history, log, 0).catch_up()
    for short in (ListLog(), ListLog(log.signals[:4], log.events), ListLog(log.signals, log.events[:3])):
        sink = Sink(history, short, 0)
        with pytest.raises(HistoryIncomplete, match="Restore the log"):
            sink.catch_up()
        with pytest.raises(HistoryIncomplete, match="Restore the log"):
            sink.write(0, signal_columns([a_signal(number) for number in range(9)]), 0, event_columns([]))
    assert is_exact(history, log)


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


@pytest.mark.parametrize(("scheme", "first"), [("https", b"\x16"), ("http", b"POST")])
def test_a_server_is_spoken_to_as_its_address_says(scheme: str, first: bytes) -> None:
    """Over TLS where it says https, at whatever port: 22 is the first byte of a TLS handshake."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []

        def listen() -> None:
            connection, _ = server.accept()
            server.close()  # nobody hears a second try
            with connection:
                heard.append(connection.recv(len(first)))

        port = server.getsockname()[1]
        listening = threading.Thread(target=listen)
        listening.start()
        with pytest.raises(HistoryError, match="cannot open the history"):
            History(f"{scheme}://limen:secret@127.0.0.1:{port}")
        listening.join()
    assert heard == [first]
