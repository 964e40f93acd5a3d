"""The runner: reads signals from the log, has them decided, commits what was decided.

One runner drives one partition. What makes it safe to kill anywhere is the order of things: events, the
new position and sometimes a snapshot are one transaction of the log; whatever is in memory only can be
computed again from the log.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, Protocol

import msgspec
import pyarrow as pa

from domain.columns import column_values, is_one_of, whole
from domain.event import Event, read_event, write_event
from domain.vocabulary import Topic
from domain.wire_reading import read_signals
from domain.wires import event_wires
from streams.log import EventDraft, Log, LogCorrupt

BATCH: Final = 10_000
SNAPSHOT_EVERY: Final = 100_000
"""Signals between two snapshots: re-deciding this many takes well under a second."""


class Decider(Protocol):
    """What the runner needs of an engine."""

    @property
    def position(self) -> int:
        """Offset of the next signal to decide."""

    @property
    def now(self) -> int:
        """The log's time, UTC microseconds."""

    def decide_columns(self, signals: pa.Table) -> pa.Table:
        """Decide a table of signals that begins at `position`; return a table of events (domain.columns)."""

    def occupancy(self) -> dict[str, tuple[int, int, int]]:
        """Return (count, low, high) by zone; the site as a whole under ""."""

    def seen_at(self, person: str) -> int | None:
        """Return when a person was last seen, UTC microseconds; None if never."""

    def snapshot(self) -> bytes:
        """Return the whole state."""


@dataclass(frozen=True, slots=True)
class Decided:
    """One committed batch: tables of its signals and events (domain.columns), each with its first offset."""

    first_signal: int
    signals: pa.Table
    first_event: int
    events: pa.Table

    def events_of(self, *topics: Topic) -> list[Event]:
        """Return the events of these topics as objects, in order; of every topic where none is given."""
        events = self.events
        if topics:
            events = events.filter(is_one_of(whole(events, "topic"), topics))
        return [read_event(wire) for wire in event_wires(events)]

    def signal_id(self, position: int) -> str:
        """Return the id of the signal at a position of this batch."""
        return str(self.signals.column("id")[position - self.first_signal].as_py())


class Runner:
    """Drives one engine along one partition of a log.

    Construction restores the newest snapshot and silently decides again what was committed after it, so
    the engine stands exactly at the committed position. A snapshot this version cannot read is left
    aside: the state is then computed from the first signal.
    """

    def __init__(
        self,
        log: Log,
        partition: int,
        *,
        new: Callable[[], Decider],
        restore: Callable[[bytes], Decider],
        snapshot_every: int = SNAPSHOT_EVERY,
    ) -> None:
        self._log = log
        self._partition = partition
        self._snapshot_every = snapshot_every
        snapshot = log.snapshot(partition)
        engine = new() if snapshot is None else _restored(snapshot.state, restore, new)
        self._snapshot_at = engine.position
        committed = log.position(partition)
        while engine.position < committed:
            limit = min(BATCH, committed - engine.position)
            engine.decide_columns(decided_at(log, partition, engine.position, limit))
        self.engine = engine

    @property
    def lag(self) -> int:
        """How many signals of the log have not been decided."""
        return self._log.head(self._partition) - self.engine.position

    def step(self, limit: int = BATCH, at_hand: pa.Table | None = None) -> Decided | None:
        """Decide and commit at most `limit` signals; None when all have been.

        Args:
            limit: how many.
            at_hand: a table of the next signals of the log, if the caller has them; else they are read.

        Raises:
            LogUnavailable: nothing was committed; this runner must not be used again.
            PositionConflict: another process has been deciding; likewise.
            LogCorrupt: a signal in the log cannot be read.
        """
        start = self.engine.position
        signals = at_hand[:limit] if at_hand else signals_at(self._log, self._partition, start, limit)
        if not signals:
            return None
        first_event = self._log.events_head(self._partition)
        events = self.engine.decide_columns(signals)
        due = self.engine.position - self._snapshot_at >= self._snapshot_every
        self._commit(start, event_drafts(events), self.engine.snapshot() if due else None)
        return Decided(start, signals, first_event, events)

    def take_snapshot(self) -> None:
        """Keep the state as it is now, so that the next start need not decide anything again."""
        if self.engine.position > self._snapshot_at:
            self._commit(self.engine.position, (), self.engine.snapshot())

    def _commit(self, start: int, events: Sequence[EventDraft], snapshot: bytes | None) -> None:
        self._log.transact(
            self._partition,
            from_position=start,
            to_position=self.engine.position,
            events=events,
            snapshot=snapshot,
        )
        if snapshot is not None:
            self._snapshot_at = self.engine.position


def signals_at(log: Log, partition: int, offset: int, limit: int) -> pa.Table:
    """Return at most `limit` signals of the log from this offset on, as a table of `SIGNAL_COLUMNS`.

    Raises:
        LogCorrupt: one of them cannot be read, or is not there although others follow.
    """
    stored = log.read(partition, offset, limit)
    for expected, one in enumerate(stored, offset):
        if one.offset != expected:
            raise LogCorrupt(
                f"the log has no signal at offset {expected}, although it has one at {one.offset}: "
                "restore it from the newest backup"
            )
    found = read_signals([one.wire for one in stored])
    for place, reason in found.unreadable:
        raise LogCorrupt(f"signal at offset {stored[place].offset}: {reason}")
    return found.table


def decided_at(log: Log, partition: int, offset: int, limit: int) -> pa.Table:
    """Return signals that have been decided, at least one, as `signals_at` does.

    Raises:
        LogCorrupt: there is none at this offset, or it cannot be read.
    """
    signals = signals_at(log, partition, offset, limit)
    if not len(signals):
        raise LogCorrupt(
            f"the log ends at offset {offset}, although more of it has been decided: "
            "restore it from the newest backup"
        )
    return signals


def draft(event: Event) -> EventDraft:
    """Return the event as the log keeps it."""
    return EventDraft(
        id=event.id,
        site=event.site,
        topic=event.topic,
        wire=write_event(event),
        known_at=event.known_at,
        visit=event.visit,
        point=event.point,
    )


def event_drafts(events: pa.Table) -> list[EventDraft]:
    """Return the events of a table of `EVENT_COLUMNS` as the log keeps them."""
    of = partial(column_values, events)
    wires, moments = event_wires(events), whole(events, "known_at").view(pa.int64()).to_numpy().tolist()
    return list(map(EventDraft, of("id"), of("site"), of("topic"), wires, moments, of("visit"), of("point")))


def _restored(state: bytes, restore: Callable[[bytes], Decider], new: Callable[[], Decider]) -> Decider:
    try:
        return restore(state)
    except (ValueError, msgspec.MsgspecError):  # written by another version
        return new()
