"""Logs of readings and moves, and whether a history is one of them, once."""

from typing import Any

import msgspec

from domain.event import Event
from domain.signal import Signal, Time, signal_id
from domain.vocabulary import (
    Action,
    Basis,
    Category,
    Severity,
    Topic,
)
from projections.client import History
from projections.verify import verify
from tests.history_fixture import ListLog

NOON = 1_700_000_000_000_000
MINUTE = 60_000_000


def a_signal(number: int, **changes: Any) -> Signal:
    """Return a plain granted reading, the `number`-th of its device."""
    signal = Signal(
        id=signal_id("reader", str(number)),
        site="lab",
        device="reader",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(NOON + number * MINUTE, NOON + number * MINUTE),
        point="front",
        seq=number,
    )
    return msgspec.structs.replace(signal, **changes)


def a_move(position: int, person: str, zone: str | None, **changes: Any) -> Event:
    """Return the event of a person entering a zone, or leaving (None)."""
    event = Event(
        id=f"lab:{position}:0",
        site="lab",
        topic=Topic.SITE_LEFT if zone is None else Topic.ZONE_ENTERED,
        position=position,
        ordinal=0,
        occurred_at=NOON + position * MINUTE,
        known_at=NOON + position * MINUTE,
        person=person,
        zone=zone,
        visit=f"lab:visit:{person}",
        basis=Basis.ASSUMED,
        causes=(position,),
    )
    return msgspec.structs.replace(event, **changes)


def a_log(count: int) -> ListLog:
    """Return a log of readings, each with a move and, now and then, a visit and an alert."""
    log = ListLog()
    for number in range(count):
        move = a_move(number, f"p{number % 7}", ("lobby", "office", "yard", None)[number % 4])
        log.add(a_signal(number, person=f"p{number % 7}"), move)
        if number % 3 == 0:
            log.add(msgspec.structs.replace(move, id=f"lab:{number}:1", ordinal=1, topic=Topic.VISIT_STARTED))
        if number % 5 == 0:
            alert = {
                "rule": "after_hours",
                "alert": f"lab:after_hours:{number}",
                "severity": Severity.WARNING,
            }
            log.add(
                msgspec.structs.replace(
                    move, id=f"lab:{number}:2", ordinal=2, topic=Topic.ALERT_RAISED, **alert
                )
            )
    return log


def is_exact(history: History, log: ListLog) -> bool:
    """Say whether the history is the log, once."""
    heads = {"signals_head": len(log.signals), "events_head": len(log.events)}
    return bool(verify(history, log, 0, **heads)["ok"])
