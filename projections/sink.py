"""The sink: from the log into the history, each signal and event exactly once.

Each row carries its partition and offset. A batch is written in this order: the rows, then each table derived
from them, then the offset up to which all of that is done. On start, and after any failure, what lies above
that offset may be there in part, in any of the tables: the sink looks which offsets each of them has, and
writes only the others. So a process may be killed anywhere. There is one writer for each partition.
"""

import gc
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, Protocol

import msgspec

from domain.errors import DomainError
from domain.event import Event, read_event, write_event
from domain.signal import Signal, read_signal, write_signal
from projections import checkpoints
from projections.client import History
from projections.columns import event_table, signal_table, unreadable_table
from projections.errors import HistoryIncomplete

BATCH: Final = 50_000


class Row(Protocol):
    """What a log hands out: a signal's or event's offset, and its wire bytes."""

    @property
    def offset(self) -> int:
        """Its place in its partition."""

    @property
    def wire(self) -> bytes:
        """What was appended."""


class Source(Protocol):
    """The reading half of a log."""

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Row]:
        """Return at most `limit` signals at `from_offset` and above, in order; empty at the end."""

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Row]:
        """Return at most `limit` events at `from_offset` and above, in order; empty at the end."""


Unreadable = tuple[int, bytes, str]
"""Offset, wire and reason."""


@dataclass(frozen=True)
class Kind:
    """One of the two logs: its table, how its rows are read, and the tables derived from it."""

    table: str
    derived: tuple[str, ...]
    decode: Callable[[bytes], Any]
    encode: Callable[[Any], bytes]
    columns: Callable[[int, Sequence[tuple[int, Any]]], Any]


SIGNALS: Final = Kind("signals", ("holdings",), read_signal, write_signal, signal_table)
EVENTS: Final = Kind(
    "events", ("moves", "visits", "alerts", "passages"), read_event, write_event, event_table
)


