"""The sink: from the log into the history, each signal and event exactly once.

Each row carries its partition and offset. A batch is written in this order: the rows, then each table derived
from them, then the offset up to which all of that is done. On start, and after any failure, what lies above
that offset may be there in part, in any of the tables: the sink looks which offsets each of them has, and
writes only the others. So a process may be killed anywhere. There is one writer for each partition, the one
that claimed it last (`projections.claims`). While the history is busy with a batch, the next is read.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Protocol

from domain.vocabulary import Category
from projections import checkpoints
from projections.claims import Claim
from projections.client import History
from projections.columns import (
    absent,
    has_category,
    placed,
    read_event_wires,
    read_signal_wires,
    unreadable_table,
)
from projections.errors import HistoryError, HistoryIncomplete

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

    def head(self, partition: int) -> int:
        """Return the offset the next signal will get."""

    def events_head(self, partition: int) -> int:
        """Return the offset the next event will get."""


Unreadable = tuple[int, bytes, str]
"""Offset, wire and reason."""


@dataclass(frozen=True)
class Kind:
    """One of the two logs: its table, how its rows are read, and the tables derived from it.

    Where `derived_of` is a category, only rows of this category make rows of those tables.
    """

    table: str
    derived: tuple[str, ...]
    read: Callable[[Sequence[bytes]], Any]
    derived_of: Category | None = None


SIGNALS: Final = Kind("signals", ("holdings",), read_signal_wires, derived_of=Category.CONTROL)
EVENTS: Final = Kind("events", ("moves", "visits", "alerts", "passages", "alert_decisions"), read_event_wires)


@dataclass(frozen=True, slots=True)
class _Batch:
    """What the log has from `start` up to below `end`: rows with their offsets, and what nobody can read."""

    start: int
    end: int
    offsets: Any
    rows: Any
    unreadable: list[Unreadable]


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
        self._ahead: dict[str, _Batch] = {}  # by table: read while the batch before it was written
        self._checkpoint = 0
        self._claim: Claim | None = None  # taken before the first write, and again after a failure

    @property
    def position(self) -> tuple[int, int]:
        """The offsets of the next signal and the next event that the history does not have."""
        if not self._next:
            self._resume()
        return self._next[SIGNALS.table], self._next[EVENTS.table]

    def check_log(self) -> None:
        """Ask whether the log has at least what the history has from it.

        Not asked by `advance`: a shared log may not know its heads for certain, and says itself what is gone.

        Raises:
            HistoryIncomplete: it ends before; it was lost, or an older one was put in its place.
        """
        filled = self.position
        heads = self._source.head(self._partition), self._source.events_head(self._partition)
        for kind, at, head in zip((SIGNALS, EVENTS), filled, heads, strict=True):
            if head < at:
                raise HistoryIncomplete(
                    f"the log ends at offset {head} of its {kind.table}, but the history was filled from it "
                    f"up to {at}: it was lost, or an older one was put in its place. Restore the log from "
                    "the newest backup, or move the history away, so that it is filled again from this log"
                )

    def catch_up(self, progress: Callable[[int, int], None] | None = None) -> tuple[int, int]:
        """Write what the log has and the history has not; return how many signals and events that were.

        `progress` is told these two numbers after each batch.

        Raises:
            HistoryError: the history could not take it; calling again goes on where it stopped.
            HistoryIncomplete: the log does not have what follows on the history, or ends before it.
            PartitionTaken: another sink writes this partition now; calling again takes it back.
        """
        self.check_log()
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

    def advance(self, kind: Kind) -> int:
        """Write at most one batch of signals, or of events; return how far it came. Raises as `catch_up`."""
        before = self.position[0 if kind is SIGNALS else 1]
        self._copy(kind, self._source.read if kind is SIGNALS else self._source.read_events)
        return self._next[kind.table] - before

    def write(self, first_signal: int, signals: Any, first_event: int, events: Any) -> None:
        """Write tables of signals and events (domain.columns) that stand from these offsets on.

        What the history has already is left out; what lies between is fetched from the log first.

        Raises:
            HistoryError: the history could not take it; `catch_up` goes on where it stopped.
            HistoryIncomplete: there is a gap between what the log has and what is given, or the log ends
                before the history.
            PartitionTaken: another sink writes this partition now.
        """
        self.check_log()
        if len(signals) or len(events):
            self._own()
        given = ((SIGNALS, first_signal, signals), (EVENTS, first_event, events))
        if any(len(rows) and first > at for (_, first, rows), at in zip(given, self.position, strict=True)):
            self.catch_up()
        for kind, first, rows in given:
            at = self._next[kind.table]
            new = rows[max(0, at - first) :]
            if not len(new):
                continue
            if first > at:
                raise HistoryIncomplete(
                    f"the {kind.table} to write do not go on at offset {at} without gaps, nor does the log"
                )
            end = at + len(new)
            self._write(kind, _Batch(at, end, range(at, end), new, []))

    def _copy(self, kind: Kind, read: Callable[[int, int, int], Sequence[Row]]) -> bool:
        start = self._next[kind.table]
        batch = self._ahead.pop(kind.table, None)
        if batch is None or batch.start != start:
            batch = self._read(kind, read, start)
        if batch is None:
            return False
        self._own()
        if self._next[kind.table] != start:
            return True  # another sink has gone on meanwhile
        with ThreadPoolExecutor(1, "sink-write") as thread:
            written = thread.submit(self._write, kind, batch)
            if batch.end - start == self._batch_rows:  # there is more: read it while the history is busy
                with suppress(Exception):  # the next call meets it again, and tells
                    following = self._read(kind, read, batch.end)
                    if following is not None:
                        self._ahead[kind.table] = following
            written.result()
        return True

    def _read(
        self, kind: Kind, read: Callable[[int, int, int], Sequence[Row]], start: int
    ) -> "_Batch | None":
        stored = read(self._partition, start, self._batch_rows)
        if not stored:
            return None
        if stored[0].offset != start or stored[-1].offset != start + len(stored) - 1:
            raise HistoryIncomplete(
                f"the log's {kind.table} of partition {self._partition} do not go on at offset {start}: "
                "it is not the log this history was filled from, or it is damaged; verify both"
            )
        wires = [row.wire for row in stored]
        found = kind.read(wires)
        unreadable = [(start + place, wires[place], reason) for place, reason in found.unreadable]
        return _Batch(start, start + len(wires), start + found.places, found.table, unreadable)

    def _write(self, kind: Kind, batch: _Batch) -> None:
        start, end = batch.start, batch.end
        torn = start < self._torn[kind.table]
        claim = self._own()
        try:
            table = placed(self._partition, batch.offsets, batch.rows)
            present = self._present(kind.table, start, end) if torn else frozenset()
            self._insert(kind, absent(table, present) if present else table)
            self._insert_unreadable(kind, [row for row in batch.unreadable if row[0] not in present])
            self._count(kind.table, start, end)
            if torn or kind.derived_of is None or has_category(batch.rows, kind.derived_of):
                for derived in kind.derived:
                    self._derive(derived, start, end, torn)
            committed = f"'{kind.table}', {self._partition}, {end}"
            claim.run(f"INSERT INTO committed SELECT {committed} WHERE {claim.condition}")
            if kind is EVENTS:
                self._checkpoint = checkpoints.advance(self._history, self._partition, self._checkpoint, end)
        except BaseException:
            self._next.clear()  # how far it came is not known any more,
            self._claim = None  # nor whether it has ended: a new claim waits for that
            raise
        self._next[kind.table] = end

    def _insert(self, kind: Kind, table: Any) -> None:
        if len(table):
            self._own().insert(kind.table, table)

    def _insert_unreadable(self, kind: Kind, rows: Sequence[Unreadable]) -> None:
        if not rows:
            return
        self._own().insert(kind.table, unreadable_table(self._partition, rows))
        if self._on_unreadable is not None:
            for offset, wire, reason in rows:
                self._on_unreadable(kind.table, offset, wire, reason)

    def _derive(self, table: str, start: int, end: int, torn: bool) -> None:
        within = f"partition = {self._partition} AND offset >= {start} AND offset < {end}"
        missing = f" AND offset NOT IN (SELECT offset FROM {table} WHERE {within})" if torn else ""
        claim = self._own()
        claim.run(
            f"INSERT INTO {table} SELECT * FROM derive_{table} WHERE {within}{missing} AND {claim.condition}"
        )

    def _count(self, table: str, start: int, end: int) -> None:
        """Trust no insert until its rows are there: the embedded engine does not report a full disk."""
        there = self._history.rows(
            f"SELECT uniqExact(offset) AS rows FROM {table} "
            f"WHERE partition = {self._partition} AND offset >= {start} AND offset < {end}"
        )[0]["rows"]
        if there != end - start:
            raise HistoryError(
                f"the history has {there} of the {end - start} {table} at {start} to {end - 1} of partition "
                f"{self._partition} that were inserted: is its disk full?"
            )

    def _own(self) -> Claim:
        """Return the claim under which to write; a new one brings what is known of the tables up to date."""
        if self._claim is None:
            self._claim = Claim(self._history, self._partition)
            self._resume()
        return self._claim

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
