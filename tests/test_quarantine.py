"""The quarantine keeps what could not be read, once and whole."""

import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.log import LogCorrupt, LogUnavailable
from streams.quarantine import Entry, Quarantine, Rejection, RejectionReason, Status

ROOT = Path(__file__).parents[1]
BAD_TIME = Rejection(
    source="gates",
    file="/data/day.csv",
    line=17,
    reason=RejectionReason.BAD_TIME,
    detail="'2014-13-01' is no date; correct the row and retry",
    raw=b"2014-13-01,1-1,abc123",
    received_at=1_700_000_000_000_000,
    header=b"time,zone,card",
)


@pytest.fixture
def quarantine(tmp_path: Path) -> Iterator[Quarantine]:
    """An empty quarantine."""
    quarantine = Quarantine.open(tmp_path / "quarantine.sqlite")
    yield quarantine
    quarantine.close()


def test_what_is_added_is_found_whole(quarantine: Quarantine) -> None:
    """Every field comes back as it went in; numbers count from 1."""
    from_log = Rejection("log", "0", None, RejectionReason.UNKNOWN_SCHEMA, "update", bytes(range(256)), 0)
    assert quarantine.add([BAD_TIME, from_log]) == 2
    assert list(quarantine.list()) == [Entry(1, Status.OPEN, BAD_TIME), Entry(2, Status.OPEN, from_log)]
    assert quarantine.get(2) == Entry(2, Status.OPEN, from_log)
    assert quarantine.get(3) is None
    assert quarantine.count() == 2


def test_the_same_is_kept_once(quarantine: Quarantine) -> None:
    """Source, file, line, bytes and reason make an entry; when it came and how it is told do not."""
    assert quarantine.add([BAD_TIME, replace(BAD_TIME, received_at=5, detail="said otherwise")]) == 1
    assert quarantine.add([BAD_TIME]) == 0
    others = [
        replace(BAD_TIME, source="doors"),
        replace(BAD_TIME, file="/data/other.csv"),
        replace(BAD_TIME, line=18),
        replace(BAD_TIME, line=None),
        replace(BAD_TIME, raw=b""),
        replace(BAD_TIME, reason=RejectionReason.TORN_LINE),
    ]
    assert quarantine.add(others) == len(others)
    assert quarantine.add(others) == 0
    assert quarantine.get(1) == Entry(1, Status.OPEN, BAD_TIME)


def test_fields_do_not_run_into_each_other(quarantine: Quarantine) -> None:
    """The border between two fields is part of what makes an entry."""
    pair = [replace(BAD_TIME, source="ab", file="c"), replace(BAD_TIME, source="a", file="bc")]
    assert quarantine.add(pair) == 2


def test_retried_entries_are_told_apart(quarantine: Quarantine) -> None:
    """An entry that was read after all is retried; refused once more, it is open again."""
    quarantine.add([replace(BAD_TIME, line=line) for line in range(1, 6)])
    quarantine.mark_retried([2, 4, 99])
    assert [entry.number for entry in quarantine.list(Status.OPEN)] == [1, 3, 5]
    assert [entry.number for entry in quarantine.list(Status.RETRIED)] == [2, 4]
    assert (quarantine.count(), quarantine.count(Status.OPEN)) == (5, 3)
    assert quarantine.add([replace(BAD_TIME, line=4)]) == 0
    assert [entry.number for entry in quarantine.list(Status.OPEN)] == [1, 3, 4, 5]


def test_listing_is_complete_beyond_a_page(quarantine: Quarantine) -> None:
    """Any number of entries is listed, in order, each once."""
    quarantine.add([replace(BAD_TIME, line=line) for line in range(1, 101)])
    assert [entry.number for entry in quarantine.list()] == list(range(1, 101))


def test_ten_megabytes_are_kept_whole(quarantine: Quarantine, tmp_path: Path) -> None:
    """A huge field comes back byte for byte, and one of text takes little room."""
    huge = replace(BAD_TIME, raw=b"2014-01-06," * 1_000_000)
    noise = replace(BAD_TIME, raw=os.urandom(2_000_000))
    assert quarantine.add([huge]) == 1
    assert quarantine.add([huge]) == 0
    quarantine.close()
    assert (tmp_path / "quarantine.sqlite").stat().st_size < 1_000_000
    again = Quarantine.open(tmp_path / "quarantine.sqlite")
    again.add([noise])
    assert [entry.rejection for entry in again.list()] == [huge, noise]
    again.close()


@given(raw=st.binary(max_size=60), file=st.text(st.characters(), max_size=8))
def test_any_bytes_come_back(tmp_path_factory: pytest.TempPathFactory, raw: bytes, file: str) -> None:
    """Bytes come back exactly, whatever they are, even from a file whose name is no text."""
    quarantine = Quarantine.open(tmp_path_factory.mktemp("any") / "quarantine.sqlite")
    assert quarantine.add([replace(BAD_TIME, raw=raw, file=file)]) == 1
    entry = quarantine.get(1)
    assert entry is not None
    assert entry.rejection.raw == raw
    quarantine.close()


def test_a_read_only_view(tmp_path: Path, quarantine: Quarantine) -> None:
    """A reader sees what was added and is told that it may not add."""
    reader = Quarantine.open(tmp_path / "quarantine.sqlite", writable=False)
    quarantine.add([BAD_TIME])
    assert reader.count() == 1
    with pytest.raises(LogUnavailable, match="read-only"):
        reader.add([BAD_TIME])
    reader.close()


def test_another_file_is_refused(tmp_path: Path) -> None:
    """A file that is no quarantine, or of a later version, is refused and left alone."""
    path = tmp_path / "quarantine.sqlite"
    path.write_bytes(b"not a database at all" * 50)
    with pytest.raises(LogCorrupt):
        Quarantine.open(path)
    path.unlink()
    Quarantine.open(path).close()
    with sqlite3.connect(path) as later:
        later.execute("PRAGMA user_version = 2")
    with pytest.raises(LogCorrupt, match="schema version 2"):
        Quarantine.open(path)


KILLED_AFTER_ADD = """
import os, signal, sys
from pathlib import Path
from streams.quarantine import Quarantine
from tests.test_quarantine import BAD_TIME
Quarantine.open(Path(sys.argv[1])).add([BAD_TIME])
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_entry_outlives_a_kill(tmp_path: Path) -> None:
    """What `add` has returned from is there after the process was killed."""
    path = tmp_path / "quarantine.sqlite"
    done = subprocess.run([sys.executable, "-c", KILLED_AFTER_ADD, str(path)], cwd=ROOT, check=False)
    assert done.returncode == -9
    quarantine = Quarantine.open(path)
    assert [entry.rejection for entry in quarantine.list()] == [BAD_TIME]
    quarantine.close()
