"""Columns become wire bytes, without an object for each row: those of `write_signal` and `write_event`."""

from collections.abc import Callable
from typing import Any, Final

import msgspec
import pyarrow as pa
import pyarrow.compute as pc

from domain.columns import MOMENT, TEXT, whole
from domain.event import SCHEMA_VERSION
from domain.signal import ENVELOPE_TYPE, NEWEST_SCHEMA
from domain.vocabulary import Basis, Delivery, Direction, Quality, Reason, Severity

_NEEDS_ESCAPE: Final = r'["\\\x00-\x1f]'
_encode: Final = msgspec.json.Encoder().encode

Part = Any
"""A piece of every wire: one text, or an array with each row's own (null: it has none), or None, nothing."""


def signal_wires(signals: pa.Table) -> list[bytes]:
    """Return the wire of each signal in a table of `SIGNAL_COLUMNS`, as `write_signal`."""
    return _bytes(signal_texts(signals))


def event_wires(events: pa.Table) -> list[bytes]:
    """Return the wire of each event in a table of `EVENT_COLUMNS`, as `write_event`."""
    return _bytes(event_texts(events))


def signal_texts(signals: pa.Table) -> pa.Array:
    """Return the wires as `signal_wires`, as an array of strings."""
    of = _Writer(signals)
    id_, site, device = of.escaped("id"), of.escaped("site"), of.escaped("device")
    occurred_at = whole(signals, "occurred_at")
    second = pc.floor_temporal(occurred_at, unit="second").cast(pa.timestamp("s")).cast(TEXT)
    return _join(
        f'{{"specversion":"1.0","type":"{ENVELOPE_TYPE}","source":"/', site, "/", device, '","id":"', id_,
        f'","dataschema":"{NEWEST_SCHEMA}","data":{{"id":"', id_, '","site":"', site, '","device":"', device,
        '","category":"', of.escaped("category"), '","action":"', of.escaped("action"),
        '","time":{"occurred_at":', of.number("occurred_at"), ',"received_at":', of.number("received_at"),
        of.text("raw", "time_raw"), of.text("zone", "time_zone"), of.integer("offset_ms"),
        of.text("quality", default=Quality.SYNCHRONISED), "}", of.text("point"),
        of.text("reason", default=Reason.NONE), of.text("reason_code"),
        of.text("direction", default=Direction.UNKNOWN),
        of.around(',"credential":{"format":"', "credential_format", '"'),
        of.around(',"hash":"', "credential_hash", '"}'),
        of.text("person"), of.json("verify"), of.json("screening"), _count(of), of.integer("seq"),
        of.text("delivery", default=Delivery.LIVE), of.json("data"), of.text("raw"),
        '},"time":"', pc.utf8_replace_slice(second, 10, 11, "T"), 'Z"', of.text("subject", "point"), "}",
    )  # fmt: skip


def _count(of: "_Writer") -> Part:
    interval, cumulative = of.column("count_interval"), of.integer("cumulative", "count_cumulative")
    if interval.null_count == len(interval):
        return None
    shown = pc.if_else(pc.equal(interval, 0), None, interval)
    inner = _join("", of.fragment('"interval":', shown.cast(TEXT), ""), cumulative, rows=len(interval))
    inner = pc.utf8_ltrim(inner, ",")
    return pc.if_else(pc.is_valid(interval), _join(',"count":{', inner, "}"), None)


