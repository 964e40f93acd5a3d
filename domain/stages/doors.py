"""Doors: opened, closed, forced, held (rules 9)."""

from typing import Any, Final

from domain.kernels import inlined, stage
from domain.output import because, emit
from domain.records import CLOSED, DOOR, EXIT_REQUESTED, FORCED, HELD, NO_VALUE, NONE, OPENED, TOPIC
from domain.timers import NEVER, enqueue
from domain.times import SECOND_US
from domain.vocabulary import Topic

DOOR_OPENED: Final = TOPIC[Topic.DOOR_OPENED]
DOOR_CLOSED: Final = TOPIC[Topic.DOOR_CLOSED]
DOOR_FORCED: Final = TOPIC[Topic.DOOR_FORCED]
DOOR_HELD: Final = TOPIC[Topic.DOOR_HELD]


@inlined
def tell_door(
    topic: int, action: int, i: int, point: int, occurred_at: int, known_at: int, cause: int, value: int,
    changes: Any, changes_size: Any, events: Any, size: Any, causes: Any, causes_size: Any,
) -> Any:  # fmt: skip
    """Emit a door's event; one that detectors look at (action not 0) is also a change of door."""
    event = emit(events, size, topic, i, occurred_at, known_at)
    event.point = point
    event.value = value
    because(event, causes, causes_size, cause)
    if action != 0:
        change = changes[changes_size[0]]
        changes_size[0] += 1
        change.signal = i
        change.point = point
        change.action = action
        change.occurred_at = occurred_at
        change.known_at = known_at
        change.cause = cause
        change.value = value
    return event


@stage
def watch_doors(
    signals: Any, first: int, last: int, points: Any, helds: Any, helds_span: Any, settings: Any,
    changes: Any, changes_size: Any, events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    """Emit at most two events a signal, and one for each held timer that falls due."""
    held_open_us = settings[0].held_open_us
    allowed = held_open_us // SECOND_US
    for i in range(first, last):
        signal = signals[i]
        moment = min(signal.occurred_at, signal.received_at)
        while helds_span[0] < helds_span[1] and helds[helds_span[0]].due <= moment:
            due = helds[helds_span[0]].due
            code = helds[helds_span[0]].subject
            helds_span[0] += 1
            door = points[code]
            if door.held_due == due and not door.held:
                door.held = True
                timed = (due - door.opened_at) // SECOND_US
                tell_door(
                    DOOR_HELD, HELD, i, code, due, max(due, signal.before), door.opened_position, timed,
                    changes, changes_size, events, size, causes, causes_size,
                ).limit = timed  # fmt: skip
        if signal.category != DOOR or not signal.resolved or signal.late:
            continue
        at = signal.occurred_at
        door = points[signal.point]
        if signal.action == EXIT_REQUESTED:
            door.exit_requested_at = at
        elif signal.action == OPENED or signal.action == FORCED:
            if not signal.was_open:
                door.opened_at = at
                door.opened_position = signal.position
                door.held = False
                door.held_due = at + held_open_us
                enqueue(helds, helds_span, door.held_due, signal.point)
            forced = signal.action == FORCED
            if signal.action == OPENED and not signal.was_open:
                tell_door(
                    DOOR_OPENED, 0, i, signal.point, at, signal.now, signal.position, NO_VALUE,
                    changes, changes_size, events, size, causes, causes_size,
                )  # fmt: skip
                asked = (
                    door.exit_requested_at != NONE
                    and door.exit_requested_at <= at
                    and at - door.exit_requested_at <= settings[0].exit_request_us
                )
                forced = door.contact and not signal.explained and not asked
            if forced:
                tell_door(
                    DOOR_FORCED, FORCED, i, signal.point, at, signal.now, signal.position, NO_VALUE,
                    changes, changes_size, events, size, causes, causes_size,
                )  # fmt: skip
        elif signal.action == CLOSED and signal.was_open:
            held = CLOSED if door.held else 0  # to a rule, closing matters after standing open too long
            tell_door(
                DOOR_CLOSED, held, i, signal.point, at, signal.now, signal.position,
                (at - door.opened_at) // SECOND_US,
                changes, changes_size, events, size, causes, causes_size,
            )  # fmt: skip
            door.held_due = NEVER
            door.held = False
        elif signal.action == HELD and signal.was_open and not door.held:
            door.held = True
            tell_door(
                DOOR_HELD, HELD, i, signal.point, at, signal.now, signal.position, allowed,
                changes, changes_size, events, size, causes, causes_size,
            ).limit = allowed  # fmt: skip
