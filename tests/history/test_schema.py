"""The schema keeps every field, and is brought to this version or refused."""

import socket
import subprocess
import sys
import threading
from pathlib import Path

import msgspec
import pytest

from domain.columns import event_columns, signal_columns, signal_of
from domain.event import Event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify
from domain.vocabulary import (
    Delivery,
    Direction,
    Method,
    Quality,
    Reason,
)
from projections import checkpoints
from projections.client import History, open_history
from projections.columns import SIGNALS, placed
from projections.errors import HistoryError, HistoryInUse
from projections.schema import migrate, migrations
from tests.history.logs import NOON, a_move, a_signal

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
