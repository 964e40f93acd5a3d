"""Crossings: who is where (rules.md 5)."""

from dataclasses import dataclass

from domain.vocabulary import OUTSIDE, Action, Basis, Category, Direction, Topic

from .readings import Resolved, sides
from .world import (
    HOUR,
    MINUTE,
    SECOND,
    Deadline,
    Grant,
    Move,
    Passage,
    Person,
    Step,
    World,
    span,
)


def fire_crossings(world: World, step: Step) -> list[Move]:
    """Fire the timers of the crossings stage; return the moves they made."""
    moves: list[Move] = []
    while True:
        # 1.3: at one (due, code) grants, deadlines, then passages, these as they were made.
        due: list[tuple[int, int, int, Person | Passage]] = []
        for person in world.persons.values():
            if person.grant is not None:
                due.append((person.grant.due, person.code, 0, person))
            if person.deadline is not None:
                due.append((person.deadline.due, person.code, 1, person))
        due += [(passage.due, world.doors[passage.point].code, 2, passage) for passage in world.passages]
        due = [timer for timer in due if timer[0] <= step.moment]
        if not due:
            return moves
        at, _, kind, subject = min(due, key=lambda timer: timer[:3])
        known_at = step.fired_at(at)
        if isinstance(subject, Passage):
            world.passages.remove(subject)
            _passage(world, Topic.PASSAGE_SETTLED, subject, at, known_at)
        elif kind == 0:
            _not_taken(world, subject, at, known_at)
        else:
            moves += _deadline(world, subject, known_at)


def _passage(world: World, topic: Topic, passage: Passage, occurred_at: int, known_at: int) -> None:
    world.tell(
        topic,
        occurred_at=occurred_at,
        known_at=known_at,
        causes=(passage.cause,),
        point=passage.point,
        from_zone=passage.from_zone,
        zone=passage.zone,
        value=passage.count,
    )


def _not_taken(world: World, person: Person, occurred_at: int, known_at: int) -> None:
    grant = person.grant
    assert grant is not None
    person.grant = None
    world.emit(
        Topic.ENTRY_NOT_TAKEN,
        occurred_at=occurred_at,
        known_at=known_at,
        causes=(grant.position,),
        person=person.id,
        point=grant.point,
        zone=grant.zone,
    )


def _deadline(world: World, person: Person, known_at: int) -> list[Move]:
    """Fire a person's deadline (5.6, 5.7)."""
    deadline = person.deadline
    assert deadline is not None and person.seen_at is not None
    if deadline.kind == "settling":
        person.maybe, person.deadline = OUTSIDE, None
        world.tell(
            Topic.PRESENCE_SETTLED,
            occurred_at=deadline.due,
            known_at=known_at,
            causes=(deadline.cause,),
            person=person.id,
            basis=deadline.basis,
            visit=person.visit,
        )
        return []
    left = Move(
        person=person.id,
        from_zone=person.zone,
        zone=OUTSIDE,
        maybe=person.zone,
        occurred_at=person.seen_at,
        known_at=known_at,
        basis=deadline.basis,
        late=False,
        # rules.md 6.3: nobody passed a point, so none is carried.
        point=None,
        other_side=None,
        causes=(deadline.cause,),
        visit=person.visit,
        registered=True,
        reading=False,
    )
    person.zone, person.maybe, person.visit = OUTSIDE, left.from_zone, None
    due = person.seen_at + span(world.policy.presence.timeout_hours, HOUR)
    person.deadline = Deadline("settling", due, deadline.cause, deadline.basis)
    world.telling.append(left)
    return [left]


def move(
    world: World,
    step: Step,
    person_id: str,
    zone: str,
    basis: Basis,
    *,
    at: int,
    causes: tuple[int, ...],
    late: bool = False,
    point: str | None = None,
    other_side: str | None = None,
    direction: str = "in",
) -> Move:
    """Move a person (5.5), set the deadline (5.6, 5.7), and count the passage (5.10)."""
    person = world.person(person_id)
    before, was_certain = person.zone, person.maybe == person.zone
    if point is not None and not late:
        world.doors[point].moved[direction] += 1
    registered = True
    tolerated = step.signal.time.received_at + 1_000 * world.policy.devices.clock_offset_limit_ms
    if person.seen_at is not None and person.seen_at <= tolerated:  # a
        at = max(at, person.seen_at)
    person.seen_at = at
    if zone == before:  # b, e
        if basis in (Basis.DETECTED, Basis.MANUAL):
            person.maybe = zone
            if not was_certain:
                world.tell(
                    Topic.PRESENCE_SETTLED,
                    occurred_at=at,
                    known_at=step.now,
                    causes=causes,
                    person=person_id,
                    zone=zone if zone != OUTSIDE else None,
                    point=point,
                    basis=basis,
                    visit=person.visit,
                )
    else:
        if before == OUTSIDE:  # c
            person.visit = f"{world.site_id}:visit:{step.position}:{person.id}"
            registered = world.zones[zone].entrance or other_side == OUTSIDE
            if not registered and basis != Basis.MANUAL:
                basis = Basis.INFERRED
        person.zone = zone  # d
        person.maybe = zone if basis in (Basis.DETECTED, Basis.MANUAL) else before
    moved = Move(
        person=person_id,
        from_zone=before,
        zone=zone,
        maybe=person.maybe,
        occurred_at=at,
        known_at=step.now,
        basis=basis,
        late=late,
        point=point,
        other_side=other_side,
        causes=causes,
        visit=person.visit,
        registered=registered,
        reading=point is not None,
    )
    world.telling.append(moved)
    if zone == OUTSIDE:  # e
        person.visit = None
    _set_deadline(world, person, step.position, basis)
    return moved


