"""Crossings: who moves where, and on what basis (rules 5).

The stage owns each person's place, the grants that wait for their door, and three kinds of timer, in one
order: a grant not taken, a person's deadline, an unregistered passage settled. Grants wait seconds in a
queue, deadlines hours in the lists of a timing wheel (`domain.deadlines`), passages hours in a heap.
"""

from typing import Any, Final

from domain.deadlines import SPAN_BITS, arm, begin_spans
from domain.kernels import AHEAD, inlined, prefetch, stage
from domain.output import because, emit
from domain.records import (
    ANYWHERE,
    ASSUMED,
    CONTROL,
    COUNT,
    COUNTED,
    CREDENTIAL,
    DETECTED,
    DOOR,
    GRANTED,
    INFERRED,
    MANUAL,
    MOVED,
    NONE,
    NOWHERE,
    OPENED,
    OUT,
    PASSAGE_SETTLED,
    PASSED,
    PLACED,
    REPEATED,
    SETTLED,
    TIMEOUT,
    TOPIC,
)  # fmt: skip
from domain.timers import NEVER, enqueue, pop, push
from domain.vocabulary import Topic

ABSENCE_DEADLINE, TIMEOUT_DEADLINE, SETTLING_DEADLINE = 1, 2, 3
NOT_TAKEN: Final = TOPIC[Topic.ENTRY_NOT_TAKEN]
CORRECTED: Final = TOPIC[Topic.PRESENCE_CORRECTED]


@inlined
def set_deadline(
    person: Any, code: int, deadline: int, due: int, near: Any, near_size: Any, links: Any, marks: Any
) -> None:
    """Replace a person's deadline (rule 5.6)."""
    person.deadline = deadline
    person.due = due
    arm(person, code, near, near_size, links, marks)


@inlined
def crossing_row(crossings: Any, size: Any, kind: int, i: int, occurred_at: int, known_at: int) -> Any:
    """Begin the next crossing and return its row."""
    row = crossings[size[0]]
    size[0] += 1
    row.kind = kind
    row.signal = i
    row.occurred_at = occurred_at
    row.known_at = known_at
    row.visit = NONE
    row.second_cause = NONE
    row.person = 0
    row.point = 0
    row.number = 0
    row.other_zone = ANYWHERE
    row.basis = 0
    row.late = False
    row.proper = True
    return row


@inlined
def move(
    people: Any, code: int, zones: Any, to_zone: int, other_zone: int, point: int, at: int, basis: int,
    late: bool, cause: int, second_cause: int, i: int, signal: Any, settings: Any,
    near: Any, near_size: Any, links: Any, marks: Any, crossings: Any, crossings_size: Any,
) -> None:  # fmt: skip
    """Move a person (rule 5.5) and set the deadline that follows (rules 5.6, 5.7)."""
    person = people[code]
    from_zone, from_maybe, visit, group = person.zone, person.maybe, person.visit, person.group
    absence_us, timeout_us = settings[0].absence_us, settings[0].timeout_us
    entrance = zones[to_zone].entrance
    known_at = signal.now
    if person.seen_at <= signal.received_at + 1_000 * settings[0].clock_offset_limit_ms:
        at = max(at, person.seen_at)
    certain = basis in (DETECTED, MANUAL)
    proper = True
    if from_zone == NOWHERE and to_zone != NOWHERE:
        visit = signal.position
        proper = basis == MANUAL or entrance or other_zone == NOWHERE
        if not proper:
            basis = INFERRED
            certain = False
    maybe = to_zone if certain else from_maybe if from_zone == to_zone else from_zone
    # What is read stands above: what is written below, twice in part, is then written once.
    kind = REPEATED if from_zone == to_zone else MOVED
    row = crossing_row(crossings, crossings_size, kind, i, at, known_at)
    row.person = code
    row.point = point
    row.group = group
    row.from_zone = from_zone
    row.from_maybe = from_maybe
    row.to_zone = to_zone
    row.maybe = maybe
    row.other_zone = other_zone
    row.late = late
    row.proper = proper
    row.basis = basis
    row.visit = visit
    row.cause = cause
    row.second_cause = second_cause
    person.seen_at = at
    person.seen_position = cause if second_cause == NONE else second_cause
    person.zone = to_zone
    person.maybe = maybe
    person.visit = NONE if to_zone == NOWHERE else visit
    if to_zone != NOWHERE and entrance and absence_us != NEVER:
        set_deadline(person, code, ABSENCE_DEADLINE, at + absence_us, near, near_size, links, marks)
    elif to_zone != NOWHERE:
        set_deadline(person, code, TIMEOUT_DEADLINE, at + timeout_us, near, near_size, links, marks)
    elif maybe != NOWHERE:
        person.basis = basis
        set_deadline(person, code, SETTLING_DEADLINE, at + timeout_us, near, near_size, links, marks)
    else:
        person.due = NEVER


