"""A door: open or closed, held, forced, and how often."""

from collections.abc import Mapping
from typing import ClassVar, Self

from eventsourcing.domain import BaseAggregate

from domain.aggregates.fact import Beginning, Change, Fact
from domain.times import utc
from domain.vocabulary import Topic


class Door(BaseAggregate[str]):
    """The door of a point (`docs/rules.md`, 9); at first closed.

    `opened_at` is in UTC microseconds, None while it is closed. `held` and `forced` are of the opening
    under way; `openings`, `held_count` and `forced_count` of all of them.
    """

    class Event(Change):
        """Something that happened to the door."""

    class Begun(Event, Beginning):
        """A door of which nothing is known yet."""

    class Opened(Event, Fact):
        """`door.opened`."""

        def apply(self, aggregate: "Door") -> None:
            """Open it."""
            aggregate.open_at(self.event.occurred_at)

    class Closed(Event, Fact):
        """`door.closed`."""

        def apply(self, aggregate: "Door") -> None:
            """Close it."""
            aggregate.open_at(None)

    class Forced(Event, Fact):
        """`door.forced`: after its opening, or, said by the controller alone, the opening itself."""

        def apply(self, aggregate: "Door") -> None:
            """Note the force."""
            if not aggregate.is_open:
                aggregate.open_at(self.event.occurred_at)
            aggregate.forced = True
            aggregate.forced_count += 1

    class Held(Event, Fact):
        """`door.held`: open too long."""

        def apply(self, aggregate: "Door") -> None:
            """Note it."""
            aggregate.held = True
            aggregate.held_count += 1

    FACTS: ClassVar[Mapping[Topic, type[Fact]]] = {
        Topic.DOOR_OPENED: Opened,
        Topic.DOOR_CLOSED: Closed,
        Topic.DOOR_FORCED: Forced,
        Topic.DOOR_HELD: Held,
    }

    def __init__(self) -> None:
        self.opened_at: int | None = None
        self.held = False
        self.forced = False
        self.openings = 0
        self.held_count = 0
        self.forced_count = 0

    @classmethod
    def closed(cls, point_id: str) -> Self:
        """Return the door of a point as it is at first."""
        door = cls._create(cls.Begun, id=point_id, timestamp=utc(0))
        door.collect_events()  # nothing that is to be saved
        return door

    @property
    def is_open(self) -> bool:
        """Whether it is open."""
        return self.opened_at is not None

    def open_at(self, at: int | None) -> None:
        """Begin an opening, or with None end it."""
        self.opened_at = at
        self.held = False
        self.forced = False
        self.openings += at is not None
