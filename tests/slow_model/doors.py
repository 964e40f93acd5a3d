"""Doors (rules.md 9)."""

from dataclasses import dataclass

from domain.vocabulary import Action, Category, Topic

from .readings import Resolved
from .world import SECOND, Step, World, span


@dataclass(frozen=True)
class DoorFact:
    """A door event, for the detectors behind it (10.7)."""

    topic: Topic
    point: str
    occurred_at: int
    known_at: int
    causes: tuple[int, ...]
    value: int | None = None
    limit: int | None = None


def _say(world: World, fact: DoorFact) -> DoorFact:
    world.emit(
        fact.topic,
        occurred_at=fact.occurred_at,
        known_at=fact.known_at,
        causes=fact.causes,
        point=fact.point,
        value=fact.value,
        limit=fact.limit,
    )
    return fact


def fire_doors(world: World, step: Step) -> list[DoorFact]:
    """Fire the timers of doors held open (9.4)."""
    facts: list[DoorFact] = []
    while True:
        due = [
            (door.held_due, door.code, point)
            for point, door in world.doors.items()
            if door.held_due is not None and door.held_due <= step.moment
        ]
        if not due:
            return facts
        at, _, point = min(due)
        door = world.doors[point]
        door.held_due, door.held = None, True
        allowed = door.held_allowed_s
        causes = (door.opened_position,)
        facts.append(
            _say(world, DoorFact(Topic.DOOR_HELD, point, at, step.fired_at(at), causes, allowed, allowed))
        )


def look_at_door(world: World, step: Step, resolved: Resolved, explained: bool) -> list[DoorFact]:
    """Do the work of the doors stage for a resolved signal."""
    signal, at, point = step.signal, step.signal.time.occurred_at, resolved.point
    if signal.category != Category.DOOR or resolved.late or point is None:
        return []
    door, policy = world.doors[point], world.policy.doors

    def say(topic: Topic, value: int | None = None, limit: int | None = None) -> DoorFact:
        return _say(world, DoorFact(topic, point, at, step.now, (step.position,), value, limit))

    def open_door() -> None:
        held_open = span(policy.held_open_seconds, SECOND)
        door.open, door.held, door.opened_at, door.opened_position = True, False, at, step.position
        door.held_due, door.held_allowed_s = at + held_open, held_open // SECOND

    match signal.action:
        case Action.EXIT_REQUESTED:
            door.exit_requests.append(at)
        case Action.OPENED if not door.open:  # 9.1
            open_door()
            facts = [say(Topic.DOOR_OPENED)]
            # rules.md 9.1: the last request is not used up by an opening.
            window = span(policy.exit_request_seconds, SECOND)
            requested = any(0 <= at - request <= window for request in door.exit_requests[-1:])
            if world.points[point].contact and not explained and not requested:
                facts.append(say(Topic.DOOR_FORCED))
            return facts
        case Action.CLOSED if door.open:  # 9.2
            # rules.md 9.2: negative when another device's clock has it closed before it was opened.
            door.open, door.held_due = False, None
            return [say(Topic.DOOR_CLOSED, (at - door.opened_at) // SECOND)]
        case Action.FORCED:  # 9.3
            if not door.open:
                open_door()
            return [say(Topic.DOOR_FORCED)]
        case Action.HELD if door.open and not door.held:  # 9.4
            # rules.md 9.4: "the same" value and limit: what the policy in force allows.
            door.held, door.held_due = True, None
            allowed = span(policy.held_open_seconds, SECOND) // SECOND
            return [say(Topic.DOOR_HELD, allowed, allowed)]
    return []
