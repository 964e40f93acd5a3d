"""Wires become columns: scanned or through objects, the same columns and the same refusals."""

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from unittest.mock import patch

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain import wire_reading, wire_scanning
from domain.columns import EVENT_COLUMNS, MOMENT, SIGNAL_COLUMNS, event_columns, signal_columns
from domain.errors import DomainError
from domain.event import Event, read_event, write_event
from domain.kernels import COMPILED
from domain.signal import Signal, Time, read_signal, write_signal
from domain.vocabulary import Action, Category
from domain.wire_layout import EVENT_LAYOUT, SIGNAL_LAYOUT
from domain.wire_reading import read_events, read_signals
from domain.wire_scanning import scan
from tests.wire_strategies import (
    EVENTS,
    FULL_EVENT,
    FULL_SIGNAL,
    PLAIN_EVENTS,
    PLAIN_SIGNALS,
    SIGNALS,
    changed_wires,
)

KINDS: Any = [
    (SIGNALS, PLAIN_SIGNALS, write_signal, read_signals, read_signal, signal_columns),
    (EVENTS, PLAIN_EVENTS, write_event, read_events, read_event, event_columns),
]
ODD_WIRES = st.sampled_from(
    [
        b"", b"\xff", b"{}", b"null", b"[1]", b'{"a":1', b'{"a":1}\n{"a":2}', b"not JSON", b"\n",
        b'{"id":1}', b'""', b'{"data":{"id":5}}',
    ]
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_wires_are_read_as_objects_are(data: st.DataObject) -> None:
    """What can be read has the columns of its object, however its JSON is spelt; the rest is told."""

    def drawn(kind: Any, write: Any) -> list[tuple[bytes, Any]]:
        spelt = st.builds(lambda item, how: (how(write(item)), item), kind, st.sampled_from([bytes, _spaced]))
        odd = st.builds(lambda wire: (wire, None), ODD_WIRES)
        return data.draw(st.lists(spelt | odd, max_size=8))

    for kind, _, write, read, _, columns in KINDS:
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


@settings(max_examples=300, deadline=None)
@given(data=st.data())
def test_a_wire_with_a_few_bytes_changed_is_read_as_its_object_is(data: st.DataObject) -> None:
    """Scanned or not, it has the columns of the object that stands in it, or is told as nobody's."""
    _, kind, write, read, read_one, columns = data.draw(st.sampled_from(KINDS))
    wires = [data.draw(changed_wires(write(item))) for item in data.draw(st.lists(kind, max_size=3))]
    _hold_together(wires, read, read_one, columns)


def _hold_together(wires: Sequence[bytes], read: Any, read_one: Any, columns: Any) -> None:
    """Read wires both ways."""
    items = {}
    for place, wire in enumerate(wires):
        with suppress(DomainError, msgspec.MsgspecError, ValueError, pa.ArrowException, OverflowError):
            item = read_one(wire)
            columns([item])
            items[place] = item
    found = read(wires)
    with patch.object(wire_scanning, "PART", 2):
        assert read(wires).table == found.table
    assert found.places.tolist() == list(items)
    assert [place for place, _ in found.unreadable] == [n for n in range(len(wires)) if n not in items]
    assert _values(found.table) == _values(columns(list(items.values())))


def _values(table: pa.Table) -> list[dict[str, Any]]:
    """Return the rows; Python has no moments for all numbers of microseconds."""
    plain = pa.schema([one.with_type(pa.int64()) if one.type == MOMENT else one for one in table.schema])
    return table.cast(plain).to_pylist()


_FULL_SIGNAL, _FULL_EVENT = write_signal(FULL_SIGNAL), write_event(FULL_EVENT)
_OTHER_NUMBERS = (
    "0",
    "-1",
    "-0",
    "080",
    "-080",
    "8.0",
    "8e1",
    "+8",
    "true",
    "null",
    '"8"',
    "",
    "-",
    "1 ",
    "8" * 18,
    "8" * 19,
)
_OTHER_NUMBERS += tuple(str(2**bits + more) for bits in (16, 32, 63, 64) for more in (-1, 0))
_OTHER_TEXTS = (
    '"',
    '""',
    '"a\x1f"',
    '"a\x00"',
    '"a\x7f"',
    '"\\u0041"',
    '"\\"',
    '"\\\\"',
    '"é"',
    "null",
    "1",
    '"x" ',
    ' "x"',
    '"x\n"',
)


@pytest.mark.parametrize("value", _OTHER_NUMBERS)
@pytest.mark.parametrize("was", [":5,", ":70,", ":80,", ":6,", ":90,", ":100}"])
def test_odd_numbers_of_a_signal(was: str, value: str) -> None:
    """However a number is written, and wherever it stands."""
    wire = _FULL_SIGNAL.replace(was.encode(), f":{value}{was[-1]}".encode())
    assert wire != _FULL_SIGNAL
    _hold_together([_FULL_SIGNAL, wire], read_signals, read_signal, signal_columns)


@pytest.mark.parametrize("value", _OTHER_NUMBERS)
@pytest.mark.parametrize("was", [":90,", ":20,", ":30,", ":40,", ":50,", ":60,", "[70,", ",80]", ":11,"])
def test_odd_numbers_of_an_event(was: str, value: str) -> None:
    """However a number is written, and wherever it stands."""
    wire = _FULL_EVENT.replace(was.encode(), f"{was[0]}{value}{was[-1]}".encode())
    assert wire != _FULL_EVENT
    _hold_together([_FULL_EVENT, wire], read_events, read_event, event_columns)


@pytest.mark.parametrize(
    "value", [text.encode() for text in _OTHER_TEXTS] + [b'"\xff"', b'"\xc3"', b'"\xed\xa0\x80"']
)
@pytest.mark.parametrize(
    "was", [b'"d"', b'"p"', b'"r"', b'"z"', b'"w"', b'"x"', b'"h"', b'"door"', b'"duress"', b'"1.0"']
)
def test_odd_texts(was: bytes, value: bytes) -> None:
    """However a text is written, and wherever it stands."""
    for full, read, read_one, columns in (
        (_FULL_SIGNAL, read_signals, read_signal, signal_columns),
        (_FULL_EVENT, read_events, read_event, event_columns),
    ):
        _hold_together([full, full.replace(was, value), full], read, read_one, columns)


@pytest.mark.parametrize(
    ("was", "value"),
    [
        (b'"data":{"id":"1"', b'"data":{"id":"2"'),
        (b'"data":{"id":"1"', b'"data":{"id":"12"'),
        (b'"data":{"id":"1"', b'"data":{"id":""'),
        (b'"subject":"p"', b'"subject":"q"'),
        (b',"subject":"p"', b""),
        (b'"source":"/s/d"', b'"source":"/t/e"'),
        (b'"time":"1970', b'"time":"never'),
        (b"limen:signal:1", b"limen:signal:2"),
        (b'"point":"p"', b'"point":"p","point":"q"'),
        (b'"point":"p"', b'"pint":"p"'),
        (b'"site":"s"', b'"site":"s","device":"e"'),
        (b'"credential":{"format":"f","hash":"h"}', b'"credential":{"hash":"h","format":"f"}'),
        (b'"credential":{"format":"f","hash":"h"}', b'"credential":{"format":"f"}'),
        (b'"credential":{"format":"f","hash":"h"}', b'"credential":{}'),
        (b'"late":true', b'"late":false'),
        (b'"late":true', b'"late":1'),
        (b"[70,80]", b"[]"),
        (b"[70,80]", b"[70,]"),
        (b"[70,80]", b"[,80]"),
        (b"[70,80]", b"[70 80]"),
        (b"[70,80]", b"[70,80"),
        (b"[70,80]", b"70"),
        (b'"visit.started"', b'"visit.imagined"'),
        (b'"methods":["card"]', b'"methods":["wish"]'),
        (b'"methods":["card"]', b'"methods":[]'),
        (b'"methods":["card"]', b'"methods":["card"],"more":1'),
        (b'"verify":{', b'"verify":null,"more":{'),
        (b'"mask":false', b'"mask":null'),
        (b'"mask":false', b'"mask":0'),
        (b"36.5", b"36.50"),
        (b"36.5", b"1e400"),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{}'),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{"interval":90}'),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{"interval":0}'),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{"cumulative":100}'),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{"cumulative":100,"interval":90}'),
        (b'"count":{"interval":90,"cumulative":100}', b'"count":{"interval":90,"cumulative":null}'),
        (b'"cumulative":100}', b'"cumulative":100},"count":{}'),
        (b'"cumulative":100}', b'"cumulative":100},"count":{"cumulative":7}'),
        (b'"cumulative":100}', b'"cumulative":100},"count":{"interval":7}'),
        (b'"count":{', b'"count":{},"count":{'),
        (b'"a":{"b"', b'"a":1,"a":{"b"'),
        (b'"a":{"b"', b'"a": {"b"'),
        (b'"a":{"b"', b'"a":{"b\\u0041"'),
        (b'"a":{"b"', b'"a":{"\xff"'),
        (b'"a":{"b"', b'"a":' + b'{"a":' * 20 + b"1" + b"}" * 20 + b',"a":{"b"'),
        (b'"a":{"b"', b'"d":' + b"[" * 70 + b"1" + b"]" * 70 + b',"a":{"b"'),
        (b'"a":{"b"', b'"d":' + b'{"a":' * 14 + b"1" + b"}" * 14 + b',"a":{"b"'),
        (b"2.5]", b"2.5}"),
        (b"2.5]}", b"2.5}]"),
        (b"2.5]", b"2.5"),
        (b'"c":null', b'"c":nil'),
        (b'"c":null', b'"c":0.1e1'),
        (b'"c":null', b'"c":18446744073709551616'),
        (b'"c":null}', b'"c":null}}'),
        (b"}", b"},"),
        (b"}", b"} "),
        (b"}", b"}}"),
        (b"}", b""),
        (b"{", b" {"),
    ],
)
def test_odd_structures(was: bytes, value: bytes) -> None:
    """Other orders, other fields, other brackets, in the first place and in the last where they stand."""
    for full, read, read_one, columns in (
        (_FULL_SIGNAL, read_signals, read_signal, signal_columns),
        (_FULL_EVENT, read_events, read_event, event_columns),
    ):
        last = value.join(full.rsplit(was, 1))
        _hold_together([full, full.replace(was, value, 1), last, full], read, read_one, columns)


