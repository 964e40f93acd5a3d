"""What aggregates are folded from: our events, each with its place in the aggregate's sequence."""

from dataclasses import dataclass
from datetime import datetime

from eventsourcing.domain import CanInitAggregate, CanMutateAggregate

from domain.event import Event


@dataclass(frozen=True)
class Change(CanMutateAggregate[str]):
    """Something that changes an aggregate; its first has version 1. `timestamp` is when it happened."""

    originator_id: str
    originator_version: int
    timestamp: datetime


@dataclass(frozen=True)
class Fact(Change):
    """An event of the log as a change of one aggregate."""

    event: Event


@dataclass(frozen=True)
class Beginning(Change, CanInitAggregate[str]):
    """The first change of an aggregate that is simply there, such as a door: it stands in no log."""

    originator_topic: str
