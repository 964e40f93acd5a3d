"""The SQLite log: the port's contract, what only a file can do wrong, and kills."""

import multiprocessing
import os
import random
import resource
import shutil
import signal as os_signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from streams.known_ids import KnownIds, ids_from_bytes
from streams.log import Draft, EventDraft, HomeInUse, Log, LogCorrupt, LogUnavailable, Snapshot
from streams.sqlite_log import SqliteLog
from tests import log_killer
from tests.log_contract import LogContract, draft, event, fill

ROOT = Path(__file__).parents[1]


class TestSqliteLog(LogContract):
    """The contract, over a file."""

    def open_log(self, folder: Path) -> Log:
        """Open the file of this folder."""
        return SqliteLog.open(folder / "log.sqlite")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where a log may be."""
    return tmp_path / "log.sqlite"


def test_a_second_writer_is_refused_by_name(path: Path) -> None:
    """Only one may write; the refused one learns which process does, and may try again after it."""
    log = SqliteLog.open(path)
    with pytest.raises(HomeInUse, match=f"process {os.getpid()}"):
        SqliteLog.open(path)
    fill(log, 1)
    log.close()
    SqliteLog.open(path).close()


def test_a_second_process_is_refused(path: Path) -> None:
    """The lock holds between processes, too."""
    log = SqliteLog.open(path)
    done = subprocess.run(
        [sys.executable, "-m", "tests.log_killer", str(path), "0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert f"HomeInUse: {path} is open for writing in process {os.getpid()}" in done.stderr
    log.close()


def test_a_reader_works_beside_a_writer(path: Path) -> None:
    """A reader sees each commit at once, and may not write."""
    writer = SqliteLog.open(path)
    reader = SqliteLog.open(path, writable=False)
    fill(writer, 3)
    writer.transact(0, from_position=0, to_position=2, events=[event(0)], snapshot=b"state")
    assert (reader.head(0), reader.position(0), reader.events_head(0)) == (3, 2, 1)
    assert reader.snapshot(0) == Snapshot(2, b"state")
    with pytest.raises(LogUnavailable, match="for reading only"):
        fill(reader, 1)
    with pytest.raises(LogUnavailable, match="for reading only"):
        reader.transact(0, from_position=2, to_position=3, events=[])
    writer.close()
    assert reader.head(0) == 3
    reader.close()


def test_a_reader_needs_a_log(path: Path) -> None:
    """Reading a log that is not there says so, and makes no file."""
    with pytest.raises(LogUnavailable, match="cannot be opened"):
        SqliteLog.open(path, writable=False)
    assert list(path.parent.iterdir()) == []


def test_a_missing_folder_is_named(path: Path) -> None:
    """A log in a folder that does not exist is refused with the folder's name."""
    with pytest.raises(LogUnavailable, match="nowhere"):
        SqliteLog.open(path.parent / "nowhere" / "log.sqlite")
    with pytest.raises(LogUnavailable, match="nowhere"):
        SqliteLog.open(path.parent / "nowhere" / "log.sqlite", writable=False)


def test_a_read_only_folder(path: Path) -> None:
    """In a folder that may not be written a log can be read but not opened for writing."""
    log = SqliteLog.open(path)
    fill(log, 3)
    log.close()
    with tempfile.TemporaryDirectory() as folder:  # pytest's own folders are closed to other users
        shutil.copy(path, folder)
        Path(folder, path.name).chmod(0o444)
        Path(folder).chmod(0o555)
        assert _as_nobody(Path(folder, path.name)) == ["LogUnavailable", "3"]


def _as_nobody(path: Path) -> list[str]:
    """Try to write, then read, in a process that has given up the superuser's rights if it had them."""
    receiver, sender = multiprocessing.Pipe(duplex=False)
    if (child := os.fork()) == 0:
        try:
            if os.geteuid() == 0:
                os.setuid(65534)
            sender.send(_try_both(path))
        finally:
            os._exit(0)
    sender.close()
    os.waitpid(child, 0)
    outcome: list[str] = receiver.recv()
    return outcome


def _try_both(path: Path) -> list[str]:
    try:
        SqliteLog.open(path)
        wrote = "opened"
    except LogUnavailable:
        wrote = "LogUnavailable"
    return [wrote, str(SqliteLog.open(path, writable=False).head(0))]


