"""Columns and wires: the same bytes as objects give, and the same columns back, whatever stands in them."""

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.columns import event_columns, joined, signal_columns, signals_of
from domain.event import Event, write_event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify, write_signal
from domain.vocabulary import (
    Action,
    Basis,
    Category,
    Delivery,
    Direction,
    Method,
    Quality,
    Reason,
    Severity,
    Topic,
)
from domain.wire_reading import read_events, read_signals
from domain.wires import event_wires, signal_wires

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "\x00", "\x1f\x7f", "é", "\u2028", "😀", "a\nb", "", "NaN", "null"]
)
MAYBE = st.none() | TEXTS
INTS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
MOMENTS = st.integers(-(10**14), 10**16) | st.sampled_from([0, 1, -1, 999_999, 1_700_000_000_000_000])
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others: none is ever read from a wire
OBJECTS = st.none() | st.dictionaries(TEXTS, TEXTS | INTS | FINITE, max_size=2)
SIGNALS = st.builds(
    Signal,
    id=TEXTS,
    site=TEXTS,
    device=TEXTS,
    category=st.sampled_from(Category),
    action=st.sampled_from(Action),
    time=st.builds(
        Time,
        MOMENTS,
        MOMENTS,
        raw=MAYBE,
        zone=MAYBE,
        offset_ms=st.none() | INTS,
        quality=st.sampled_from(Quality),
    ),
    point=MAYBE,
    reason=st.sampled_from(Reason),
    reason_code=MAYBE,
    direction=st.sampled_from(Direction),
    credential=st.none() | st.builds(Credential, TEXTS, TEXTS),
    person=MAYBE,
    verify=st.none() | st.just(Verify((Method.CARD,), liveness=True)),
    screening=st.none() | st.just(Screening(36.6, mask=False)),
    count=st.none() | st.builds(Count, INTS, st.none() | INTS),
    seq=st.none() | INTS,
    delivery=st.sampled_from(Delivery),
    data=OBJECTS,
    raw=MAYBE,
)
NUMBERS = st.integers(0, 2**32 - 1)
EVENTS = st.builds(
    Event,
    id=TEXTS,
    site=TEXTS,
    topic=st.sampled_from(Topic),
    position=st.integers(0, 2**64 - 1),
    ordinal=NUMBERS,
    occurred_at=MOMENTS,
    known_at=MOMENTS,
    person=MAYBE,
    credential=MAYBE,
    zone=MAYBE,
    from_zone=MAYBE,
    maybe_zone=MAYBE,
    point=MAYBE,
    device=MAYBE,
    visit=MAYBE,
    basis=st.sampled_from(Basis),
    rule=MAYBE,
    alert=MAYBE,
    severity=st.sampled_from(Severity),
    value=st.none() | INTS,
    limit=st.none() | INTS,
    late=st.booleans(),
    causes=st.lists(st.integers(0, 2**64 - 1), max_size=3).map(tuple),
    policy_version=NUMBERS,
    detail=OBJECTS,
)
ODD_WIRES = st.sampled_from(
    [
        b"", b"\xff", b"{}", b"null", b"[1]", b'{"a":1', b'{"a":1}\n{"a":2}', b"not JSON", b"\n",
        b'{"id":1}', b'""', b'{"data":{"id":5}}',
    ]
)  # fmt: skip


@settings(max_examples=30, deadline=None)
@given(signal=SIGNALS, number=st.sampled_from([float("inf"), float("-inf"), float("nan")]))
def test_a_number_that_json_has_not_is_written_as_null(signal: Signal, number: float) -> None:
    """Columns and objects agree on it too: what comes back is null, from both."""
    odd = msgspec.structs.replace(signal, data={"value": number})
    columns = signal_columns([odd])
    assert signal_wires(columns) == [write_signal(odd)]
    assert signals_of(columns) == [msgspec.structs.replace(signal, data={"value": None})]


@settings(max_examples=150, deadline=None)
@given(signals=st.lists(SIGNALS, min_size=1, max_size=6))
def test_signals_have_the_wires_of_objects_and_come_back(signals: list[Signal]) -> None:
    """Columns are written as `write_signal` writes objects, and hold the very same signals."""
    columns = signal_columns(signals)
    wires = signal_wires(columns)
    assert wires == [write_signal(signal) for signal in signals]
    assert signals_of(columns) == signals
    assert signal_wires(columns.slice(1)) == wires[1:]
    assert signal_wires(joined([columns.slice(0, 1), columns.slice(1)])) == wires


@settings(max_examples=150, deadline=None)
@given(events=st.lists(EVENTS, min_size=1, max_size=6))
def test_events_have_the_wires_of_objects(events: list[Event]) -> None:
    """Columns are written as `write_event` writes objects."""
    columns = event_columns(events)
    wires = event_wires(columns)
    assert wires == [write_event(event) for event in events]
    assert event_wires(columns.slice(1)) == wires[1:]


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_wires_are_read_as_objects_are(data: st.DataObject) -> None:
    """What can be read has the columns of its object, however its JSON is spelt; the rest is told."""

    def drawn(kind: Any, write: Any) -> list[tuple[bytes, Any]]:
        spelt = st.builds(lambda item, how: (how(write(item)), item), kind, st.sampled_from([bytes, _spaced]))
        odd = st.builds(lambda wire: (wire, None), ODD_WIRES)
        return data.draw(st.lists(spelt | odd, max_size=8))

    for kind, write, read, columns in (
        (SIGNALS, write_signal, read_signals, signal_columns),
        (EVENTS, write_event, read_events, event_columns),
    ):
        rows = drawn(kind, write)
        found = read([wire for wire, _ in rows])
        readable = [place for place, (_, item) in enumerate(rows) if item is not None]
        assert found.places.tolist() == readable
        assert [place for place, _ in found.unreadable] == [n for n in range(len(rows)) if n not in readable]
        wanted = columns([rows[place][1] for place in readable])
        assert found.table.to_pylist() == wanted.to_pylist()
        assert found.table.schema == wanted.schema


def _spaced(wire: bytes) -> bytes:
    return msgspec.json.format(wire, indent=1)


def test_what_no_column_holds_is_told() -> None:
    """A number beyond 64 bits leaves its row unreadable, and the others as they are."""
    base = Signal(id="1", site="s", device="d", category=Category.DOOR, action=Action.OPENED, time=Time(0, 0))
    wires = [write_signal(base), write_signal(msgspec.structs.replace(base, seq=2**64)), write_signal(base)]
    found = read_signals(wires)
    assert found.places.tolist() == [0, 2]
    assert [place for place, _ in found.unreadable] == [1]
    unknown = write_signal(base).replace(b'"door"', b'"window"')
    assert [place for place, _ in read_signals([unknown]).unreadable] == [0]