class Sink:
    """Fills one partition of a history from a log.

    `on_unreadable(kind, offset, wire, reason)` hears of each wire that could not be read; its bytes are
    kept in its row and the sink goes on. `kind` is `signals` or `events`.
    """

    def __init__(
        self,
        history: History,
        source: Source,
        partition: int,
        *,
        on_unreadable: Callable[[str, int, bytes, str], None] | None = None,
        batch_rows: int = BATCH,
    ) -> None:
        self._history = history
        self._source = source
        self._partition = partition
        self._on_unreadable = on_unreadable
        self._batch_rows = batch_rows
        self._next: dict[str, int] = {}  # by table: everything below is done; empty: not known
        self._torn: dict[str, int] = {}  # by table: below this, and above `_next`, some rows may be there
        self._checkpoint = 0

    @property
    def position(self) -> tuple[int, int]:
        """The offsets of the next signal and the next event that the history does not have."""
        if not self._next:
            self._resume()
        return self._next[SIGNALS.table], self._next[EVENTS.table]

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> tuple[int, int]:
        """Write what the log has and the history has not; return how many signals and events that were.

        `progress` is told these two numbers after each batch.

        Raises:
            HistoryError: the history could not take it; calling again goes on where it stopped.
            HistoryIncomplete: the log does not have what follows on the history.
        """
        first = self.position
        while True:
            more_signals = self._copy(SIGNALS, self._source.read)
            more_events = self._copy(EVENTS, self._source.read_events)
            signals, events = self.position
            done = signals - first[0], events - first[1]
            if progress is not None:
                progress(*done)
            if not more_signals and not more_events:
                return done

    def write(self, signals: Sequence[tuple[int, Signal]], events: Sequence[tuple[int, Event]]) -> None:
        """Write signals and events already read, with their offsets, in order and without gaps.

        What the history has already is left out; what lies between is fetched from the log first.

        Raises:
            HistoryError: the history could not take it; `catch_up` goes on where it stopped.
            HistoryIncomplete: there is a gap between what the log has and what is given.
        """
        given: tuple[tuple[Kind, Sequence[tuple[int, Any]]], ...] = ((SIGNALS, signals), (EVENTS, events))
        if any(rows and rows[0][0] > at for (_, rows), at in zip(given, self.position, strict=True)):
            self.catch_up()
        for kind, rows in given:
            at = self._next[kind.table]
            new = [row for row in rows if row[0] >= at]
            if not new:
                continue
            if new[0][0] != at or new[-1][0] != at + len(new) - 1:
                raise HistoryIncomplete(
                    f"the {kind.table} to write do not go on at offset {at} without gaps, nor does the log"
                )
            self._write(kind, new, [], at + len(new))

    def _copy(self, kind: Kind, read: Callable[[int, int, int], Sequence[Row]]) -> bool:
        start = self._next[kind.table]
        stored = read(self._partition, start, self._batch_rows)
        if not stored:
            return False
        if stored[0].offset != start or stored[-1].offset != start + len(stored) - 1:
            raise HistoryIncomplete(
                f"the log's {kind.table} of partition {self._partition} do not go on at offset {start}: "
                "it is not the log this history was filled from, or it is damaged; verify both"
            )
        readable: list[tuple[int, Any]] = []
        unreadable: list[Unreadable] = []
        decode = kind.decode
        with _collector_paused():
            for row in stored:
                try:
                    readable.append((row.offset, decode(row.wire)))
                except (DomainError, msgspec.MsgspecError, ValueError, RecursionError) as error:
                    unreadable.append((row.offset, row.wire, str(error)))
            self._write(kind, readable, unreadable, stored[-1].offset + 1)
            readable.clear()
        return True

    def _write(
        self, kind: Kind, rows: Sequence[tuple[int, Any]], unreadable: Sequence[Unreadable], end: int
    ) -> None:
        start = self._next[kind.table]
        torn = start < self._torn[kind.table]
        try:
            present = self._present(kind.table, start, end) if torn else frozenset()
            self._insert(kind, [row for row in rows if row[0] not in present] if present else rows)
            self._insert_unreadable(kind, [row for row in unreadable if row[0] not in present])
            for table in kind.derived:
                self._derive(table, start, end, torn)
            self._history.run(f"INSERT INTO committed VALUES ('{kind.table}', {self._partition}, {end})")
            if kind is EVENTS:
                self._checkpoint = checkpoints.advance(self._history, self._partition, self._checkpoint, end)
        except BaseException:
            self._next.clear()  # how far it came is not known any more
            raise
        self._next[kind.table] = end

    def _insert(self, kind: Kind, rows: Sequence[tuple[int, Any]]) -> None:
        if not rows:
            return
        import pyarrow

        try:
            table = kind.columns(self._partition, rows)
        except (pyarrow.ArrowException, OverflowError) as error:
            # A number that fits no column. Halving finds it; everything beside it is written as it is.
            if len(rows) == 1:
                offset, item = rows[0]
                self._insert_unreadable(kind, [(offset, kind.encode(item), str(error))])
            else:
                self._insert(kind, rows[: len(rows) // 2])
                self._insert(kind, rows[len(rows) // 2 :])
            return
        self._history.insert(kind.table, table)

    def _insert_unreadable(self, kind: Kind, rows: Sequence[Unreadable]) -> None:
        if not rows:
            return
        self._history.insert(kind.table, unreadable_table(self._partition, rows))
        if self._on_unreadable is not None:
            for offset, wire, reason in rows:
                self._on_unreadable(kind.table, offset, wire, reason)

    def _derive(self, table: str, start: int, end: int, torn: bool) -> None:
        within = f"partition = {self._partition} AND offset >= {start} AND offset < {end}"
        missing = f" AND offset NOT IN (SELECT offset FROM {table} WHERE {within})" if torn else ""
        self._history.run(f"INSERT INTO {table} SELECT * FROM derive_{table} WHERE {within}{missing}")

    def _resume(self) -> None:
        found = {}
        for kind in (SIGNALS, EVENTS):
            done = self._highest(f"SELECT max(offset) AS at FROM committed WHERE log = '{kind.table}'")
            self._torn[kind.table] = max(
                self._highest(f"SELECT max(offset) + 1 AS at FROM {table} WHERE offset >= {done}")
                for table in (kind.table, *kind.derived)
            )
            found[kind.table] = done
        self._checkpoint = self._highest("SELECT max(up_to) AS at FROM checkpoints WHERE true")
        self._next = found

    def _highest(self, query: str) -> int:
        return int(self._history.rows(f"{query} AND partition = {self._partition}")[0]["at"])

    def _present(self, table: str, start: int, end: int) -> frozenset[int]:
        rows = self._history.rows(
            f"SELECT offset FROM {table} "
            f"WHERE partition = {self._partition} AND offset >= {start} AND offset < {end}"
        )
        return frozenset(row["offset"] for row in rows)


@contextmanager
def _collector_paused() -> Iterator[None]:
    """Spare the garbage collector a batch: none of it is garbage, and looking takes as long as reading."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