def _set_deadline(world: World, person: Person, position: int, basis: Basis) -> None:
    """Replace the person's deadline after a move or repeat (5.6, 5.7).

    rules.md 5.6: "the reading that set it" is the signal that decided the move (for a detected one the
    opening), as in 1.5.
    """
    presence = world.policy.presence
    assert person.seen_at is not None
    timeout_due = person.seen_at + span(presence.timeout_hours, HOUR)
    if person.zone != OUTSIDE:
        if world.zones[person.zone].entrance and presence.absence_minutes is not None:
            due = person.seen_at + span(presence.absence_minutes, MINUTE)
            person.deadline = Deadline("absence", due, position, Basis.INFERRED)
        else:
            person.deadline = Deadline("timeout", timeout_due, position, Basis.TIMEOUT)
    elif person.maybe != OUTSIDE:
        # rules.md 5.7: settles on the basis of the exit (assumed); a repeat to outside of somebody who is
        # not certainly there sets it anew, from the new seen_at and with the repeat's basis.
        person.deadline = Deadline("settling", timeout_due, position, basis)
    else:
        person.deadline = None


@dataclass(frozen=True)
class Crossed:
    """What the crossings stage made of a signal: the moves, and whether an opening is explained (5.3)."""

    moves: list[Move]
    explained: bool = False


def look_at_crossing(world: World, step: Step, resolved: Resolved) -> Crossed:
    """Do the work of the crossings stage for a resolved signal."""
    match step.signal.category, step.signal.action:
        case Category.CREDENTIAL, Action.GRANTED:
            return Crossed(_granted(world, step, resolved))
        case Category.DOOR, Action.OPENED if not resolved.late:
            return _opened(world, step, resolved)
        case Category.COUNT, Action.COUNTED if not resolved.late:
            _counted(world, step, resolved)
    return Crossed([])


def _granted(world: World, step: Step, resolved: Resolved) -> list[Move]:
    signal, at = step.signal, step.signal.time.occurred_at
    assert resolved.person is not None and resolved.point is not None and resolved.zone is not None
    person = world.person(resolved.person)
    direction = "out" if signal.direction == Direction.OUT else "in"
    if resolved.late and person.seen_at is not None and at < person.seen_at:  # 5.8b
        differs = resolved.other_side is not None and resolved.other_side != resolved.zone
        world.emit(
            Topic.PRESENCE_CORRECTED,
            occurred_at=at,
            known_at=step.now,
            causes=(step.position,),
            person=person.id,
            zone=resolved.zone,
            maybe_zone=resolved.other_side if differs else None,
            point=resolved.point,
            basis=Basis.ASSUMED,
            late=True,
        )
        return []
    contact = world.points[resolved.point].contact
    if resolved.late or not contact or world.doors[resolved.point].open:  # 5.8a, 5.2a, 5.2b
        return [
            move(
                world,
                step,
                person.id,
                resolved.zone,
                Basis.ASSUMED,
                at=at,
                causes=(step.position,),
                late=resolved.late,
                point=resolved.point,
                other_side=resolved.other_side,
                direction=direction,
            )
        ]
    if person.grant is not None:  # 5.2c
        _not_taken(world, person, at, step.now)
    # rules.md 5.3: a grant leads where its point led when it was granted, and waits as long as the policy
    # then said: whatever is applied in between changes nothing that is already armed.
    due = at + span(world.policy.presence.detect_within_seconds, SECOND)
    person.grant = Grant(step.position, resolved.point, resolved.zone, resolved.other_side, direction, due)
    return []


def _opened(world: World, step: Step, resolved: Resolved) -> Crossed:
    """Take every pending grant at the point (5.3)."""
    granted = [
        (person.grant, person)
        for person in world.persons.values()
        if person.grant is not None and person.grant.point == resolved.point
    ]
    granted.sort(key=lambda pair: pair[0].position)
    moves: list[Move] = []
    for grant, person in granted:
        person.grant = None
        moves.append(
            move(
                world,
                step,
                person.id,
                grant.zone,
                Basis.DETECTED if len(granted) == 1 else Basis.ASSUMED,
                at=step.signal.time.occurred_at,
                causes=(grant.position, step.position),
                point=grant.point,
                other_side=grant.other_side,
                direction=grant.direction,
            )
        )
    return Crossed(moves, explained=bool(granted))


def _counted(world: World, step: Step, resolved: Resolved) -> None:
    """Find unregistered passages (5.10)."""
    signal = step.signal
    assert resolved.point is not None
    if signal.count is None:
        # rules.md 5.10: a count that counts nothing is not looked at, and restarts nothing.
        return
    direction = "out" if signal.direction == Direction.OUT else "in"
    door = world.doors[resolved.point]
    unregistered = signal.count.interval - door.moved[direction]
    door.moved[direction] = 0
    if unregistered <= 0 or world.points[resolved.point].from_zone is None:
        return
    zone, other_side = sides(world, resolved.point, signal.direction)
    assert other_side is not None
    at = signal.time.occurred_at
    due = at + span(world.policy.presence.timeout_hours, HOUR)
    passage = Passage(resolved.point, other_side, zone, unregistered, due, step.position)
    world.passages.append(passage)
    _passage(world, Topic.PASSAGE_UNREGISTERED, passage, at, step.now)
