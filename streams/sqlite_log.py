"""The log in one SQLite file: the embedded default."""

import sqlite3
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self

from streams.blocks import (
    RECORDS,
    Wanted,
    block_bounds,
    event_block,
    events_in,
    found_in,
    signal_block,
    signals_in,
)
from streams.known_ids import Ids, KnownIds, ids_from_bytes, ids_of
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
    version=2,
    statements=(
        # Signals and events stand in blocks of records (streams/blocks.py): a row for each costs many times
        # as much. `next_offset` is behind the block's last. The ids come before the records, so that a
        # writer can load them all without reading the rest.
        """CREATE TABLE signals (
            partition INTEGER NOT NULL, first_offset INTEGER NOT NULL, next_offset INTEGER NOT NULL,
            ids BLOB NOT NULL, records BLOB NOT NULL,
            PRIMARY KEY (partition, first_offset))""",
        """CREATE TABLE events (
            partition INTEGER NOT NULL, first_offset INTEGER NOT NULL, next_offset INTEGER NOT NULL,
            records BLOB NOT NULL,
            PRIMARY KEY (partition, first_offset))""",
        # Which blocks hold events of a topic, or of a visit.
        """CREATE TABLE topics (
            partition INTEGER NOT NULL, topic TEXT NOT NULL, first_offset INTEGER NOT NULL,
            PRIMARY KEY (partition, topic, first_offset)) WITHOUT ROWID""",
        """CREATE TABLE visits (
            partition INTEGER NOT NULL, visit TEXT NOT NULL, first_offset INTEGER NOT NULL,
            PRIMARY KEY (partition, visit, first_offset)) WITHOUT ROWID""",
        "CREATE TABLE positions (partition INTEGER PRIMARY KEY, position INTEGER NOT NULL)",
        """CREATE TABLE snapshots (
            partition INTEGER PRIMARY KEY, position INTEGER NOT NULL, state BLOB NOT NULL)""",
    ),
)
_PAGE_BLOCKS: Final = 32
"""How many blocks `find_events` reads at once: no read transaction outlives a page."""


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
        request = _Append(partition, signals, ids_of(signal.id for signal in signals))
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
        fresh = known.fresh(ids)
        head = self._next_offset("signals", partition)
        if len(fresh):
            new = signals if len(fresh) == len(signals) else [signals[place] for place in fresh.tolist()]
            new_ids = ids[fresh]
            self._writable().executemany(
                "INSERT INTO signals VALUES (?, ?, ?, ?, ?)",
                (
                    (
                        partition,
                        head + start,
                        head + end,
                        new_ids[start:end].tobytes(),
                        signal_block(new[start:end]),
                    )
                    for start, end in block_bounds(len(new))
                ),
            )
            known.add(new_ids)
        return Appended(fresh.tolist(), len(signals) - len(fresh), head, head + len(fresh))

    def _known_ids(self, partition: int) -> KnownIds:
        if partition not in self._known:
            query = "SELECT ids FROM signals WHERE partition = ?"
            blocks = self._writable().execute(query, (partition,))
            self._known[partition] = KnownIds(ids_from_bytes(b"".join(ids for (ids,) in blocks)))
        return self._known[partition]

    def _next_offset(self, table: str, partition: int) -> int:
        # On the writer's connection: it alone sees what its open transaction has added.
        return int(self._writable().execute(_head_of(table), (partition,)).fetchone()[0])

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
            self._insert_events(partition, events)
            writer.execute("INSERT OR REPLACE INTO positions VALUES (?, ?)", (partition, to_position))
            if snapshot is not None:
                writer.execute(
                    "INSERT OR REPLACE INTO snapshots VALUES (?, ?, ?)", (partition, to_position, snapshot)
                )

    def _insert_events(self, partition: int, events: Sequence[EventDraft]) -> None:
        writer, head = self._writable(), self._next_offset("events", partition)
        for start, end in block_bounds(len(events)):
            block, first = events[start:end], head + start
            writer.execute(
                "INSERT INTO events VALUES (?, ?, ?, ?)", (partition, first, head + end, event_block(block))
            )
            for table, found in (
                ("topics", {event.topic for event in block}),
                ("visits", {event.visit for event in block if event.visit is not None}),
            ):
                writer.executemany(
                    f"INSERT INTO {table} VALUES (?, ?, ?)",
                    ((partition, name, first) for name in sorted(found)),
                )

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read`."""
        rows = self._blocks("first_offset, ids, records", "signals", partition, from_offset, limit)
        return _within((stored for row in rows for stored in signals_in(*row)), from_offset, limit)

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read_events`."""
        rows = self._blocks("first_offset, records", "events", partition, from_offset, limit)
        return _within((stored for row in rows for stored in events_in(*row)), from_offset, limit)

    def _blocks(self, columns: str, table: str, partition: int, from_offset: int, limit: int) -> list[Any]:
        query = (
            f"SELECT {columns} FROM {table} WHERE partition = ? AND first_offset > ? AND first_offset < ? "
            "AND next_offset > ? ORDER BY first_offset"
        )
        # No block that begins a block's length before the offset still holds it.
        asked = (partition, from_offset - RECORDS, from_offset + limit, from_offset)
        return self._rows(query, asked)

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
        """See `Log.find_events`: the blocks that hold such a topic, or the visit, are looked through.

        What is written after the call is not found, so pages read one after another agree.
        """
        if to_offset is None:
            to_offset = self.events_head(partition)
        wanted = Wanted(frozenset(map(str, topics)), visit, point, from_offset, to_offset, known_until)
        return self._pages(partition, wanted)

    def _pages(self, partition: int, wanted: Wanted) -> Iterator[Stored]:
        table, column, names = ("topics", "topic", sorted(wanted.topics))
        if wanted.visit is not None:
            table, column, names = ("visits", "visit", [wanted.visit])
        query = (
            f"SELECT first_offset, records FROM events WHERE partition = ? AND first_offset IN "
            f"(SELECT first_offset FROM {table} WHERE partition = ? "
            f"AND {column} IN ({', '.join('?' * len(names))}) AND first_offset >= ? AND first_offset < ?) "
            "ORDER BY first_offset LIMIT ?"
        )
        place = wanted.from_offset - RECORDS + 1  # no block that begins before holds that offset
        while True:
            asked = (partition, partition, *names, place, wanted.to_offset, _PAGE_BLOCKS)
            rows = self._rows(query, asked)
            for first, records in rows:
                yield from found_in(first, records, wanted)
            if len(rows) < _PAGE_BLOCKS:
                return
            place = rows[-1][0] + 1

    def head(self, partition: int) -> int:
        """See `Log.head`."""
        return self._number(_head_of("signals"), partition)

    def events_head(self, partition: int) -> int:
        """See `Log.events_head`."""
        return self._number(_head_of("events"), partition)

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


def _head_of(table: str) -> str:
    """Return the query for the offset behind the last one; `max` of a key is one step in its index."""
    newest = f"(SELECT max(first_offset) FROM {table} WHERE partition = ?1)"
    return (
        f"SELECT coalesce(max(next_offset), 0) FROM {table} WHERE partition = ?1 AND first_offset = {newest}"
    )


def _within(stored: Iterator[Stored], from_offset: int, limit: int) -> list[Stored]:
    return list(islice((one for one in stored if one.offset >= from_offset), limit))


def _position(connection: sqlite3.Connection, partition: int) -> int:
    row = connection.execute("SELECT position FROM positions WHERE partition = ?", (partition,)).fetchone()
    return int(row[0]) if row else 0
