"""History's answer to "who was inside at T, as known at K" (rules.md 8), folded from events."""

from collections.abc import Mapping, Sequence

from domain.event import Event
from domain.vocabulary import OUTSIDE, Topic

from .world import EVERYWHERE

_PLACING = {Topic.ZONE_ENTERED, Topic.SITE_LEFT, Topic.PRESENCE_SETTLED, Topic.PRESENCE_CORRECTED}


def places_at(events: Sequence[Event], at: int, known_at: int | None = None) -> dict[str, tuple[str, str]]:
    """Return (zone, maybe) of every person heard of, as at `at` and known at `known_at` (None: now)."""
    newest: dict[str, Event] = {}
    for event in sorted(_known(events, at, known_at), key=_age):
        if event.topic in _PLACING and event.person is not None:
            newest[event.person] = event
    return {
        person: (event.zone or OUTSIDE, event.maybe_zone or event.zone or OUTSIDE)
        for person, event in newest.items()
    }


def occupancy_at(
    events: Sequence[Event], parents: Mapping[str, str | None], at: int, known_at: int | None = None
) -> dict[str, tuple[int, int, int]]:
    """Return count, low and high of every zone of `parents`, and of the site under its empty name."""

    def inside(place: str | None, zone: str) -> bool:
        if place is None or place == OUTSIDE:
            return False
        return zone in (EVERYWHERE, place) or inside(parents[place], zone)

    places = places_at(events, at, known_at).values()
    heard = list(_known(events, at, known_at))
    settled = {event.causes for event in heard if event.topic == Topic.PASSAGE_SETTLED}
    passages = [
        event for event in heard if event.topic == Topic.PASSAGE_UNREGISTERED and event.causes not in settled
    ]
    found = {}
    for zone in [EVERYWHERE, *parents]:
        sides = [(inside(here, zone), inside(perhaps, zone)) for here, perhaps in places]
        sizes = [(inside(p.from_zone, zone), inside(p.zone, zone), p.value or 0) for p in passages]
        slack_out = sum(size for origin, goal, size in sizes if origin and not goal)
        slack_in = sum(size for origin, goal, size in sizes if goal and not origin)
        found[zone] = (
            sum(here for here, _ in sides),
            max(0, sum(here and perhaps for here, perhaps in sides) - slack_out),
            sum(here or perhaps for here, perhaps in sides) + slack_in,
        )
    return found


def _known(events: Sequence[Event], at: int, known_at: int | None) -> list[Event]:
    return [
        event
        for event in events
        if event.occurred_at <= at and (known_at is None or event.known_at <= known_at)
    ]


def _age(event: Event) -> tuple[int, int, int]:
    return event.occurred_at, event.position, event.ordinal
