"""Resolve: the log's time, the person and zones of a signal, whether it is late (rules 1.2 and 3)."""

from typing import Any, Final

from domain.kernels import AHEAD, inlined, prefetch, stage
from domain.output import because, emit
from domain.records import (
    ALARM,
    ANYWHERE,
    CLOCK,
    CLOSED,
    CONTROL,
    COUNT,
    CREDENTIAL,
    DENIED,
    DOOR,
    FORCED,
    GRANTED,
    NOWHERE,
    OPENED,
    OUT,
    PLACED,
    TOPIC,
)  # fmt: skip
from domain.vocabulary import Topic

UNRESOLVED: Final = TOPIC[Topic.SIGNAL_UNRESOLVED]
LATE: Final = TOPIC[Topic.SIGNAL_LATE]


@inlined
def holder(credential: Any, holdings: Any, at: int) -> int:
    """Return the person who held a credential at a time (rule 3.1); the stranger's code if nobody does."""
    if credential.count == 0:
        return int(credential.stranger)
    found = -1
    newest = credential.first
    last = credential.first + credential.count
    for row in range(credential.first, last):  # by valid_from, then the id of the person
        holding = holdings[row]
        if holding.valid_from <= at:
            if holding.valid_from > holdings[newest].valid_from:
                newest = row
            better = found < 0 or holding.valid_from > holdings[found].valid_from
            if better and at < holding.valid_until:
                found = row
    return int(holdings[found if found >= 0 else newest].person)


@stage
def resolve(
    signals: Any, first: int, last: int, survey: Any, clock: Any, people: Any, points: Any, devices: Any,
    credentials: Any, holdings: Any, denials: Any, denials_size: Any, events: Any, size: Any, causes: Any,
    causes_size: Any,
) -> None:  # fmt: skip
    """Fill in what later stages need of each signal; at most two events and one denial a signal."""
    time = clock[0]
    seen = survey[0]
    for i in range(first, last):
        signal = signals[i]
        if i + AHEAD < len(signals):
            prefetch(people, signals[i + AHEAD].person)
        signal.before = time.now
        if min(signal.occurred_at, signal.received_at) > time.now:
            time.now = min(signal.occurred_at, signal.received_at)
        signal.now = time.now
        at = signal.occurred_at
        if (signal.category == CONTROL and signal.action != PLACED) or signal.category == CLOCK:
            continue
        seen.first_at = min(seen.first_at, at)
        seen.last_at = max(seen.last_at, at)
        if signal.category == CONTROL:
            continue
        if signal.person == 0 and signal.credential != 0:
            signal.person = holder(credentials[signal.credential], holdings, at)
        reading = signal.category == CREDENTIAL
        point = points[signal.point]
        if reading and signal.action == DENIED:
            denials[denials_size[0]].signal = i
            denials_size[0] += 1
        elif signal.category == ALARM:
            seen.alarms += 1
        if reading or signal.category == DOOR or signal.category == COUNT:
            granted_to_nobody = reading and signal.action == GRANTED and signal.person == 0
            signal.resolved = point.declared and not granted_to_nobody
            if point.declared and signal.direction == OUT:
                signal.to_zone = NOWHERE if point.from_zone == ANYWHERE else point.from_zone
                signal.other_zone = point.to_zone
            elif point.declared:
                signal.to_zone = point.to_zone
                signal.other_zone = point.from_zone
            if not signal.resolved:
                event = emit(events, size, UNRESOLVED, i, at, signal.now)
                event.person = signal.person
                event.from_device = signal.from_device
                because(event, causes, causes_size, signal.position)
        device = devices[signal.from_device]
        person = people[signal.person]
        signal.late = at < device.last_at or at < person.last_at  # nobody has never shown anything
        device.last_at = max(device.last_at, at)
        if reading and signal.person != 0:
            person.last_at = max(person.last_at, at)
        if signal.late:
            event = emit(events, size, LATE, i, at, signal.now)
            event.person = signal.person
            event.from_device = signal.from_device
            event.point = signal.point if point.declared else 0
            if reading and point.declared:
                event.zone = signal.to_zone
            event.late = True
            because(event, causes, causes_size, signal.position)
        if signal.category == DOOR and signal.resolved:
            signal.was_open = point.open
            if not signal.late and (signal.action == OPENED or signal.action == FORCED):
                point.open = True
            elif not signal.late and signal.action == CLOSED:
                point.open = False
        elif signal.resolved:
            signal.was_open = point.open
