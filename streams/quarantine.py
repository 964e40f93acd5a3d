"""The quarantine: what could not be read, kept whole until somebody decides."""

import hashlib
import sqlite3
import threading
import zlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, Final, Self

from streams.sqlite_file import Schema, explained, open_sqlite, transaction


class RejectionReason(StrEnum):
    """Why something could not be read. A storage format: members are added, never renamed."""

    UNREADABLE = "unreadable"
    WRONG_ENCODING = "wrong_encoding"
    BINARY = "binary"
    TORN_LINE = "torn_line"
    WRONG_COLUMNS = "wrong_columns"
    TOO_LONG = "too_long"
    BAD_TIME = "bad_time"
    IMPLAUSIBLE_TIME = "implausible_time"
    NONEXISTENT_TIME = "nonexistent_time"
    UNKNOWN_POINT = "unknown_point"
    UNKNOWN_ACTION = "unknown_action"
    UNKNOWN_DIRECTION = "unknown_direction"
    BAD_NUMBER = "bad_number"
    NEGATIVE_COUNT = "negative_count"
    UNKNOWN_SCHEMA = "unknown_schema"
    OTHER = "other"
    FOREIGN_KEY = "foreign_key"


class Status(StrEnum):
    """What has become of an entry."""

    OPEN = "open"
    RETRIED = "retried"


@dataclass(frozen=True, slots=True)
class Rejection:
    """Something that could not be read.

    `source` is the name of the import source, `log`, `commands` or `persons`. `file` is its path, or the
    partition; `line` is counted from 1 in a file, or the offset in the log; None where there are no lines.
    `detail` is a sentence for people that says what to do. `received_at` is in UTC microseconds.
    `header` is the file's first line where `raw` can only be read with it. `key` is a message's key; Kafka's
    quarantine keeps it, in a file there are none.
    """

    source: str
    file: str
    line: int | None
    reason: RejectionReason
    detail: str
    raw: bytes
    received_at: int
    header: bytes = b""
    key: bytes | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """An entry of the quarantine: its number, from 1, what was refused, and its status."""

    number: int
    status: Status
    rejection: Rejection


_SCHEMA: Final = Schema(
    application_id=0x4C696D71,  # "Limq"
    version=1,
    statements=(
        """CREATE TABLE entries (
            number INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL UNIQUE, status TEXT NOT NULL,
            source TEXT NOT NULL, file TEXT NOT NULL, line INTEGER,
            reason TEXT NOT NULL, detail TEXT NOT NULL, received_at INTEGER NOT NULL,
            is_compressed INTEGER NOT NULL, raw BLOB NOT NULL, header BLOB NOT NULL)""",
        "CREATE INDEX entries_by_status ON entries (status, number)",
    ),
)
_COMPRESS_ABOVE_BYTES: Final = 1 << 20
"""Longer raw bytes are kept whole all the same, but zlib-compressed."""
_PAGE_ENTRIES: Final = 16
"""How many entries `list` holds at once: each may be many megabytes long."""


class Quarantine:
    """The quarantine in one SQLite file. What a writing method returns from is durable.

    Several processes may write it at once. Methods raise `LogUnavailable` when the file cannot be
    written now and `LogCorrupt` when it is no quarantine.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection) -> None:
        self._path, self._connection = path, connection
        self._using = threading.Lock()

    @classmethod
    def open(cls, path: Path, *, writable: bool = True) -> Self:
        """Open the quarantine at `path`; a writer makes it when it is not there."""
        return cls(path, open_sqlite(path, _SCHEMA, writable=writable))

    def add(self, rejections: Iterable[Rejection]) -> int:
        """Keep what was refused, all or nothing, and return how many of them were new.

        The same raw bytes with the same source, file, line and reason are one entry. One that had been
        retried and is refused again is open again.
        """
        with self._using, explained(self._path), transaction(self._connection):
            before = self._scalar("SELECT count(*) FROM entries")
            self._connection.executemany(
                "INSERT INTO entries "
                "(key, status, source, file, line, reason, detail, received_at, is_compressed, raw, header) "
                f"VALUES (?, '{Status.OPEN}', ?, ?, ?, ?, ?, ?, ?, ?, ?) "
                f"ON CONFLICT (key) DO UPDATE SET status = '{Status.OPEN}'",
                (_row(one) for one in rejections),
            )
            return self._scalar("SELECT count(*) FROM entries") - before

    def list(self, status: Status | None = None) -> Iterator[Entry]:
        """Yield the entries, of one status where given, by number."""
        last = 0
        condition = "" if status is None else f"AND status = '{Status(status)}' "
        while True:
            page = self._entries(f"number > ? {condition}ORDER BY number LIMIT {_PAGE_ENTRIES}", (last,))
            yield from page
            if len(page) < _PAGE_ENTRIES:
                return
            last = page[-1].number

    def get(self, number: int) -> Entry | None:
        """Return the entry of this number, or None."""
        found = self._entries("number = ?", (number,))
        return found[0] if found else None

    def mark_retried(self, numbers: Iterable[int]) -> None:
        """Note that these entries have been read after all; numbers that do not exist are passed over."""
        with self._using, explained(self._path), transaction(self._connection):
            self._connection.executemany(
                f"UPDATE entries SET status = '{Status.RETRIED}' WHERE number = ?", ((n,) for n in numbers)
            )

    def count(self, status: Status | None = None) -> int:
        """Return how many entries there are, of one status where given."""
        condition = "" if status is None else f" WHERE status = '{Status(status)}'"
        with self._using, explained(self._path):
            return self._scalar(f"SELECT count(*) FROM entries{condition}")

    def close(self) -> None:
        """Let go of the file; closing twice is harmless."""
        with self._using, explained(self._path):
            self._connection.close()

    def _scalar(self, query: str) -> int:
        return int(self._connection.execute(query).fetchone()[0])

    def _entries(self, condition: str, parameters: tuple[int, ...]) -> Sequence[Entry]:
        with self._using, explained(self._path):
            rows = self._connection.execute(
                "SELECT number, status, source, file, line, reason, detail, received_at, "
                "is_compressed, raw, header "
                f"FROM entries WHERE {condition}",
                parameters,
            ).fetchall()
        return [_entry(*row) for row in rows]


def _row(rejection: Rejection) -> tuple[Any, ...]:
    key = hashlib.blake2b(digest_size=16)
    parts = (rejection.source, rejection.file, str(rejection.line), rejection.reason)
    for part in (*(part.encode(errors="surrogatepass") for part in parts), rejection.raw):
        key.update(len(part).to_bytes(8, "big"))
        key.update(part)
    is_compressed = len(rejection.raw) > _COMPRESS_ABOVE_BYTES
    raw = zlib.compress(rejection.raw, level=1) if is_compressed else rejection.raw
    return (
        key.digest(), _text(rejection.source), _text(rejection.file), rejection.line, rejection.reason,
        _text(rejection.detail), rejection.received_at, is_compressed, raw, rejection.header,
    )  # fmt: skip


def _text(text: str) -> str:
    # A file's name may hold bytes that are no UTF-8; SQLite would refuse them.
    return text.encode(errors="backslashreplace").decode()


def _entry(
    number: int, status: str, source: str, file: str, line: int | None, reason: str, detail: str,
    received_at: int, is_compressed: int, raw: bytes, header: bytes,
) -> Entry:  # fmt: skip
    whole = zlib.decompress(raw) if is_compressed else raw
    rejection = Rejection(source, file, line, RejectionReason(reason), detail, whole, received_at, header)
    return Entry(number, Status(status), rejection)