@pytest.mark.parametrize("content", [b"This is no database. " * 100, b"\x00" * 5_000])
def test_another_file_is_left_alone(path: Path, content: bytes) -> None:
    """A file that is no SQLite file is refused, and unchanged."""
    path.write_bytes(content)
    with pytest.raises(LogCorrupt, match="restore it from a copy"):
        SqliteLog.open(path)
    assert path.read_bytes() == content


def test_another_database_is_left_alone(path: Path) -> None:
    """An SQLite file that is no log of ours is refused."""
    with sqlite3.connect(path) as other:
        other.execute("CREATE TABLE shopping (item)")
    with pytest.raises(LogCorrupt, match="not a file of this kind"):
        SqliteLog.open(path)


@pytest.mark.parametrize("writable", [True, False])
def test_an_unknown_schema_version(path: Path, writable: bool) -> None:
    """A log of a later version of the program is refused with both versions named."""
    SqliteLog.open(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 99")
    later.close()
    with pytest.raises(LogCorrupt, match="schema version 99, this program knows 2"):
        SqliteLog.open(path, writable=writable)
    with pytest.raises(LogCorrupt):  # and the lock was let go of
        SqliteLog.open(path)


@pytest.mark.parametrize("wrong", ["", "12", "zz" * 16, "0" * 33, "0 1" + "0" * 29, "é" * 32])
def test_an_id_is_32_hexadecimal_digits(path: Path, wrong: str) -> None:
    """Another id is refused before anything of its call is written."""
    log = SqliteLog.open(path)
    with pytest.raises(ValueError, match="hexadecimal"):
        log.append(0, [draft(1), Draft(wrong, "campus", b"")])
    assert log.head(0) == 0
    log.close()


@pytest.mark.parametrize("target", [0, 4])
def test_a_position_must_be_of_signals_there_are(path: Path, target: int) -> None:
    """The position moves neither back nor beyond the last signal."""
    log = SqliteLog.open(path)
    fill(log, 3)
    log.transact(0, from_position=0, to_position=1, events=[])
    with pytest.raises(ValueError, match="no such signals"):
        log.transact(0, from_position=1, to_position=target, events=[event(1)])
    assert (log.position(0), log.events_head(0)) == (1, 0)
    log.close()


def test_an_error_halfway_leaves_nothing(path: Path) -> None:
    """A value that cannot be stored, met after others were written, undoes those as well."""
    log = SqliteLog.open(path)
    fill(log, 3)
    unstorable = EventDraft("campus:1:0", "campus", "zone.entered", b"", known_at=1 << 70)
    with pytest.raises(OverflowError):
        log.transact(0, from_position=0, to_position=2, events=[event(0), unstorable], snapshot=b"s")
    assert (log.events_head(0), log.position(0), log.snapshot(0)) == (0, 0, None)
    log.transact(0, from_position=0, to_position=2, events=[event(0)])
    log.close()


def test_a_search_is_of_one_moment(path: Path) -> None:
    """Events written while a search is being read are not in it: its topics could not agree otherwise."""
    log = SqliteLog.open(path)
    fill(log, 3)
    log.transact(0, from_position=0, to_position=1, events=[event(0)])
    found = log.find_events(0, topics=["visit.ended", "zone.entered"])
    log.transact(0, from_position=1, to_position=2, events=[event(1)])
    assert [stored.id for stored in found] == ["campus:0:0"]
    log.close()


@contextmanager
def _full(log: SqliteLog, _folder: Path) -> Iterator[None]:
    """Let the log's file not grow: SQLite then says what it says when a disk is full."""
    assert log._writer is not None
    pages = log._writer.execute("PRAGMA page_count").fetchone()[0]
    log._writer.execute(f"PRAGMA max_page_count = {pages}")
    yield
    log._writer.execute("PRAGMA max_page_count = 1000000000")


@contextmanager
def _file_limit(_log: SqliteLog, folder: Path) -> Iterator[None]:
    """Let the system refuse to make any file longer than the log's are: an input/output error."""
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    size = max(file.stat().st_size for file in folder.iterdir())
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, hard))


