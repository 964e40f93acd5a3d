"""What the history is told: signals and events, so many minutes after nine."""

from typing import Any

import msgspec

from domain.event import Event
from domain.signal import Credential, Signal, Time, signal_id
from domain.vocabulary import Action, Basis, Category, Topic
from projections.client import History
from projections.sink import Sink
from tests.history_fixture import ListLog

NINE = 1_699_945_200_000_000
"""2023-11-14 09:00 in Athens."""
MINUTE = 60_000_000


def at(minutes: float) -> int:
    """Return UTC microseconds so many minutes after nine."""
    return NINE + int(minutes * MINUTE)


def clock(minutes: float) -> str:
    """Return the same as an answer writes it."""
    return f"2023-11-14T{9 + int(minutes) // 60:02}:{int(minutes) % 60:02}:00+02:00"


def signal(position: int, minutes: float, **fields: Any) -> Signal:
    """Return a granted reading, or what `fields` make of it."""
    plain = Signal(
        id=signal_id(str(position)),
        site="lab",
        device="reader",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(at(minutes), at(minutes)),
        point="front",
    )
    return msgspec.structs.replace(plain, **fields)


def event(position: int, topic: Topic, minutes: float, *, known: float | None = None, **fields: Any) -> Event:
    """Return an event decided by the signal at `position`, known when it happened unless said otherwise."""
    plain = Event(
        id=f"lab:{position}:{fields.get('ordinal', 0)}",
        site="lab",
        topic=topic,
        position=position,
        ordinal=0,
        occurred_at=at(minutes),
        known_at=at(minutes if known is None else known),
        causes=(position,),
    )
    return msgspec.structs.replace(plain, **fields)


def fill(history: History, *items: Signal | Event) -> ListLog:
    """Put signals and events into the history through the sink; return the log."""
    log = ListLog()
    log.add(*items)
    Sink(history, log, 0).catch_up()
    return log


def a_visit(person: str, first: int, start: float, end: float | None) -> list[Event]:
    """Return a visit through the lobby into the office, its events at positions from `first`."""
    visit: dict[str, Any] = {"visit": f"lab:visit:{first}", "person": person}
    items = [
        event(first, Topic.VISIT_STARTED, start, zone="lobby", basis=Basis.ASSUMED, **visit),
        event(first, Topic.ZONE_ENTERED, start, ordinal=1, zone="lobby", basis=Basis.ASSUMED, **visit),
        event(first + 1, Topic.ZONE_ENTERED, start + 5, zone="office", basis=Basis.DETECTED, **visit),
    ]
    if end is not None:
        items.append(event(first + 2, Topic.SITE_LEFT, end, basis=Basis.TIMEOUT, **visit))
        items.append(
            event(first + 2, Topic.VISIT_ENDED, end, ordinal=1, zone="office", basis=Basis.TIMEOUT, **visit)
        )
    return items


def loaded(position: int, minutes: float, kind: str, document: dict[str, Any], **more: Any) -> Signal:
    """Return the control signal that loads a document."""
    return signal(
        position,
        minutes,
        device="control",
        point=None,
        category=Category.CONTROL,
        action=Action.LOADED,
        data={"kind": kind, "document": document, **more},
    )


def directory(
    position: int, minutes: float, persons: list[dict[str, Any]], *, replace: bool = False
) -> Signal:
    """Return the control signal that loads a directory."""
    return loaded(position, minutes, "directory", {"persons": persons}, replace=replace)


def card(position: int, minutes: float, value: str) -> Signal:
    """Return a reading of a card that names no person."""
    return signal(position, minutes, credential=Credential("card", value))
