"""Deciding into columns: signals in, events out, without an object for each event.

The same engine and the same rows as `Engine.decide`, so the same decisions. Control signals are decided as
objects, one by one, where they stand: there are few.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from domain.columns import EVENT_COLUMNS, event_columns, is_one_of, joined, signals_of, whole
from domain.vocabulary import Category
from streams.decoding import decode_columns
from streams.encoding import encode_columns

if TYPE_CHECKING:
    from streams.engine import Engine


def decide_columns(engine: "Engine", signals: pa.Table) -> pa.Table:
    """Decide a table of `SIGNAL_COLUMNS`, which begins at the engine's position, all of its site.

    Returns what follows, in order, as a table of `EVENT_COLUMNS`.
    """
    is_control = is_one_of(whole(signals, "category"), [Category.CONTROL])
    decided, start = [EVENT_COLUMNS.empty_table()], 0
    for place in np.flatnonzero(is_control).tolist():
        decided += _decide_rows(engine, signals.slice(start, place - start))
        decided.append(event_columns(engine.decide(signals_of(signals.slice(place, 1)))))
        start = place + 1
    decided += _decide_rows(engine, signals.slice(start))
    return joined(decided if len(decided) == 1 else decided[1:])


def _decide_rows(engine: "Engine", signals: pa.Table) -> list[pa.Table]:
    if not len(signals):
        return []
    columns: dict[str, Any] = {name: whole(signals, name) for name in signals.column_names}
    columns |= {"passed": columns["count_interval"], "credential": columns["credential_hash"]}
    position = engine.position
    rows, causes = engine.decide_records(encode_columns(engine.state, columns))
    return [decode_columns(engine.state, rows, causes, np.arange(position, position + len(signals)))]