@pytest.mark.parametrize("trouble", [_full, _file_limit])
def test_a_disk_that_refuses(path: Path, trouble: object) -> None:
    """Nothing half written, an error with a remedy, and once there is room the same call succeeds."""
    log = SqliteLog.open(path)
    fill(log, 3)
    many = [Draft(draft(n).id, "campus", b"x" * 4_000) for n in range(2_000)]
    big = [event(n) for n in range(3)]
    with trouble(log, path.parent):  # type: ignore[operator]
        with pytest.raises(LogUnavailable, match=r"log\.sqlite: the disk .* try again"):
            log.append(0, many)
        with pytest.raises(LogUnavailable, match=r"try again .* what was done before is kept"):
            log.transact(0, from_position=0, to_position=3, events=big, snapshot=b"s" * 20_000_000)
        assert (log.head(0), log.events_head(0), log.position(0), log.snapshot(0)) == (3, 0, 0, None)
    assert log.append(0, many).accepted == 2_000 - 3
    log.transact(0, from_position=0, to_position=3, events=big, snapshot=b"s" * 20_000_000)
    assert (log.head(0), log.events_head(0), log.position(0)) == (2_000, 3, 3)
    log.close()


def test_a_closed_log_says_so(path: Path) -> None:
    """Using a log after closing it is an error of the log's, not of SQLite's."""
    log = SqliteLog.open(path)
    log.close()
    with pytest.raises(LogUnavailable, match="closed"):
        fill(log, 1)
    with pytest.raises(LogUnavailable, match="open it again"):
        log.head(0)


def test_known_ids_are_a_set() -> None:
    """Ids added in any portions are known, and no others; zero bytes at either end matter."""
    chance = random.Random(7)
    every = [chance.randbytes(16) for _ in range(3_000)] + [
        b"\0" * n + b"\1" + b"\0" * (15 - n) for n in range(16)
    ]
    chance.shuffle(every)
    inside, outside = every[:2_000], every[2_000:]
    known = KnownIds(ids_from_bytes(b"".join(inside[:100])))
    place = 100
    while place < len(inside):
        step = chance.choice([1, 1, 3, 50, 400])
        known.add(ids_from_bytes(b"".join(inside[place : place + step])))
        place += step
    assert known.contains(ids_from_bytes(b"".join(inside))).all()
    assert not known.contains(ids_from_bytes(b"".join(outside))).any()


@pytest.mark.slow
def test_kills_lose_and_repeat_nothing(path: Path) -> None:
    """A writer killed at fifteen moments leaves all it said was durable, and no half of anything."""
    chance = random.Random(20140106)
    signals = position = 0
    for turn in range(15):
        signals, position = _killed(path, seed=turn, after_seconds=chance.uniform(0.02, 0.25))
        log = SqliteLog.open(path)
        assert log.head(0) >= signals
        assert log.position(0) >= position
        _check_whole(log)
        log.close()
    assert signals > 1_000
    assert position > 1_000


def _killed(path: Path, *, seed: int, after_seconds: float) -> tuple[int, int]:
    """Run the writer, kill it so long after it has opened the log, and return what it said is durable."""
    command = [sys.executable, "-m", "tests.log_killer", str(path), str(seed)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        said = {"signals": 0, "position": 0}
        said |= {"signals": int(child.stdout.readline().split()[1])}
        time.sleep(after_seconds)  # the moment of the kill is what is drawn; nothing is waited for
        child.send_signal(os_signal.SIGKILL)
        for line in child.stdout.read().splitlines(keepends=True):
            if line.endswith("\n"):
                what, number = line.split()
                said[what] = int(number)
    return said["signals"], said["position"]


def _check_whole(log: SqliteLog) -> None:
    """Signals and events are exactly those that must be there up to the head and the position."""
    head, position = log.head(0), log.position(0)
    stored = log.read(0, 0, head + 10)
    assert [(one.offset, one.id, one.wire) for one in stored] == [
        (offset, log_killer.signal(offset).id, log_killer.signal(offset).wire) for offset in range(head)
    ]
    wanted = [event for at in range(position) for event in log_killer.events_of(at)]
    events = log.read_events(0, 0, len(wanted) + 10)
    assert [(one.offset, one.id, one.wire) for one in events] == [
        (offset, one.id, one.wire) for offset, one in enumerate(wanted)
    ]
    assert list(log.find_events(0, topics=["zone.entered"])) == list(events)
    snapshot = log.snapshot(0)
    if snapshot is not None:
        assert snapshot.position <= position
        assert snapshot.state == log_killer.state_at(snapshot.position)
