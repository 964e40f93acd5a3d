"""Deciding into columns: signals in, events out, without an object for each event.

The same engine and the same rows as `Engine.decide`, so the same decisions. Control signals that order
something are decided as objects, one by one, where they stand: there are few.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from domain.columns import EVENT_COLUMNS, are_orders, event_columns, joined, signals_of, whole
from domain.kernels import Records
from streams.decoding import decode_columns
from streams.encoding import encode_columns

if TYPE_CHECKING:
    from streams.engine import Engine


def decide_columns(engine: "Engine", signals: pa.Table) -> pa.Table:
    """Decide a table of `SIGNAL_COLUMNS`, all of the engine's site, which it comes to next.

    They stand one after another from the engine's position on.

    Returns what follows, in order, as a table of `EVENT_COLUMNS`.
    """
    at = np.arange(engine.position, engine.position + len(signals))
    orders = are_orders(whole(signals, "category"), whole(signals, "action"))
    told = []
    for first, end, is_order in parts(orders):
        part, where = signals[first:end], at[first:end]
        if is_order:
            told.append(event_columns(engine.decide(signals_of(part), where.tolist())))
        else:
            rows, causes = engine.decide_records(_encoded(engine, part))
            told.append(decode_columns(engine.state, rows, causes, where))
    return joined(told) if told else EVENT_COLUMNS.empty_table()


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


def _encoded(engine: "Engine", signals: pa.Table) -> Records:
    columns: dict[str, Any] = {name: whole(signals, name) for name in signals.column_names}
    columns |= {"passed": columns["count_interval"], "credential": columns["credential_hash"]}
    return encode_columns(engine.state, columns)
