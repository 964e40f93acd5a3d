"""Resolve, and device health (rules.md 3 and 4)."""

from dataclasses import dataclass

from domain.signal import Signal
from domain.vocabulary import OUTSIDE, Action, Category, Delivery, Direction, Topic

from .world import MINUTE, SECOND, Holding, Step, World, span


@dataclass(frozen=True)
class Resolved:
    """What the resolve stage made of a signal. Zones are those of 3.2, for signals at a known point."""

    person: str | None
    point: str | None
    zone: str | None
    other_side: str | None
    unresolved: bool
    late: bool


def holder(world: World, credential: str, at: int) -> str | None:
    """Return who held a credential at a time (3.1)."""
    held: list[tuple[Holding, str]] = [
        (holding, person.id)
        for person in sorted(world.persons.values(), key=lambda person: person.id)
        for holding in person.holdings
        if holding.hash == credential
    ]

    def begin(entry: tuple[Holding, str]) -> float:
        return float("-inf") if entry[0].valid_from is None else entry[0].valid_from

    begun = [entry for entry in held if begin(entry) <= at]
    valid = [entry for entry in begun if entry[0].valid_until is None or entry[0].valid_until > at]
    # Of holdings that begin together the one of the person whose id comes first counts (`held` is in that
    # order).
    for candidates in (valid, begun):
        if candidates:
            return max(candidates, key=begin)[1]
    return min(held, key=begin)[1] if held else None


def who(world: World, signal: Signal) -> str | None:
    """Return the person of a signal (3.1), who thereby appears in the log."""
    person = signal.person
    if person is None and signal.credential is not None:
        person = holder(world, signal.credential.hash, signal.time.occurred_at)
        if person is None:
            person = f"unknown:{signal.credential.hash}"
    if person is not None:
        world.person(person)
    return person


def sides(world: World, point: str, direction: Direction) -> tuple[str, str | None]:
    """Return where a reading at a point leads, and the point's other side (3.2)."""
    door = world.points[point]
    if direction != Direction.OUT:
        return door.to_zone, door.from_zone
    return (OUTSIDE if door.from_zone is None else door.from_zone), door.to_zone


def resolve(world: World, step: Step) -> Resolved:
    """Resolve a signal that is neither control nor clock."""
    signal = step.signal
    at = signal.time.occurred_at
    person = who(world, signal)
    point = signal.point if signal.point in world.current_points else None
    is_reading = signal.category == Category.CREDENTIAL
    # 3.3
    placed = signal.category in (Category.CREDENTIAL, Category.DOOR, Category.COUNT)
    unresolved = (placed and point is None) or (
        is_reading and signal.action == Action.GRANTED and person is None
    )
    if unresolved:
        world.emit(
            Topic.SIGNAL_UNRESOLVED,
            occurred_at=at,
            known_at=step.now,
            causes=(step.position,),
            person=person,
            device=signal.device,
        )
    zone, other_side = sides(world, point, signal.direction) if point is not None else (None, None)
    # 3.4
    machine = world.machine(signal.device)
    known = world.persons[person] if person is not None else None
    late = (machine.shown is not None and at < machine.shown) or (
        known is not None and known.shown is not None and at < known.shown
    )
    machine.shown = at if machine.shown is None else max(at, machine.shown)
    if known is not None and is_reading:
        known.shown = at if known.shown is None else max(at, known.shown)
    if late:
        # rules.md 3.4: a point that is not on the site is not carried here either; one that is, always.
        world.emit(
            Topic.SIGNAL_LATE,
            occurred_at=at,
            known_at=step.now,
            causes=(step.position,),
            person=person,
            device=signal.device,
            point=point,
            zone=zone if is_reading else None,
            late=True,
        )
    return Resolved(person, point, zone, other_side, unresolved, late)


def fire_silences(world: World, step: Step) -> None:
    """Fire the timers of device health (4.3)."""
    while True:
        due = [
            (machine.silence_due, machine.code, device)
            for device, machine in world.machines.items()
            if machine.silence_due is not None and machine.silence_due <= step.moment
        ]
        if not due:
            return
        at, _, device = min(due)
        machine = world.machines[device]
        machine.silence_due, machine.silent = None, True
        world.emit(
            Topic.DEVICE_SILENT,
            occurred_at=at,
            known_at=step.fired_at(at),
            causes=(machine.said_position,),
            device=device,
            value=machine.silence_allowed_s,
        )


def look_at_device(world: World, step: Step, late: bool) -> None:
    """Do the work of device health for a signal that is neither control nor clock."""
    signal = step.signal
    machine = world.machine(signal.device)

    def say(topic: Topic, value: int | None = None, limit: int | None = None) -> None:
        world.emit(
            topic,
            occurred_at=signal.time.occurred_at,
            known_at=step.now,
            causes=(step.position,),
            device=signal.device,
            value=value,
            limit=limit,
        )

    # rules.md 4: a signal's own events stand in the order of the rules: gap, clock, recovery.
    # 4.1
    seq = signal.seq
    if seq is not None:
        last = machine.seq
        if last is None or (seq in (0, 1) and seq < last):
            machine.seq = seq
        else:
            if seq > last + 1:
                say(Topic.DEVICE_GAP, seq - last - 1)
            machine.seq = max(last, seq)
    # 4.2
    if signal.delivery == Delivery.LIVE and not late:
        ahead_us = signal.time.occurred_at - signal.time.received_at
        offset_ms = abs(ahead_us) // 1000 * (1 if ahead_us > 0 else -1)
        limit_ms = world.policy.devices.clock_offset_limit_ms
        if abs(offset_ms) > limit_ms and not machine.drifted:
            machine.drifted = True
            say(Topic.DEVICE_CLOCK_DRIFTED, offset_ms, limit_ms)
        elif abs(offset_ms) <= limit_ms and machine.drifted:
            machine.drifted = False
            say(Topic.DEVICE_CLOCK_RECOVERED, offset_ms, limit_ms)
    # 4.3
    if machine.silent:
        machine.silent = False
        say(Topic.DEVICE_RECOVERED)
    machine.said_position = step.position
    known = world.devices.get(signal.device)
    # rules.md 4.3: armed with what the site says when the device speaks; a site applied later changes
    # neither the timers that run nor what they will report as allowed (the same for every timer).
    if known is None or known.silent_after_minutes is None:
        machine.silence_due = None
    else:
        allowed = span(known.silent_after_minutes, MINUTE)
        machine.silence_due = step.now + allowed
        machine.silence_allowed_s = allowed // SECOND
