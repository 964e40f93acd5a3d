"""Visits: tell every crossing as events, and when a visit begins and ends (rules 6 and 5.7, 5.10)."""

from typing import Any, Final

from domain.kernels import inlined, stage
from domain.output import because, emit
from domain.records import ANYWHERE, MOVED, NONE, NOWHERE, PASSED, REPEATED, SETTLED, TOPIC
from domain.vocabulary import Topic

STARTED: Final = TOPIC[Topic.VISIT_STARTED]
ENDED: Final = TOPIC[Topic.VISIT_ENDED]
ENTERED: Final = TOPIC[Topic.ZONE_ENTERED]
LEFT: Final = TOPIC[Topic.SITE_LEFT]
MISSED: Final = TOPIC[Topic.REGISTRATION_MISSED]
PRESENCE_SETTLED: Final = TOPIC[Topic.PRESENCE_SETTLED]
UNREGISTERED: Final = TOPIC[Topic.PASSAGE_UNREGISTERED]
PASSAGE_SETTLED_TOPIC: Final = TOPIC[Topic.PASSAGE_SETTLED]


@inlined
def tell(row: Any, topic: int, events: Any, size: Any, causes: Any, causes_size: Any) -> Any:
    """Begin an event about a crossing, with what all such events carry."""
    event = emit(events, size, topic, row.signal, row.occurred_at, row.known_at)
    event.person = row.person
    event.point = row.point
    event.visit = row.visit
    event.basis = row.basis
    event.late = row.late
    because(event, causes, causes_size, row.cause)
    if row.second_cause != NONE:
        because(event, causes, causes_size, row.second_cause)
    return event


@inlined
def other_possible(row: Any) -> int:
    """Return where else the person may be now, or ANYWHERE if that is certain."""
    return ANYWHERE if row.maybe == row.to_zone else int(row.maybe)


@stage
def tell_visits(
    crossings: Any, first: int, last: int, events: Any, size: Any, causes: Any, causes_size: Any
) -> None:
    """Emit at most three events a crossing."""
    for k in range(first, last):
        row = crossings[k]
        if row.kind == MOVED and row.to_zone != NOWHERE:
            if row.from_zone == NOWHERE:
                tell(row, STARTED, events, size, causes, causes_size).zone = row.to_zone
                if not row.proper:
                    missed = tell(row, MISSED, events, size, causes, causes_size)
                    missed.zone = row.to_zone
                    missed.basis = 0
            event = tell(row, ENTERED, events, size, causes, causes_size)
            event.zone = row.to_zone
            event.from_zone = row.from_zone
            event.maybe_zone = other_possible(row)
        elif row.kind == MOVED:
            event = tell(row, LEFT, events, size, causes, causes_size)
            event.from_zone = row.from_zone
            event.maybe_zone = other_possible(row)
            tell(row, ENDED, events, size, causes, causes_size).zone = row.from_zone
        elif row.kind == SETTLED or (row.kind == REPEATED and row.from_maybe != row.maybe):
            tell(row, PRESENCE_SETTLED, events, size, causes, causes_size).zone = row.to_zone
        elif row.kind != REPEATED:
            topic = UNREGISTERED if row.kind == PASSED else PASSAGE_SETTLED_TOPIC
            event = tell(row, topic, events, size, causes, causes_size)
            event.from_zone = row.from_zone
            event.zone = row.to_zone
            event.value = row.number
