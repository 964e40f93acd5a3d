"""The log in one SQLite file: the embedded default."""

import heapq
import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import Any, Final, Self

import numpy as np

from streams.known_ids import ID_BYTES, Ids, KnownIds, ids_from_bytes
from streams.log import (
    Appended,
    Draft,
    EventDraft,
    LogError,
    LogUnavailable,
    PositionConflict,
    Snapshot,
    Stored,
)
from streams.sqlite_file import Schema, WriterLock, explained, open_sqlite, transaction

SCHEMA: Final = Schema(
    application_id=0x4C696D6C,  # "Liml"
    version=1,
    statements=(
        """CREATE TABLE signals (
            partition INTEGER NOT NULL, offset INTEGER NOT NULL,
            id BLOB NOT NULL, site TEXT NOT NULL, wire BLOB NOT NULL,
            PRIMARY KEY (partition, offset))""",
        # The ids of each append once more, joined, so that a writer can load them all at once.
        """CREATE TABLE signal_ids (
            partition INTEGER NOT NULL, first_offset INTEGER NOT NULL, ids BLOB NOT NULL,
            PRIMARY KEY (partition, first_offset))""",
        """CREATE TABLE events (
            partition INTEGER NOT NULL, offset INTEGER NOT NULL,
            id TEXT NOT NULL, site TEXT NOT NULL, topic TEXT NOT NULL, known_at INTEGER NOT NULL,
            visit TEXT, zone TEXT, from_zone TEXT, point TEXT, wire BLOB NOT NULL,
            PRIMARY KEY (partition, offset))""",
        "CREATE INDEX events_by_topic ON events (partition, topic, offset)",
        "CREATE INDEX events_by_visit ON events (partition, visit, offset) WHERE visit IS NOT NULL",
        "CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL)",
        """CREATE TABLE snapshots (
            partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, state BLOB NOT NULL)""",
    ),
)
_PAGE_EVENTS: Final = 2048
"""How many events `find_events` reads at once: no read transaction outlives a page."""


@dataclass(slots=True, eq=False)
class _Append:
    """An append that waits for its commit; `outcome` or `failure` is set when that is done."""

    partition: int
    signals: Sequence[Draft]
    ids: Ids
    outcome: Appended | None = None
    failure: str = "interrupted; append again"


