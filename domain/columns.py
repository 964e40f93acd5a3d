"""Signals and events as columns: one Arrow column per field, and back.

Codes and ids are strings, times are UTC microseconds, and what has no columns of its own (verify, screening,
data, detail) is JSON. A null is a field that is None. What repeats is dictionary-encoded.
"""

import itertools
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domain.event import Event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify
from domain.vocabulary import ORDERS, Action, Category, Delivery, Direction, Quality, Reason

TEXT: Final = pa.string()
WORD: Final = pa.dictionary(pa.int32(), pa.string())
MOMENT: Final = pa.timestamp("us", "UTC")

SIGNAL_COLUMNS: Final = pa.schema(
    {
        "id": TEXT,
        "site": WORD,
        "device": WORD,
        "category": WORD,
        "action": WORD,
        "occurred_at": MOMENT,
        "received_at": MOMENT,
        "time_raw": TEXT,
        "time_zone": WORD,
        "offset_ms": pa.int64(),
        "quality": WORD,
        "point": WORD,
        "reason": WORD,
        "reason_code": WORD,
        "direction": WORD,
        "credential_format": WORD,
        "credential_hash": WORD,
        "person": WORD,
        "verify": TEXT,
        "screening": TEXT,
        "count_interval": pa.int64(),
        "count_cumulative": pa.int64(),
        "seq": pa.int64(),
        "delivery": WORD,
        "data": TEXT,
        "raw": TEXT,
    }
)
EVENT_COLUMNS: Final = pa.schema(
    {
        "id": TEXT,
        "site": WORD,
        "topic": WORD,
        "position": pa.uint64(),
        "ordinal": pa.uint32(),
        "occurred_at": MOMENT,
        "known_at": MOMENT,
        "person": WORD,
        "credential": WORD,
        "zone": WORD,
        "from_zone": WORD,
        "maybe_zone": WORD,
        "point": WORD,
        "device": WORD,
        "visit": TEXT,
        "basis": WORD,
        "rule": WORD,
        "alert": TEXT,
        "severity": WORD,
        "value": pa.int64(),
        "limit": pa.int64(),
        "late": pa.bool_(),
        "causes": pa.list_(pa.uint64()),
        "policy_version": pa.uint32(),
        "detail": TEXT,
        "schema": pa.uint16(),
    }
)
"""The columns of a table of events; those of the history but for partition and offset."""

_encode: Final = msgspec.json.Encoder().encode
JSON_COLUMNS: Final = frozenset(("verify", "screening", "data", "detail"))


def signal_columns(signals: Sequence[Signal]) -> pa.Table:
    """Return signals as a table of `SIGNAL_COLUMNS`.

    Raises:
        pyarrow.ArrowException, OverflowError: a number that no column holds.
    """
    of = _fields(signals)
    of_time = _fields(of("time"))
    credentials, counts = of("credential"), of("count")
    values = {
        "occurred_at": of_time("occurred_at"),
        "received_at": of_time("received_at"),
        "time_raw": of_time("raw"),
        "time_zone": of_time("zone"),
        "offset_ms": of_time("offset_ms"),
        "quality": of_time("quality"),
        "credential_format": [None if it is None else it.format for it in credentials],
        "credential_hash": [None if it is None else it.hash for it in credentials],
        "count_interval": [None if it is None else it.interval for it in counts],
        "count_cumulative": [None if it is None else it.cumulative for it in counts],
    }
    return _table(SIGNAL_COLUMNS, lambda name: values[name] if name in values else of(name))


def event_columns(events: Sequence[Event]) -> pa.Table:
    """Return events as a table of `EVENT_COLUMNS`.

    Raises:
        pyarrow.ArrowException, OverflowError: a number that no column holds.
    """
    return _table(EVENT_COLUMNS, _fields(events))