@inlined
def meet_deadline(
    person: Any, code: int, due: int, i: int, signal: Any, settings: Any,
    near: Any, near_size: Any, links: Any, marks: Any, crossings: Any, crossings_size: Any,
) -> None:  # fmt: skip
    """A person has left without a reading, or is certain to have (rules 5.6, 5.7)."""
    settling = person.deadline == SETTLING_DEADLINE
    row = crossing_row(
        crossings, crossings_size, SETTLED if settling else MOVED, i,
        due if settling else person.seen_at, max(due, signal.before),
    )  # fmt: skip
    row.person = code
    row.from_zone = person.zone
    row.from_maybe = person.maybe
    row.to_zone = NOWHERE
    row.cause = person.seen_position
    row.visit = person.visit
    person.due = NEVER
    if settling:
        row.basis = person.basis
        person.maybe = NOWHERE
    else:
        person.basis = INFERRED if person.deadline == ABSENCE_DEADLINE else TIMEOUT
        row.basis = person.basis
        person.maybe = person.zone
        person.zone = NOWHERE
        person.visit = NONE
        settled_at = person.seen_at + settings[0].timeout_us
        set_deadline(person, code, SETTLING_DEADLINE, settled_at, near, near_size, links, marks)
    row.maybe = person.maybe


@inlined
def drop_grant(pending: Any, row: int, people: Any, points: Any) -> None:
    """Take a pending grant off its point's list and free its row; row 0 heads the free list."""
    grant = pending[row]
    point = points[grant.point]
    if point.pending == row:
        point.pending = grant.next
    else:
        before = point.pending
        while pending[before].next != row:
            before = pending[before].next
        pending[before].next = grant.next
    people[grant.person].pending = 0
    grant.next = pending[0].next
    pending[0].next = row


@inlined
def not_taken(
    grant: Any, i: int, occurred_at: int, known_at: int, events: Any, size: Any, causes: Any, causes_size: Any
) -> None:
    """Tell that a granted person never went (rule 5.4)."""
    event = emit(events, size, NOT_TAKEN, i, occurred_at, known_at)
    event.person = grant.person
    event.point = grant.point
    event.zone = grant.to_zone
    because(event, causes, causes_size, grant.position)


@inlined
def add_grant(pending: Any, used: Any, signal: Any, due: int, people: Any, points: Any) -> None:
    """Put a grant at the end of its point's list."""
    row = pending[0].next
    if row != 0:
        pending[0].next = pending[row].next
    else:
        row = used[0]
        used[0] += 1
    grant = pending[row]
    grant.due = due
    grant.position = signal.position
    grant.person = signal.person
    grant.point = signal.point
    grant.to_zone = signal.to_zone
    grant.other_zone = signal.other_zone
    grant.direction = signal.direction
    grant.next = 0
    people[signal.person].pending = row
    point = points[signal.point]
    if point.pending == 0:
        point.pending = row
        return
    last = point.pending
    while pending[last].next != 0:
        last = pending[last].next
    pending[last].next = row


