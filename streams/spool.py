"""The spool: signals kept on this machine's disk until the log has them, for a log that may be away.

A connector appends to the spool and may then forget; a forwarder moves what waits into the log, in order,
and removes it. Where a connector stands in its source is written in the same transaction as the signals it
read, so that killing it between the two loses and repeats nothing.
"""

import sqlite3
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

import msgspec

from streams.log import Draft, LogUnavailable
from streams.sqlite_file import Schema, WriterLock, explained, open_sqlite, transaction

SCHEMA: Final = Schema(
    application_id=0x4C696D73,  # "Lims"
    version=2,
    statements=(
        # AUTOINCREMENT: a number is never given twice, even when everything before it has been removed.
        """CREATE TABLE signals (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            id TEXT NOT NULL, site TEXT NOT NULL, wire BLOB NOT NULL)""",
        "CREATE TABLE places (source TEXT PRIMARY KEY, place INTEGER NOT NULL)",
        "CREATE TABLE reached (partition INTEGER PRIMARY KEY, offset INTEGER NOT NULL)",
        "CREATE TABLE sites (site TEXT PRIMARY KEY)",
    ),
)
Mark = bytes
"""What the reader of a source knows it again by."""
_MARKS: Final = (
    "CREATE TABLE IF NOT EXISTS marks (source TEXT PRIMARY KEY, place INTEGER NOT NULL, mark BLOB NOT NULL)"
)
"""By what a source is known again, at this place of it. Made at each start, and no new version of the schema:
a spool without it holds signals that nothing else has, and one with it can still be opened by a program that
does not know it. What such a program leaves behind does not fit `places`, and is not used."""
_ROW_BYTES: Final = 100
"""About what a row takes beside its wire."""


class SpoolFull(LogUnavailable):
    """The spool has reached its limit; nothing of what was given was written. Keep it, and try again."""


class Waiting(msgspec.Struct, frozen=True, gc=False):
    """A signal that waits; `number` rises in the order of appending."""

    number: int
    id: str
    site: str
    wire: bytes


def taken_bytes(signal: Draft | Waiting) -> int:
    """Return about how many bytes of the spool a signal takes."""
    return len(signal.wire) + _ROW_BYTES


