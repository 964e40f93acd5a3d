"""Deciding into columns: signals in, events out, without an object for each event.

The same engine and the same rows as `Engine.decide`, so the same decisions. Control signals that order
something are decided as objects, one by one, where they stand: there are few.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import pyarrow as pa

from domain.columns import EVENT_COLUMNS, are_orders, event_columns, joined, signals_of, whole
from domain.event import Event
from domain.kernels import Records
from streams.decoding import decode_columns
from streams.encoding import encode_columns

if TYPE_CHECKING:
    from streams.engine import Engine

T = TypeVar("T")


def decide_columns(engine: "Engine", signals: pa.Table, offsets: Any = None) -> pa.Table:
    """Decide a table of `SIGNAL_COLUMNS`, all of the engine's site, which it comes to next.

    They stand at these offsets, shape (signals,), int64, ascending; where there are none, one after another
    from the engine's position on.

    Returns what follows, in order, as a table of `EVENT_COLUMNS`.
    """

    def told(rows: Records, causes: Any, at: Any) -> pa.Table:
        return decode_columns(engine.state, rows, causes, at)

    decided = _decided(engine, signals, offsets, told, event_columns)
    return joined(decided) if decided else EVENT_COLUMNS.empty_table()


def parts(orders: Any) -> Iterator[tuple[int, int, bool]]:
    """Yield where each part of some signals begins and ends, and whether it is an order, which is alone.

    >>> list(parts(np.array([False, False, True, False])))
    [(0, 2, False), (2, 3, True), (3, 4, False)]
    """
    start = 0
    for place in np.flatnonzero(orders).tolist():
        if start < place:
            yield start, place, False
        yield place, place + 1, True
        start = place + 1
    if start < len(orders):
        yield start, len(orders), False


def _decided(
    engine: "Engine",
    signals: pa.Table,
    offsets: Any,
    told_of_rows: Callable[[Records, Any, Any], T],
    told_of_events: Callable[[list[Event]], T],
) -> list[T]:
    """Decide signals, and return what is told of each part of what follows, in order.

    Rows and their causes are overwritten by the next part; with them goes where their signals stand.
    """
    at = np.arange(engine.position, engine.position + len(signals)) if offsets is None else offsets
    orders = are_orders(whole(signals, "category"), whole(signals, "action"))
    told: list[T] = []
    for first, end, is_order in parts(orders):
        part, where = signals[first:end], at[first:end]
        if is_order:
            told.append(told_of_events(engine.decide(signals_of(part), where.tolist())))
        else:
            rows, causes = engine.decide_records(_encoded(engine, part, where))
            told.append(told_of_rows(rows, causes, where))
    return told


def _encoded(engine: "Engine", signals: pa.Table, offsets: Any) -> Records:
    columns: dict[str, Any] = {name: whole(signals, name) for name in signals.column_names}
    columns |= {"passed": columns["count_interval"], "credential": columns["credential_hash"]}
    return encode_columns(engine.state, columns, offsets)
