"""Older versions of signals and events are read as the newest (CONTRIBUTING.md, law 4)."""

from typing import Any

import msgspec
import pytest

from domain import event as events
from domain import signal as signals
from domain.errors import UnreadableEvent, UnreadableSignal
from domain.event import Event, read_event, write_event
from domain.signal import Signal, Time, read_signal, write_signal
from domain.vocabulary import Action, Category, Topic

SIGNAL = Signal(
    id="0" * 32,
    site="s",
    device="d",
    category=Category.DOOR,
    action=Action.OPENED,
    time=Time(1, 2),
    point="p",
)
EVENT = Event(id="s:0:0", site="s", topic=Topic.DOOR_OPENED, position=0, ordinal=0, occurred_at=1, known_at=2)


def _door_to_point(fields: dict[str, Any]) -> dict[str, Any]:
    """Version 0, which never was, had `door` in place of `point`."""
    return {**{name: fields[name] for name in fields if name != "door"}, "point": fields["door"]}


def _older_signal(version: int | str = 0, **fields: Any) -> bytes:
    envelope = msgspec.json.decode(write_signal(SIGNAL))
    del envelope["data"]["point"]
    envelope["data"] |= fields
    return msgspec.json.encode(envelope | {"dataschema": f"urn:limen:signal:{version}"})


def _older_event(version: object = 0, **fields: Any) -> bytes:
    return msgspec.json.encode(msgspec.json.decode(write_event(EVENT)) | {"schema": version} | fields)


def test_an_older_signal_is_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """What version 0 called a door is the point, and without the step from 0 it cannot be read."""
    wire = _older_signal(door="p")
    with pytest.raises(UnreadableSignal, match="unknown schema"):
        read_signal(wire)
    monkeypatch.setitem(signals.UPCASTERS, 0, _door_to_point)
    assert read_signal(wire) == SIGNAL
    with pytest.raises(UnreadableSignal, match="not the fields of version 0"):
        read_signal(_older_signal())


def test_an_older_event_is_brought_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same for events, and where it had a word that no event has today."""
    wire = _older_event(door="p", topic="door.sprung")
    with pytest.raises(UnreadableEvent, match="unknown event schema 0"):
        read_event(wire)
    monkeypatch.setitem(events.UPCASTERS, 0, lambda old: _door_to_point(old) | {"topic": "door.opened"})
    assert read_event(wire) == msgspec.structs.replace(EVENT, point="p")
    with pytest.raises(UnreadableEvent, match="not the fields of version 0"):
        read_event(_older_event())


@pytest.mark.parametrize("version", [2, "", "one", "²", "9" * 5_000])
def test_versions_that_are_none_are_unreadable(version: int | str) -> None:
    """A newer version, or none at all, is told as such."""
    with pytest.raises(UnreadableSignal, match="unknown schema"):
        read_signal(_older_signal(version))
    with pytest.raises(UnreadableEvent, match=r"unknown event schema|not an event"):
        read_event(_older_event(version))


@pytest.mark.parametrize("version", [1, 0])
def test_an_event_nested_without_end_is_unreadable(version: int) -> None:
    """Whoever reads the log meets the one error that stands for all such bytes, whatever their version."""
    deep = _older_event(version, detail={"a": "x"}).replace(b'"x"', b"[" * 100_000 + b"]" * 100_000)
    with pytest.raises(UnreadableEvent, match="not an event"):
        read_event(deep)
