"""Columns become wires: the same bytes as objects give, whatever stands in them."""

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.columns import event_columns, joined, signal_columns, signals_of
from domain.event import Event, write_event
from domain.signal import Signal, write_signal
from domain.wires import event_wires, signal_wires
from tests.wire_strategies import EVENTS, SIGNALS


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