class SqliteLog:
    """A `streams.log.Log` in one file, for one writing process and any number of readers.

    Appends from several threads that come at once share one commit. Offsets are counted here, under the
    writer's lock. A writer keeps the ids of every signal in memory, 16 bytes each, loaded with a
    partition's first append.
    """

    def __init__(
        self,
        path: Path,
        reader: sqlite3.Connection,
        writer: sqlite3.Connection | None,
        lock: WriterLock | None,
    ) -> None:
        self._path = path
        self._reader, self._writer, self._lock = reader, writer, lock
        self._reading, self._writing = threading.Lock(), threading.Lock()
        self._queue: deque[_Append] = deque()
        self._known: dict[int, KnownIds] = {}

    @classmethod
    def open(cls, path: Path, *, writable: bool = True) -> Self:
        """Open the log at `path`; a writer makes it when it is not there.

        Raises:
            HomeInUse: another process has it open for writing.
            LogUnavailable: it is missing (when reading), or cannot be opened.
            LogCorrupt: the file is something else, or of an unknown schema version.
        """
        if not writable:
            return cls(path, open_sqlite(path, SCHEMA, writable=False), None, None)
        lock = WriterLock.take(path)
        try:
            writer = open_sqlite(path, SCHEMA, writable=True)
            try:
                return cls(path, open_sqlite(path, SCHEMA, writable=False), writer, lock)
            except BaseException:
                writer.close()
                raise
        except BaseException:
            lock.release()
            raise

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """See `Log.append`.

        Raises:
            ValueError: an id is not 32 hexadecimal digits.
        """
        request = _Append(partition, signals, _ids(signals))
        self._queue.append(request)
        with self._writing:  # while one commits, others queue; the next one in commits them all
            if request.outcome is None and request in self._queue:
                self._commit_queue()
        if request.outcome is None:
            raise LogUnavailable(request.failure)
        return request.outcome

    def _commit_queue(self) -> None:
        batch = [self._queue.popleft() for _ in range(len(self._queue))]
        try:
            with explained(self._path), transaction(self._writable()):
                outcomes = [self._insert(request) for request in batch]
        except BaseException as error:
            self._known.clear()  # it may hold ids that were not written; the file knows
            for request in batch:
                request.failure = str(error) if isinstance(error, LogError) else request.failure
            raise
        for request, outcome in zip(batch, outcomes, strict=True):
            request.outcome = outcome

    def _insert(self, request: _Append) -> Appended:
        partition, signals, ids = request.partition, request.signals, request.ids
        known = self._known_ids(partition)
        is_first = np.zeros(len(ids), dtype=np.bool_)
        is_first[np.unique(ids, return_index=True)[1]] = True
        fresh = np.flatnonzero(is_first & ~known.contains(ids))
        head = self._next_offset("signals", partition)
        if len(fresh):
            joined = ids[fresh].tobytes()
            writer = self._writable()
            writer.executemany(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?)",
                (
                    (
                        partition,
                        head + n,
                        joined[n * ID_BYTES : (n + 1) * ID_BYTES],
                        signals[i].site,
                        signals[i].wire,
                    )
                    for n, i in enumerate(fresh.tolist())
                ),
            )
            writer.execute("INSERT INTO signal_ids VALUES (?, ?, ?)", (partition, head, joined))
            known.add(ids[fresh])
        return Appended(len(fresh), len(signals) - len(fresh), head, head + len(fresh))

    def _known_ids(self, partition: int) -> KnownIds:
        if partition not in self._known:
            query = "SELECT ids FROM signal_ids WHERE partition = ?"
            blocks = self._writable().execute(query, (partition,))
            self._known[partition] = KnownIds(ids_from_bytes(b"".join(ids for (ids,) in blocks)))
        return self._known[partition]

    def _next_offset(self, table: str, partition: int) -> int:
        # On the writer's connection: it alone sees what its open transaction has added.
        query = f"SELECT coalesce(max(offset) + 1, 0) FROM {table} WHERE partition = ?"
        return int(self._writable().execute(query, (partition,)).fetchone()[0])

    def _writable(self) -> sqlite3.Connection:
        if self._writer is None:
            raise LogUnavailable(f"{self._path} is open for reading only, or closed: open it for writing")
        return self._writer

    def transact(
        self,
        partition: int,
        *,
        from_position: int,
        to_position: int,
        events: Sequence[EventDraft],
        snapshot: bytes | None = None,
    ) -> None:
        """See `Log.transact`.

        Raises:
            ValueError: `to_position` is before `from_position` or beyond the signals there are.
        """
        with self._writing, explained(self._path), transaction(self._writable()):
            writer = self._writable()
            committed = _position(writer, partition)
            if committed != from_position:
                raise PositionConflict(
                    f"partition {partition} of {self._path} stands at position {committed}, "
                    f"not {from_position}: "
                    "something else has decided its signals; read the log's position again"
                )
            if not from_position <= to_position <= self._next_offset("signals", partition):
                raise ValueError(
                    f"cannot move from position {from_position} to {to_position}: no such signals"
                )
            head = self._next_offset("events", partition)
            writer.executemany(
                "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    (
                        partition, offset, event.id, event.site, event.topic, event.known_at,
                        event.visit, event.zone, event.from_zone, event.point, event.wire,
                    )
                    for offset, event in enumerate(events, head)
                ),
            )  # fmt: skip
            writer.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (partition, to_position))
            if snapshot is not None:
                writer.execute(
                    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (partition, to_position, snapshot)
                )

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read`."""
        rows = self._rows(
            "SELECT offset, id, site, wire FROM signals "
            "WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
            (partition, from_offset, limit),
        )
        return [Stored(offset, id_.hex(), site, wire) for offset, id_, site, wire in rows]

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read_events`."""
        rows = self._rows(
            "SELECT offset, id, site, wire FROM events "
            "WHERE partition = ? AND offset >= ? ORDER BY offset LIMIT ?",
            (partition, from_offset, limit),
        )
        return [Stored(*row) for row in rows]

    def find_events(
        self,
        partition: int,
        *,
        topics: Sequence[str],
        visit: str | None = None,
        point: str | None = None,
        from_offset: int = 0,
        to_offset: int | None = None,
        known_until: int | None = None,
    ) -> Iterator[Stored]:
        """See `Log.find_events`: by index for a visit, else by an index on each topic.

        What is written after the call is not found, so topics read one after another agree.
        """
        if to_offset is None:
            to_offset = self.events_head(partition)
        given = {
            "visit = ?": visit,
            "point = ?": point,
            "offset < ?": to_offset,
            "known_at <= ?": known_until,
        }
        asked = {condition: value for condition, value in given.items() if value is not None}
        wanted = tuple(dict.fromkeys(str(topic) for topic in topics))
        if visit is not None:
            topic_sets: list[tuple[str, ...]] = [wanted]
        else:
            topic_sets = [(topic,) for topic in wanted]
        found = [self._pages(partition, topic_set, asked, from_offset) for topic_set in topic_sets]
        return heapq.merge(*found, key=attrgetter("offset"))

    def _pages(
        self, partition: int, topics: tuple[str, ...], asked: dict[str, Any], from_offset: int
    ) -> Iterator[Stored]:
        index = "events_by_visit" if "visit = ?" in asked else "events_by_topic"
        query = (
            f"SELECT offset, id, site, wire FROM events INDEXED BY {index} "
            f"WHERE partition = ? AND topic IN ({', '.join('?' * len(topics))}) AND offset >= ? "
            + "".join(f"AND {condition} " for condition in asked)
            + "ORDER BY offset LIMIT ?"
        )
        while True:
            rows = self._rows(query, (partition, *topics, from_offset, *asked.values(), _PAGE_EVENTS))
            yield from (Stored(*row) for row in rows)
            if len(rows) < _PAGE_EVENTS:
                return
            from_offset = rows[-1][0] + 1

    def head(self, partition: int) -> int:
        """See `Log.head`."""
        return self._number("SELECT max(offset) + 1 FROM signals WHERE partition = ?", partition)

    def events_head(self, partition: int) -> int:
        """See `Log.events_head`."""
        return self._number("SELECT max(offset) + 1 FROM events WHERE partition = ?", partition)

    def position(self, partition: int) -> int:
        """See `Log.position`."""
        return self._number("SELECT max(position) FROM positions WHERE partition = ?", partition)

    def snapshot(self, partition: int) -> Snapshot | None:
        """See `Log.snapshot`."""
        rows = self._rows("SELECT position, state FROM snapshots WHERE partition = ?", (partition,))
        return Snapshot(*rows[0]) if rows else None

    def _number(self, query: str, partition: int) -> int:
        return int(self._rows(query, (partition,))[0][0] or 0)

    def _rows(self, query: str, parameters: tuple[Any, ...]) -> list[Any]:
        with self._reading, explained(self._path):
            return self._reader.execute(query, parameters).fetchall()

    def close(self) -> None:
        """See `Log.close`."""
        with self._writing, self._reading, explained(self._path):
            self._reader.close()
            if self._writer is not None:
                self._writer.close()  # the last to close empties the WAL into the file
            self._writer = None
            if self._lock is not None:
                self._lock.release()


def _position(connection: sqlite3.Connection, partition: int) -> int:
    row = connection.execute("SELECT position FROM positions WHERE partition = ?", (partition,)).fetchone()
    return int(row[0]) if row else 0


def _ids(signals: Sequence[Draft]) -> Ids:
    for signal in signals:
        if len(signal.id) != 2 * ID_BYTES:
            raise ValueError(f"the signal id {signal.id!r} is not {2 * ID_BYTES} hexadecimal digits")
    joined = bytes.fromhex("".join(signal.id for signal in signals))
    if len(joined) != ID_BYTES * len(signals):  # fromhex skips spaces
        raise ValueError("a signal id holds a space where a hexadecimal digit belongs")
    return ids_from_bytes(joined)