def test_a_wire_cut_anywhere_is_nobodys() -> None:
    """Nor is one with a byte more, or two that stand one behind the other."""
    for full, read, read_one, columns in (
        (_FULL_SIGNAL, read_signals, read_signal, signal_columns),
        (_FULL_EVENT, read_events, read_event, event_columns),
    ):
        cut = [full[:size] for size in range(len(full))]
        _hold_together([*cut, full + b"x", full + full, full], read, read_one, columns)


@settings(max_examples=100, deadline=None)
@given(signals=st.lists(PLAIN_SIGNALS, max_size=4), events=st.lists(PLAIN_EVENTS, max_size=4))
def test_wires_of_ours_are_scanned(signals: list[Signal], events: list[Event]) -> None:
    """A wire of ours fits, unless a text has an escape or a number more than 18 digits."""
    _, fits = scan([write_signal(signal) for signal in signals], SIGNAL_LAYOUT)
    assert fits.all()
    _, fits = scan([write_event(event) for event in events], EVENT_LAYOUT)
    assert fits.all()


def test_more_bytes_than_a_column_holds_are_not_scanned(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are read through objects."""
    scanned: list[int] = []
    monkeypatch.setattr(wire_reading, "scan", lambda wires, _: scanned.append(len(wires)) or scan(wires, _))
    monkeypatch.setattr(wire_scanning, "_MOST_BYTES", len(_FULL_SIGNAL))
    one, two = read_signals([_FULL_SIGNAL]).table, read_signals([_FULL_SIGNAL] * 2).table
    assert scanned == [1] if COMPILED else []
    assert _values(two) == _values(one) * 2


def test_every_column_has_a_step() -> None:
    """A new field of signals or events is scanned too."""
    assert set(SIGNAL_LAYOUT.columns) == set(SIGNAL_COLUMNS.names)
    assert set(EVENT_LAYOUT.columns) == set(EVENT_COLUMNS.names) - {"schema"}


def test_what_no_column_holds_is_told() -> None:
    """A number beyond 64 bits leaves its row unreadable, and the others as they are."""
    base = Signal(id="1", site="s", device="d", category=Category.DOOR, action=Action.OPENED, time=Time(0, 0))
    wires = [write_signal(base), write_signal(msgspec.structs.replace(base, seq=2**64)), write_signal(base)]
    found = read_signals(wires)
    assert found.places.tolist() == [0, 2]
    assert [place for place, _ in found.unreadable] == [1]
    unknown = write_signal(base).replace(b'"door"', b'"window"')
    assert [place for place, _ in read_signals([unknown]).unreadable] == [0]
