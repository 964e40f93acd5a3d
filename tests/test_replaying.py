"""Replaying columns decides what deciding signals does, however the columns are cut and encoded."""

import json
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pytest

from domain.columns import signal_columns
from domain.signal import Credential, Signal, Time, signal_id
from domain.vocabulary import Action, Category, Direction
from infra.control import decision
from streams.engine import Engine
from streams.replaying import replay, replay_events

START_US = 1_700_000_000_000_000
SITE = {
    "id": "s",
    "time_zone": "UTC",
    "zones": [{"id": "hall", "entrance": True}, {"id": "room"}],
    "points": [
        {"id": "gate", "to_zone": "hall", "from_zone": "outside"},
        {"id": "door", "to_zone": "room", "from_zone": "hall", "contact": True},
    ],
}
CLOSED = {
    "kind": "alert_case",
    "alert": "s:missed_registration:anna:1",
    "decision": "closed",
    "by": "desk",
    "version": 1,
}
STRINGS = ("device", "point", "credential", "person", "category", "action", "direction", "delivery", "data")


def control(kind: str, document: dict[str, Any]) -> Signal:
    """Return a signal that loads a document."""
    return Signal(
        id=kind,
        site="s",
        device="limen",
        category=Category.CONTROL,
        action=Action.LOADED,
        time=Time(START_US, START_US),
        data={"kind": kind, "document": document},
    )


def reading(number: int, point: str, card: str | None, person: str | None = None) -> Signal:
    """Return a granted reading, one a minute."""
    at = START_US + number * 60_000_000
    return Signal(
        id=str(number),
        site="s",
        device=f"reader-{point}",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(at, at),
        point=point,
        direction=Direction.IN,
        credential=None if card is None else Credential("card", card),
        person=person,
        seq=number,
    )


def story() -> list[Signal]:
    """Return documents, readings by holders, strangers and named persons, a placement and a decision."""
    placed = Signal(
        id="placed",
        site="s",
        device="limen",
        category=Category.CONTROL,
        action=Action.PLACED,
        time=Time(START_US + 400_000_000, START_US + 400_000_000),
        person="anna",
        data={"zone": "room"},
    )
    persons = [
        {"id": "anna", "credentials": [{"hash": "c1"}]},
        {"id": "ben", "credentials": [{"hash": "c2"}]},
    ]
    return [
        control("site", SITE),
        control("policy", {"rules": {"missed_registration": {}}}),
        reading(1, "gate", "c1"),
        reading(2, "gate", "c2"),
        control("directory", {"persons": persons}),
        reading(3, "gate", "c1"),
        reading(4, "gate", None, "carl"),
        reading(5, "nowhere", "c3"),
        reading(6, "gate", "c3"),
        placed,
        decision("closed", "s", START_US + 450_000_000, CLOSED),
        reading(8, "gate", "c2"),
        reading(9, "door", "c3", "carl"),
        reading(10, "gate", "c4"),
    ]


def batch(signals: Sequence[Signal], position: int, encoded: bool) -> Any:
    """Return signals as the history gives them; dictionaries hold an unused empty word, as its do."""
    words: dict[str, list[str | None]] = {
        "device": [signal.device for signal in signals],
        "point": [signal.point for signal in signals],
        "credential": [None if signal.credential is None else signal.credential.hash for signal in signals],
        "person": [signal.person for signal in signals],
        "category": [str(signal.category) for signal in signals],
        "action": [str(signal.action) for signal in signals],
        "direction": [str(signal.direction) for signal in signals],
        "delivery": [str(signal.delivery) for signal in signals],
        "data": [None if signal.data is None else json.dumps(signal.data) for signal in signals],
    }
    columns = {
        "position": pa.array(range(position, position + len(signals)), pa.uint64()),
        "occurred_at": pa.array([signal.time.occurred_at for signal in signals], pa.int64()),
        "received_at": pa.array([signal.time.received_at for signal in signals], pa.int64()),
        "seq": pa.array([signal.seq for signal in signals], pa.int64()),
        "count_interval": pa.nulls(len(signals), pa.int64()),
    }
    for name in STRINGS:
        column = pa.array(words[name], pa.string())
        if encoded and name != "data":
            known = sorted({word for word in words[name] if word is not None}, reverse=True)
            places = [None if word is None else known.index(word) + 1 for word in words[name]]
            column = pa.DictionaryArray.from_arrays(pa.array(places, pa.int32()), pa.array(["", *known]))
        columns[name] = column
    return pa.RecordBatch.from_pydict(columns)


@pytest.mark.parametrize("encoded", [True, False])
@pytest.mark.parametrize("size", [1, 3, 100])
def test_replay_decides_what_the_engine_decides(size: int, encoded: bool) -> None:
    """Events, their order and the state's bytes are those of deciding the signals themselves."""
    signals = story()
    engine, again = Engine("s"), Engine("s")
    expected = engine.decide(signals)
    batches = [batch(signals[at : at + size], at, encoded) for at in range(0, len(signals), size)]
    assert list(chain.from_iterable(replay_events(again, batches))) == expected
    assert again.snapshot() == engine.snapshot()
    counted = Engine("s")
    assert replay(counted, batches) == len(expected)
    assert counted.snapshot() == engine.snapshot()


def test_replay_refuses_a_gap() -> None:
    """Columns that do not go on where the engine stands are refused, and nothing of them is decided."""
    engine = Engine("s")
    with pytest.raises(ValueError, match="do not go on"):
        replay(engine, [batch(story(), 1, True)])
    assert engine.position == 0


def test_replay_refuses_a_signal_that_nobody_could_read() -> None:
    """The history's row of an unreadable signal has no category; it must not pass for a reading."""
    columns = batch([reading(1, "gate", "c1")], 0, True).to_pydict()
    columns["category"] = pa.DictionaryArray.from_arrays(pa.array([0], pa.int32()), pa.array([""]))
    with pytest.raises(ValueError, match="offset 0 has no category"):
        replay(Engine("s"), [pa.RecordBatch.from_pydict(columns)])


def test_a_site_learns_no_words_of_others() -> None:
    """Of a column cut out of a table of many sites, room is made for the words of its rows alone."""
    many = [
        Signal(
            id=signal_id(str(number)), site="lab", device="reader", category=Category.CREDENTIAL,
            action=Action.GRANTED, time=Time(number, number), credential=Credential("card", f"c{number}"),
        )
        for number in range(20_000)
    ]  # fmt: skip
    engine = Engine("lab")
    engine.decide_columns(signal_columns(many)[:100])
    assert engine.position == 100
    assert len(engine.state.credential_names) == 101
    assert len(engine.state.credential_names.ends) < 1_000