def event_texts(events: pa.Table) -> pa.Array:
    """Return the wires as `event_wires`, as an array of strings."""
    of = _Writer(events)
    causes = whole(events, "causes")
    flat = pa.ListArray.from_arrays(causes.offsets, causes.values.cast(TEXT))
    told = pc.if_else(pc.greater(pc.list_value_length(causes), 0), pc.binary_join(flat, ","), None)
    return _join(
        '{"id":"', of.escaped("id"), '","site":"', of.escaped("site"), '","topic":"', of.escaped("topic"),
        '","position":', of.number("position"), ',"ordinal":', of.number("ordinal"),
        ',"occurred_at":', of.number("occurred_at"), ',"known_at":', of.number("known_at"),
        of.text("person"), of.text("credential"), of.text("zone"), of.text("from_zone"),
        of.text("maybe_zone"), of.text("point"), of.text("device"), of.text("visit"),
        of.text("basis", default=Basis.NONE),
        of.text("rule"), of.text("alert"), of.text("severity", default=Severity.NONE), of.integer("value"),
        of.integer("limit"), of.truth("late"), of.fragment(',"causes":[', told, "]"),
        of.integer("policy_version", default=0), of.json("detail"),
        of.integer("schema", default=SCHEMA_VERSION), "}",
    )  # fmt: skip


class _Writer:
    """Makes the pieces of JSON of one table."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def column(self, name: str) -> pa.Array:
        """Return a column as one array."""
        return whole(self._table, name)

    def escaped(self, name: str) -> pa.Array:
        """Return the texts of a column as they stand between quotes in JSON."""
        return _each_word(self.column(name), _escaped)

    def number(self, name: str) -> pa.Array:
        """Return the integers of a column in digits."""
        column = self.column(name)
        return (column.view(pa.int64()) if column.type == MOMENT else column).cast(TEXT)

    def text(self, key: str, name: str = "", *, default: str | None = None) -> Part:
        """Return `,"key":"…"` for each row whose text is not null and not the default."""
        return self.around(f',"{key}":"', name or key, '"', default=default)

    def around(self, before: str, name: str, after: str, *, default: str | None = None) -> Part:
        """Return each text between two others; nothing for a null and for the default."""

        def told(words: pa.Array) -> pa.Array:
            shown = words if default is None else pc.if_else(pc.equal(words, default), None, words)
            return self.fragment(before, _escaped(shown), after)

        column = self.column(name)
        return None if column.null_count == len(column) else _each_word(column, told)

    def integer(self, key: str, name: str = "", *, default: int | None = None) -> Part:
        """Return `,"key":…` for each row whose number is not null and not the default."""
        column = self.column(name or key)
        if default is not None:
            column = pc.if_else(pc.equal(column, default), None, column)
        return (
            None if column.null_count == len(column) else self.fragment(f',"{key}":', column.cast(TEXT), "")
        )

    def truth(self, key: str) -> Part:
        """Return `,"key":true` for each row where it is."""
        return pc.if_else(self.column(key), f',"{key}":true', None)

    def json(self, key: str) -> Part:
        """Return `,"key":` and what stands in the column, for each row that is not null."""
        column = self.column(key)
        return None if column.null_count == len(column) else self.fragment(f',"{key}":', column, "")

    def fragment(self, before: str, texts: pa.Array, after: str) -> pa.Array:
        """Return each text between two others; null stays null."""
        return pc.binary_join_element_wise(before, texts, after, "")


def _each_word(column: pa.Array, change: Callable[[pa.Array], pa.Array]) -> pa.Array:
    """Change the different words of a column, and return what that makes of each row."""
    if pa.types.is_dictionary(column.type):
        return change(column.dictionary).take(column.indices)
    return change(column)


def _escaped(texts: pa.Array) -> pa.Array:
    odd = pc.match_substring_regex(texts, _NEEDS_ESCAPE)
    if not pc.any(odd).as_py():
        return texts
    return pa.array(
        [None if text is None else _encode(text).decode()[1:-1] for text in texts.to_pylist()], TEXT
    )


def _join(*parts: Part, rows: int | None = None) -> pa.Array:
    """Return the parts of each row, one behind the other; what is null counts as empty."""
    there = [part for part in parts if part is not None]
    if not any(isinstance(part, pa.Array) for part in there):
        return pa.array(["".join(map(str, there))] * (rows or 0), TEXT)
    return pc.binary_join_element_wise(*there, "", null_handling="replace", null_replacement="")


def _bytes(texts: pa.Array) -> list[bytes]:
    wires: list[bytes] = texts.cast(pa.binary()).to_pylist()
    return wires
