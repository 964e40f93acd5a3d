"""A history of its own for a test, and a log in memory to fill it from.

The embedded engine serves one folder at a time per process, and any number one after another: `history`
opens one in the test's own folder and closes it at the end. Import the fixture by name into a test module
to use it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from domain.event import Event, write_event
from domain.signal import Signal, write_signal
from domain.site import Point, Site, Zone
from projections.client import History, open_history


@pytest.fixture
def history(tmp_path: Path) -> Iterator[History]:
    """An open, empty history with its schema."""
    with open_history(tmp_path / "history") as opened:
        yield opened


@dataclass(frozen=True)
class Entry:
    """A signal or event in a log in memory."""

    offset: int
    id: str
    wire: bytes


@dataclass
class ListLog:
    """A log in memory: what the sink needs of one. One partition is as good as another to it."""

    signals: list[Entry] = field(default_factory=list)
    events: list[Entry] = field(default_factory=list)

    def add(self, *items: Signal | Event) -> None:
        """Append signals and events, each to its own log."""
        for item in items:
            if isinstance(item, Signal):
                self.signals.append(Entry(len(self.signals), item.id, write_signal(item)))
            else:
                self.events.append(Entry(len(self.events), item.id, write_event(item)))

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return signals, as a log does."""
        del partition
        return self.signals[from_offset : from_offset + limit]

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return events, as a log does."""
        del partition
        return self.events[from_offset : from_offset + limit]

    def head(self, partition: int) -> int:
        """Return the number of signals."""
        del partition
        return len(self.signals)

    def events_head(self, partition: int) -> int:
        """Return the number of events."""
        del partition
        return len(self.events)


SITE = Site(
    id="lab",
    time_zone="Europe/Athens",
    zones=(
        Zone(id="house"),
        Zone(id="lobby", parent="house", entrance=True),
        Zone(id="office", parent="house"),
        Zone(id="yard"),
    ),
    points=(
        Point(id="front", to_zone="lobby", from_zone="outside"),
        Point(id="door", to_zone="office", from_zone="lobby"),
        Point(id="gate", to_zone="yard", from_zone="outside"),
    ),
)
