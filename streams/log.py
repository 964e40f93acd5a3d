"""The log: the one port through which signals and events are kept.

A log has partitions (numbers from 0). Each partition holds signals at offsets 0, 1, 2, … without gaps,
events at offsets of their own, likewise without gaps, the position up to which signals have been decided,
and the newest snapshot of the engine's state. `tests/log_contract.py` is what every adapter must pass.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec


class LogError(Exception):
    """Root of the log's errors; never raised itself."""


class LogUnavailable(LogError):
    """The log cannot be read or written now: a full disk, a read-only folder, a broker away."""


class LogCorrupt(LogError):
    """What stands in the log contradicts itself; the message says where. Nothing was changed."""


class SignalsGone(LogCorrupt):
    """Signals or events that are asked for were deleted: the log's retention has passed them."""


class PositionConflict(LogError):
    """`transact` began elsewhere than the log's committed position: another process has been deciding."""


class HomeInUse(LogError):
    """Another process has this log open for writing; the message names its process id."""


class Draft(msgspec.Struct, frozen=True, gc=False):
    """A signal about to be appended: its id (32 hexadecimal digits), its site, and its wire bytes."""

    id: str
    site: str
    wire: bytes


class Stored(msgspec.Struct, frozen=True, gc=False):
    """A signal or event in the log. `wire` is exactly what was appended."""

    offset: int
    id: str
    site: str
    wire: bytes


class EventDraft(msgspec.Struct, frozen=True, gc=False):
    """An event about to be written, with the fields by which the log can find it again."""

    id: str
    site: str
    topic: str
    wire: bytes
    known_at: int
    visit: str | None = None
    point: str | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The engine's state after deciding every signal below `position`."""

    position: int
    state: bytes


@dataclass(frozen=True, slots=True)
class Appended:
    """What an append did: which signals were new, how many the log already had, and the new ones' offsets.

    `new` are the places of the new ones among those given, ascending.
    """

    new: Sequence[int]
    duplicates: int
    first_offset: int
    next_offset: int

    @property
    def accepted(self) -> int:
        """How many were new."""
        return len(self.new)


class Log(Protocol):
    """The port. Every method blocks until done; what a write method returns from is durable."""

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append signals in order, leaving out those whose id the partition already has.

        All or nothing: on any error no signal of this call is in the log.

        Raises:
            LogUnavailable: it could not be made durable.
        """

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return at most `limit` signals at `from_offset` and above, in order; empty at the end."""

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return at most `limit` events at `from_offset` and above, in order; empty at the end."""

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
        """Yield in order the events of these topics, of one visit or point where given.

        `to_offset` is exclusive; `known_until` is inclusive, in UTC microseconds.
        """

    def head(self, partition: int) -> int:
        """Return the offset the next signal will get: the number of signals."""

    def events_head(self, partition: int) -> int:
        """Return the offset the next event will get: the number of events."""

    def position(self, partition: int) -> int:
        """Return the committed position: every signal below it has been decided."""

    def snapshot(self, partition: int) -> Snapshot | None:
        """Return the newest snapshot, or None. Its position is at most the committed one."""

    def transact(
        self,
        partition: int,
        *,
        from_position: int,
        to_position: int,
        events: Sequence[EventDraft],
        snapshot: bytes | None = None,
    ) -> None:
        """Write events, move the position and, where given, replace the snapshot: all or nothing.

        Raises:
            PositionConflict: the committed position is not `from_position`.
            LogUnavailable: it could not be made durable; nothing was written.
        """

    def close(self) -> None:
        """Let go of the log; closing twice is harmless."""