class Spool:
    """Signals that wait, in one file, for one process. Its methods may be called from any thread."""

    def __init__(self, path: Path, limit_bytes: int) -> None:
        """Open the spool at `path`, made where there is none; it takes no more than about `limit_bytes`.

        Raises:
            HomeInUse: another process has it.
            LogUnavailable, LogCorrupt: it cannot be opened.
        """
        self._path = path
        self._limit_bytes = limit_bytes
        self._lock = WriterLock.take(path)
        self._guard = threading.Lock()
        self._file: sqlite3.Connection | None = None
        try:
            self._file = open_sqlite(path, SCHEMA, writable=True)
            with explained(path):
                self._file.execute(_MARKS)
            count, wires = self._row("SELECT count(*), coalesce(sum(length(wire)), 0) FROM signals")
            self._sites = {site for (site,) in self._file.execute("SELECT site FROM sites")}
        except BaseException:
            self.close()
            raise
        self._count, self._bytes = count, wires + count * _ROW_BYTES

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def count(self) -> int:
        """How many signals wait."""
        return self._count

    @property
    def bytes(self) -> int:
        """About how many bytes they take."""
        return self._bytes

    @property
    def limit_bytes(self) -> int:
        """How many they may take."""
        return self._limit_bytes

    @property
    def sites(self) -> frozenset[str]:
        """Every site that a signal was ever kept for."""
        return frozenset(self._sites)

    def append(
        self, signals: Sequence[Draft], source: str | None = None, place: int = 0, mark: Mark = b""
    ) -> None:
        """Keep these signals, and that `source` was read up to `place`: all or nothing, durable on return.

        `mark` stands with the place.

        Raises:
            SpoolFull: there is no room for them.
            LogUnavailable: the disk is full, or refuses.
        """
        wanted = sum(map(taken_bytes, signals))
        new = {signal.site for signal in signals} - self._sites
        with self._guard, explained(self._path):
            if signals and self._bytes + wanted > self._limit_bytes:
                raise SpoolFull(
                    f"{self._path}: {self._count:,} signals wait, {self._bytes:,} of {self._limit_bytes:,} "
                    "bytes are taken: bring the log back, or raise the spool's limit"
                )
            with transaction(self._open):
                self._open.executemany(
                    "INSERT INTO signals (id, site, wire) VALUES (?, ?, ?)",
                    ((signal.id, signal.site, signal.wire) for signal in signals),
                )
                self._open.executemany("INSERT OR IGNORE INTO sites VALUES (?)", ((site,) for site in new))
                if source is not None:
                    self._open.execute("INSERT OR REPLACE INTO places VALUES (?, ?)", (source, place))
                    self._open.execute("INSERT OR REPLACE INTO marks VALUES (?, ?, ?)", (source, place, mark))
            self._sites |= new
            self._count += len(signals)
            self._bytes += wanted

    def place(self, source: str) -> int:
        """Return up to where a source has been read; 0 if it never was."""
        with self._guard, explained(self._path):
            row = self._row("SELECT max(place) FROM places WHERE source = ?", source)
            return int(row[0] or 0)

    def mark(self, source: str) -> Mark:
        """Return the mark that was kept with the source's place; empty if there is none."""
        query = "SELECT mark FROM marks JOIN places USING (source, place) WHERE source = ?"
        with self._guard, explained(self._path):
            row = self._open.execute(query, (source,)).fetchone()
            return b"" if row is None else bytes(row[0])

    def waiting(self, limit: int, limit_bytes: int) -> list[Waiting]:
        """Return the oldest signals that wait: at most `limit`, of about `limit_bytes`, but always one."""
        found: list[Waiting] = []
        with self._guard, explained(self._path):
            rows = self._open.execute(
                "SELECT number, id, site, wire FROM signals ORDER BY number LIMIT ?", (limit,)
            )
            for row in rows:
                found.append(Waiting(*row))
                limit_bytes -= taken_bytes(found[-1])
                if limit_bytes <= 0:
                    break
            rows.close()
        return found

    def remove(self, moved: Sequence[Waiting], reached: Mapping[int, int]) -> None:
        """Forget signals the log has, and keep up to which offset each partition is known to hold ours."""
        with self._guard, explained(self._path):
            with transaction(self._open):
                numbers = ((one.number,) for one in moved)
                self._open.executemany("DELETE FROM signals WHERE number = ?", numbers)
                self._keep(reached)
            self._count -= len(moved)
            self._bytes -= sum(map(taken_bytes, moved))

    def reached(self) -> dict[int, int]:
        """Return the offset of each partition below which nothing of what waits can be."""
        with self._guard, explained(self._path):
            return dict(self._open.execute("SELECT partition, offset FROM reached").fetchall())

    def keep_reached(self, reached: Mapping[int, int]) -> None:
        """Keep it, before anything is sent to these partitions."""
        with self._guard, explained(self._path), transaction(self._open):
            self._keep(reached)

    def close(self) -> None:
        """Let go of the file; closing twice is harmless."""
        with self._guard:
            if self._file is not None:
                self._file.close()
                self._file = None
            self._lock.release()

    @property
    def _open(self) -> sqlite3.Connection:
        if self._file is None:
            raise LogUnavailable(f"{self._path} is closed: open it again")
        return self._file

    def _row(self, query: str, *parameters: object) -> tuple[int, int]:
        row: tuple[int, int] = self._open.execute(query, parameters).fetchone()
        return row

    def _keep(self, reached: Mapping[int, int]) -> None:
        self._open.executemany("INSERT OR REPLACE INTO reached VALUES (?, ?)", reached.items())
