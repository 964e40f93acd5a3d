"""How many are in a zone: for sure, probably, and at the most."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, Self

from eventsourcing.domain import BaseAggregate

from domain.aggregates.fact import Beginning, Change, Fact
from domain.site import Site
from domain.times import utc
from domain.vocabulary import OUTSIDE, Topic


class ZoneOccupancy(BaseAggregate[str]):
    """The occupancy of a zone with all the zones within it (`docs/rules.md`, 7).

    Folded from the moves of everybody on the site, not only those into and out of this zone: an event
    says where a person now is, so whoever is elsewhere is not here.
    """

    class Event(Change):
        """Something that may change who is here."""

    @dataclass(frozen=True)
    class Begun(Event, Beginning):
        """An empty zone. `inside` are the zones that count as in it; None: everything but outside."""

        inside: frozenset[str] | None

    class Moved(Event, Fact):
        """`zone.entered`, `site.left` and `presence.settled`: where a person is now, and may be."""

        def apply(self, aggregate: "ZoneOccupancy") -> None:
            """Note where the person is."""
            zone = self.event.zone or OUTSIDE
            aggregate.place(self.event.person or "", zone, self.event.maybe_zone or zone)

    class Passed(Event, Fact):
        """`passage.unregistered`: some went through without saying who they are."""

        def apply(self, aggregate: "ZoneOccupancy") -> None:
            """Widen the bounds."""
            aggregate.widen(self.event.from_zone, self.event.zone, self.event.value or 0)

    class Settled(Event, Fact):
        """`passage.settled`: they have left again, one way or another."""

        def apply(self, aggregate: "ZoneOccupancy") -> None:
            """Take back what `Passed` did."""
            aggregate.widen(self.event.from_zone, self.event.zone, -(self.event.value or 0))

    FACTS: ClassVar[Mapping[Topic, type[Fact]]] = {
        Topic.ZONE_ENTERED: Moved,
        Topic.SITE_LEFT: Moved,
        Topic.PRESENCE_SETTLED: Moved,
        Topic.PASSAGE_UNREGISTERED: Passed,
        Topic.PASSAGE_SETTLED: Settled,
    }

    def __init__(self, inside: frozenset[str] | None) -> None:
        self.inside = inside
        self.whereabouts: dict[str, tuple[str, str]] = {}
        self.slack_in = 0
        self.slack_out = 0

    @classmethod
    def empty(cls, zone_id: str | None, site: Site) -> Self:
        """Return the zone with nobody in it; None is the whole site.

        Raises:
            KeyError: the site has no such zone.
        """
        inside = None if zone_id is None else _zones_within(zone_id, site)
        occupancy = cls._create(cls.Begun, id=zone_id or site.id, timestamp=utc(0), inside=inside)
        occupancy.collect_events()  # nothing that is to be saved
        return occupancy

    def holds(self, zone: str | None) -> bool:
        """Return whether a zone is this one or within it; None is outside."""
        if self.inside is None:
            return zone is not None and zone != OUTSIDE
        return zone in self.inside

    def place(self, person: str, zone: str, maybe: str) -> None:
        """Note where a person is, and where else perhaps; forget who is surely not here."""
        if self.holds(zone) or self.holds(maybe):
            self.whereabouts[person] = (zone, maybe)
        else:
            self.whereabouts.pop(person, None)

    def widen(self, from_zone: str | None, to_zone: str | None, passages: int) -> None:
        """Let so many more be here, or not be here, than is known."""
        if self.holds(to_zone) and not self.holds(from_zone):
            self.slack_in += passages
        if self.holds(from_zone) and not self.holds(to_zone):
            self.slack_out += passages

    @property
    def persons(self) -> frozenset[str]:
        """Who counts as here."""
        return frozenset(person for person, (zone, _) in self.whereabouts.items() if self.holds(zone))

    @property
    def count(self) -> int:
        """How many count as here."""
        return len(self.persons)

    @property
    def low(self) -> int:
        """How many are here at the least."""
        certain = sum(self.holds(zone) and self.holds(maybe) for zone, maybe in self.whereabouts.values())
        return max(0, certain - self.slack_out)

    @property
    def high(self) -> int:
        """How many are here at the most."""
        return len(self.whereabouts) + self.slack_in


def _zones_within(zone_id: str, site: Site) -> frozenset[str]:
    around = site.zones_around()
    if zone_id not in around:
        raise KeyError(f"site {site.id} has no zone {zone_id!r}; its zones are {', '.join(sorted(around))}")
    return frozenset(inner for inner, zones in around.items() if zone_id in zones)