def signal_of(row: dict[str, Any]) -> Signal:
    """Return the signal in a row of signal columns, whose times are integers: the very one it was made of."""

    def parsed(column: str, kind: Any) -> Any:
        return None if row[column] is None else msgspec.json.decode(row[column], type=kind)

    credential = row["credential_hash"]
    interval = row["count_interval"]
    return Signal(
        id=row["id"],
        site=row["site"],
        device=row["device"],
        category=Category(row["category"]),
        action=Action(row["action"]),
        time=Time(
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            raw=row["time_raw"],
            zone=row["time_zone"],
            offset_ms=row["offset_ms"],
            quality=Quality(row["quality"]),
        ),
        point=row["point"],
        reason=Reason(row["reason"]),
        reason_code=row["reason_code"],
        direction=Direction(row["direction"]),
        credential=None if credential is None else Credential(row["credential_format"], credential),
        person=row["person"],
        verify=parsed("verify", Verify),
        screening=parsed("screening", Screening),
        count=None if interval is None else Count(interval, row["count_cumulative"]),
        seq=row["seq"],
        delivery=Delivery(row["delivery"]),
        data=parsed("data", dict[str, Any]),
        raw=row["raw"],
    )


def signals_of(signals: pa.Table) -> list[Signal]:
    """Return the signals in a table of `SIGNAL_COLUMNS`: the very ones it was made of."""
    for name in ("occurred_at", "received_at"):
        place = signals.schema.get_field_index(name)
        signals = signals.set_column(place, name, signals.column(name).cast(pa.int64()))
    return [signal_of(row) for row in signals.to_pylist()]


def whole(table: pa.Table, name: str) -> pa.Array:
    """Return a column of a table as one array."""
    column = table.column(name)
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def is_one_of(column: pa.Array, words: Sequence[str]) -> pa.Array:
    """Say of each row of a column of words whether it is one of these."""
    wanted = pa.array(list(map(str, words)), TEXT)
    if pa.types.is_dictionary(column.type):
        return pc.is_in(column.dictionary, wanted).take(column.indices)
    return pc.is_in(column, wanted)


def are_orders(categories: pa.Array, actions: pa.Array) -> Any:
    """Say of each signal whether it orders something, by its words: those are decided one by one.

    Returns an array of bool, shape (signals,).
    """
    is_control = is_one_of(categories, [Category.CONTROL])
    if not pc.any(is_control).as_py():
        return np.zeros(len(categories), np.bool_)
    return pc.and_(is_control, is_one_of(actions, sorted(ORDERS))).to_numpy(zero_copy_only=False)


def column_values(table: pa.Table, name: str) -> list[Any]:
    """Return a column's values, None for nulls; of a column of words, the words."""
    column = whole(table, name)
    if column.type != WORD:
        values: list[Any] = column.to_numpy(zero_copy_only=False).tolist()
        return values
    words = [*column.dictionary.to_pylist(), None]
    places = column.indices.fill_null(len(words) - 1).to_numpy(zero_copy_only=False)
    return [words[place] for place in places.tolist()]


def joined(tables: Sequence[pa.Table]) -> pa.Table:
    """Return tables of the same columns, at least one, as one without chunks."""
    return tables[0] if len(tables) == 1 else pa.concat_tables(tables).unify_dictionaries().combine_chunks()


def word_column(values: Sequence[str | None], places: Any) -> pa.DictionaryArray:
    """Return the column whose rows have these of the values: `places` are indices, shape (rows,)."""
    return pa.array(values, TEXT).dictionary_encode().take(pa.array(places, pa.int32()))


def _fields(items: Sequence[Any]) -> Callable[[str], list[Any]]:
    return lambda name: list(map(attrgetter(name), items))


def _table(schema: pa.Schema, of: Callable[[str], list[Any]]) -> pa.Table:
    return pa.table([_column(field, of(field.name)) for field in schema], schema)


def _column(field: pa.Field, values: list[Any]) -> pa.Array:
    if field.name in JSON_COLUMNS:
        values = [None if value is None else _encode(value).decode() for value in values]
    if field.type == WORD:
        return pa.array(values, TEXT).dictionary_encode()
    if field.type == MOMENT:
        return pa.array(values, pa.int64()).view(MOMENT)
    if field.name == "causes":
        ends = list(itertools.accumulate(map(len, values), initial=0))
        flat = list(itertools.chain.from_iterable(values))
        return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(flat, pa.uint64()))
    return pa.array(values, field.type)
