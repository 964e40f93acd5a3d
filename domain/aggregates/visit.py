"""A visit: one person's stay on the site, from coming in to leaving."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import ClassVar

from eventsourcing.domain import BaseAggregate, CanInitAggregate

from domain.aggregates.fact import Fact
from domain.event import Event as LogEvent
from domain.vocabulary import Basis, Topic


@dataclass(frozen=True, slots=True)
class Step:
    """A stay in one zone; times in UTC microseconds. `left_at` is None while the person is there."""

    zone: str
    entered_at: int
    left_at: int | None
    basis: Basis


class Visit(BaseAggregate[str]):
    """A visit as its events tell it: who, from when to when, on what basis, and through which zones.

    `ended_at` is None while it is open, and `end_basis` then `none`. Times are UTC microseconds.
    """

    class Event(Fact):
        """An event of this visit."""

    @dataclass(frozen=True)
    class Started(Event, CanInitAggregate[str]):
        """`visit.started`."""

        originator_topic: str

    class Entered(Event):
        """`zone.entered`: also the first zone of the visit."""

        def apply(self, aggregate: "Visit") -> None:
            """End the step before, and begin one."""
            aggregate.leave(self.event.occurred_at)
            aggregate.steps.append(
                Step(self.event.zone or "", self.event.occurred_at, None, self.event.basis)
            )

    class Ended(Event):
        """`visit.ended`."""

        def apply(self, aggregate: "Visit") -> None:
            """End the last step and the visit."""
            aggregate.leave(self.event.occurred_at)
            aggregate.ended_at = self.event.occurred_at
            aggregate.end_basis = self.event.basis

    FACTS: ClassVar[Mapping[Topic, type[Fact]]] = {
        Topic.VISIT_STARTED: Started,
        Topic.ZONE_ENTERED: Entered,
        Topic.VISIT_ENDED: Ended,
    }

    def __init__(self, event: LogEvent) -> None:
        self.person = event.person
        self.started_at = event.occurred_at
        self.start_basis = event.basis
        self.ended_at: int | None = None
        self.end_basis = Basis.NONE
        self.steps: list[Step] = []

    def leave(self, at: int) -> None:
        """End the step that is under way, if one is."""
        if self.steps and self.steps[-1].left_at is None:
            self.steps[-1] = replace(self.steps[-1], left_at=at)