@inlined
def fire(
    i: int, signal: Any, people: Any, points: Any, pending: Any, grants: Any, grants_span: Any,
    near: Any, near_size: Any, links: Any, marks: Any, passages: Any, passages_size: Any, settings: Any,
    crossings: Any, crossings_size: Any, events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    """Fire every timer that is due, by (due, subject); then grants, deadlines, passages (rule 1.3)."""
    if signal.now >> SPAN_BITS > marks[0]:
        begin_spans(signal.now, people, near, near_size, links, marks)
    moment = min(signal.occurred_at, signal.received_at)
    while True:
        grant_due = grants[grants_span[0]].due if grants_span[0] < grants_span[1] else NEVER
        timer_due = near[0].due if near_size[0] > 0 else NEVER
        passage_due = passages[0].due if passages_size[0] > 0 else NEVER
        due = min(grant_due, timer_due, passage_due)
        if due > moment:
            return
        known_at = max(due, signal.before)
        if grant_due == due:
            code = grants[grants_span[0]].subject
            if (timer_due > due or code <= near[0].subject) and (
                passage_due > due or code <= passages[0].subject
            ):
                grants_span[0] += 1
                waiting = people[code].pending
                if waiting != 0 and pending[waiting].due == due:
                    not_taken(pending[waiting], i, due, known_at, events, size, causes, causes_size)
                    drop_grant(pending, waiting, people, points)
                continue
        if timer_due == due and (passage_due > due or near[0].subject <= passages[0].subject):
            code = near[0].subject
            pop(near, near_size)
            person = people[code]
            if person.armed == due:
                person.armed = NEVER
                if person.due == due:
                    meet_deadline(
                        person, code, due, i, signal, settings, near, near_size, links, marks,
                        crossings, crossings_size,
                    )  # fmt: skip
                elif person.due != NEVER:
                    arm(person, code, near, near_size, links, marks)
            continue
        passage = passages[0]
        row = crossing_row(crossings, crossings_size, PASSAGE_SETTLED, i, due, known_at)
        row.point = passage.subject
        row.from_zone = passage.from_zone
        row.to_zone = passage.to_zone
        row.number = passage.number
        row.cause = passage.turn
        pop(passages, passages_size)


@stage
def cross(
    signals: Any, first: int, last: int, people: Any, zones: Any, points: Any, pending: Any,
    pending_used: Any, grants: Any, grants_span: Any, near: Any, near_size: Any, links: Any, marks: Any,
    passages: Any, passages_size: Any, settings: Any, crossings: Any, crossings_size: Any, events: Any,
    size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    """Write a crossing for every move, repeat, settling and unregistered passage, in the order decided."""
    for i in range(first, last):
        signal = signals[i]
        if i + AHEAD < len(signals):
            prefetch(people, signals[i + AHEAD].person)
        fire(
            i, signal, people, points, pending, grants, grants_span, near, near_size, links, marks, passages,
            passages_size, settings, crossings, crossings_size, events, size, causes, causes_size,
        )  # fmt: skip
        at = signal.occurred_at
        if signal.category == CONTROL:
            if signal.action == PLACED:
                move(
                    people, signal.person, zones, signal.to_zone, ANYWHERE, 0, at, MANUAL, False,
                    signal.position, NONE, i, signal, settings, near, near_size, links,
                    marks, crossings, crossings_size,
                )  # fmt: skip
            continue
        if not signal.resolved:
            continue
        point = points[signal.point]
        if signal.category == CREDENTIAL and signal.action == GRANTED:
            person = people[signal.person]
            if signal.late and at < person.seen_at:
                event = emit(events, size, CORRECTED, i, at, signal.now)
                event.person = signal.person
                event.point = signal.point
                event.zone = signal.to_zone
                if signal.other_zone != ANYWHERE and signal.other_zone != signal.to_zone:
                    event.maybe_zone = signal.other_zone
                event.basis = ASSUMED
                event.late = True
                because(event, causes, causes_size, signal.position)
            elif signal.late or not point.contact or signal.was_open:
                if not signal.late and signal.direction == OUT:
                    point.moved_out += 1
                elif not signal.late:
                    point.moved_in += 1
                move(
                    people, signal.person, zones, signal.to_zone, signal.other_zone, signal.point, at,
                    ASSUMED, signal.late, signal.position, NONE, i, signal, settings, near, near_size, links,
                    marks, crossings, crossings_size,
                )  # fmt: skip
            else:
                if person.pending != 0:
                    not_taken(pending[person.pending], i, at, signal.now, events, size, causes, causes_size)
                    drop_grant(pending, person.pending, people, points)
                due = at + settings[0].detect_within_us
                add_grant(pending, pending_used, signal, due, people, points)
                enqueue(grants, grants_span, due, signal.person)
        elif signal.late:
            continue
        elif signal.category == DOOR and signal.action == OPENED:
            if point.pending == 0:
                continue
            signal.explained = True
            basis = DETECTED if pending[point.pending].next == 0 else ASSUMED
            while point.pending != 0:
                row = point.pending
                grant = pending[row]
                if grant.direction == OUT:
                    point.moved_out += 1
                else:
                    point.moved_in += 1
                move(
                    people, grant.person, zones, grant.to_zone, grant.other_zone, grant.point, at, basis,
                    False, grant.position, signal.position, i, signal, settings, near, near_size, links,
                    marks, crossings, crossings_size,
                )  # fmt: skip
                drop_grant(pending, row, people, points)
        elif signal.category == COUNT and signal.action == COUNTED and signal.passed != NONE:
            moved = point.moved_out if signal.direction == OUT else point.moved_in
            if signal.direction == OUT:
                point.moved_out = 0
            else:
                point.moved_in = 0
            if signal.passed > moved and point.from_zone != ANYWHERE:
                row = crossing_row(crossings, crossings_size, PASSED, i, at, signal.now)
                row.point = signal.point
                row.from_zone = signal.other_zone
                row.to_zone = signal.to_zone
                row.number = signal.passed - moved
                row.cause = signal.position
                due = at + settings[0].timeout_us
                place = push(passages, passages_size, due, signal.point, signal.position)
                passage = passages[place]
                passage.from_zone = signal.other_zone
                passage.to_zone = signal.to_zone
                passage.number = row.number
