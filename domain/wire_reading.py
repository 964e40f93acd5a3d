"""Wire bytes become columns; what nobody can read is told, and the rest goes on.

Wires as we write them are scanned (`domain.wire_scanning`). Others go through objects: `msgspec` reads any
JSON and Arrow takes the fields at half the cost of Arrow's own JSON reader, which besides does not survive
every `null`. Both give the same columns.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from domain.columns import event_columns, joined, signal_columns
from domain.errors import DomainError
from domain.event import read_event
from domain.signal import read_signal
from domain.wire_layout import EVENT_LAYOUT, SIGNAL_LAYOUT, Layout
from domain.wire_scanning import can_scan, scan

_NO_COLUMN: Final = (pa.ArrowException, OverflowError)
"""What a number raises that no column holds."""


@dataclass(frozen=True, slots=True)
class Read:
    """What stood in wires: a table of those that could be read, and the others.

    `places` are the places of the table's rows among the wires, ascending. `unreadable` holds the place of
    each other wire, and what is wrong with it.
    """

    table: pa.Table
    places: Any
    unreadable: list[tuple[int, str]]


def read_signals(wires: Sequence[bytes]) -> Read:
    """Return the signals in these wires as a table of `SIGNAL_COLUMNS`; those nobody can read are told."""
    return _read(wires, SIGNAL_LAYOUT, read_signal, signal_columns)


def read_events(wires: Sequence[bytes]) -> Read:
    """Return the events in these wires as a table of `EVENT_COLUMNS`; those nobody can read are told."""
    return _read(wires, EVENT_LAYOUT, read_event, event_columns)


def _read(
    wires: Sequence[bytes],
    layout: Layout,
    read: Callable[[bytes], Any],
    columns: Callable[[Sequence[Any]], pa.Table],
) -> Read:
    if not can_scan(sum(map(len, wires))):
        return _read_any(wires, read, columns)
    table, fits = scan(wires, layout)
    if fits.all():
        return Read(table, np.arange(len(wires)), [])
    others = np.flatnonzero(~fits)
    found = _read_any([wires[place] for place in others.tolist()], read, columns)
    places = np.concatenate([np.flatnonzero(fits), others[found.places]])
    order = np.argsort(places)
    unreadable = [(int(others[place]), reason) for place, reason in found.unreadable]
    return Read(joined([table, found.table]).take(pa.array(order)), places[order], unreadable)


def _read_any(
    wires: Sequence[bytes], read: Callable[[bytes], Any], columns: Callable[[Sequence[Any]], pa.Table]
) -> Read:
    items, places, unreadable = [], [], []
    for place, wire in enumerate(wires):
        try:
            items.append(read(wire))
            places.append(place)
        except DomainError as error:
            unreadable.append((place, str(error)))
    try:
        return Read(columns(items), np.array(places, np.int64), unreadable)
    except _NO_COLUMN:
        tables, fit = [columns([])], []
        for place, item in zip(places, items, strict=True):
            try:
                tables.append(columns([item]))
                fit.append(place)
            except _NO_COLUMN as error:
                unreadable.append((place, str(error)))
        return Read(joined(tables), np.array(fit, np.int64), sorted(unreadable))
