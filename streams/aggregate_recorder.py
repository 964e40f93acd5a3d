"""Aggregates out of the log: `eventsourcing` reads our events through a recorder of ours."""

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, Final
from uuid import UUID

import msgspec
from eventsourcing.application import AggregateNotFoundError, Repository, project_aggregate
from eventsourcing.domain import BaseAggregate, CanInitAggregate, DomainEventProtocol
from eventsourcing.persistence import AggregateRecorder, EventStore, JSONTranscoder, Mapper, StoredEvent
from eventsourcing.utils import get_topic

from domain.aggregates import Door, Fact, Visit, ZoneOccupancy
from domain.event import read_event
from domain.site import Site
from domain.times import utc
from domain.vocabulary import Topic
from streams.log import Log


class _Topical(msgspec.Struct):
    topic: str


_read_topic: Final = msgspec.json.Decoder(_Topical).decode  # skips all else, so it costs little


class LogRecorder(AggregateRecorder):
    """The events of an aggregate in our log as `eventsourcing` wants them, with our explicit topics.

    `condition` is the argument of `Log.find_events` that an aggregate's id stands for; None where every
    event of the topics concerns it. `first_version` is the version of the first of them. Of `site`, where
    given, only. What is seen ends before the events offset `to_offset` and with `known_until`.
    """

    def __init__(
        self,
        log: Log,
        partition: int,
        *,
        topics: Iterable[Topic],
        condition: str | None,
        first_version: int,
        site: str | None = None,
        to_offset: int | None = None,
        known_until: int | None = None,
    ) -> None:
        self._find = partial(
            log.find_events, partition, topics=list(topics), to_offset=to_offset, known_until=known_until
        )
        self._condition, self._first_version, self._site = condition, first_version, site

    def insert_events(self, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int] | None:  # noqa: ARG002
        """Refuse: these aggregates decide nothing.

        Raises:
            TypeError: always.
        """
        raise TypeError("only the engine writes events: aggregates are rebuilt from them, never saved")

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        """Return the aggregate's events with versions above `gt` and up to `lte`, at most `limit`."""
        chosen: dict[str, Any] = {} if self._condition is None else {self._condition: str(originator_id)}
        found = (stored for stored in self._find(**chosen) if self._site in (None, stored.site))
        first = self._first_version
        start = 0 if gt is None else max(0, gt + 1 - first)
        stop = None if lte is None else max(start, lte + 1 - first)
        events = [
            StoredEvent(originator_id, version, _read_topic(stored.wire).topic, stored.wire)
            for version, stored in enumerate(islice(found, start, stop), first + start)
        ]
        return (events[::-1] if desc else events)[:limit]


class WireMapper(Mapper[str]):
    """Turns our events into the facts of one kind of aggregate, by topic."""

    def __init__(self, aggregate_class: type[BaseAggregate[str]], facts: Mapping[Topic, type[Fact]]) -> None:
        super().__init__(JSONTranscoder())
        self._aggregate_topic, self._facts = get_topic(aggregate_class), facts

    def to_domain_event(self, stored_event: StoredEvent) -> DomainEventProtocol[str]:
        """Return the fact in a stored event.

        Raises:
            UnreadableEvent: its bytes are no event that this version can read.
        """
        fact_class, event = self._facts[Topic(stored_event.topic)], read_event(stored_event.state)
        begins = (
            {"originator_topic": self._aggregate_topic} if issubclass(fact_class, CanInitAggregate) else {}
        )
        return fact_class(
            originator_id=str(stored_event.originator_id),
            originator_version=stored_event.originator_version,
            timestamp=utc(event.occurred_at),
            event=event,
            **begins,
        )


_SEQUENCES: Final[Mapping[type[BaseAggregate[str]], tuple[str | None, int]]] = {
    Visit: ("visit", 1),
    ZoneOccupancy: (None, 2),
    Door: ("point", 2),
}
"""What an aggregate's id is to `Log.find_events`, and the version of its first event in the log."""


class AggregateHistory:
    """The aggregates of one partition, as they were at any position or as known at any time.

    `at_position` P: after deciding every signal below P. `known_at`: from the events with `known_at` up to
    it, in UTC microseconds. Both None: now. `site_id` is needed where a partition holds several sites.
    """

    def __init__(self, log: Log, partition: int, site_id: str | None = None) -> None:
        self._log, self._partition, self._site_id = log, partition, site_id

    def visit(
        self, visit_id: str, *, at_position: int | None = None, known_at: int | None = None
    ) -> Visit | None:
        """Return a visit, or None when nothing is known of it."""
        repository = self.repository(Visit, at_position=at_position, known_at=known_at)
        try:
            return repository.get(visit_id)
        except AggregateNotFoundError:
            return None

    def zone(
        self, zone_id: str | None, site: Site, *, at_position: int | None = None, known_at: int | None = None
    ) -> ZoneOccupancy:
        """Return the occupancy of a zone of a site, zones within it included; None is the whole site.

        Raises:
            KeyError: the site has no such zone.
        """
        empty = ZoneOccupancy.empty(zone_id, site)
        repository = self.repository(
            ZoneOccupancy, site_id=site.id, at_position=at_position, known_at=known_at
        )
        return repository.get(empty.id, projector_func=lambda _, facts: project_aggregate(empty, facts))

    def door(self, point_id: str, *, at_position: int | None = None, known_at: int | None = None) -> Door:
        """Return the door of a point; one that never said anything is closed."""
        closed = Door.closed(point_id)
        repository = self.repository(Door, at_position=at_position, known_at=known_at)
        return repository.get(point_id, projector_func=lambda _, facts: project_aggregate(closed, facts))

    def repository(
        self,
        kind: type[Visit] | type[ZoneOccupancy] | type[Door],
        *,
        site_id: str | None = None,
        at_position: int | None = None,
        known_at: int | None = None,
    ) -> Repository[str]:
        """Return the `eventsourcing` repository of one kind of aggregate.

        A zone or a door has no first event in the log: fold onto `ZoneOccupancy.empty` or `Door.closed`,
        through the repository's `projector_func`, as `zone` and `door` do.
        """
        condition, first_version = _SEQUENCES[kind]
        recorder = LogRecorder(
            self._log,
            self._partition,
            topics=kind.FACTS,
            condition=condition,
            first_version=first_version,
            site=site_id or self._site_id,
            to_offset=None if at_position is None else self._events_before(at_position),
            known_until=known_at,
        )
        return Repository(EventStore(WireMapper(kind, kind.FACTS), recorder))

    def _events_before(self, position: int) -> int:
        """Return how many events were decided by signals below a position: they stand in that order."""

        def position_of(offset: int) -> int:
            return read_event(self._log.read_events(self._partition, offset, 1)[0].wire).position

        return bisect_left(range(self._log.events_head(self._partition)), position, key=position_of)
