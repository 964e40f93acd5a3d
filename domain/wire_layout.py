"""How the wires we write are laid out: `domain.wires` as a list of steps.

A wire of ours has its fields in one order and nothing between them, so a layout says what stands before each
value, what kind of value it is, and its column. `domain.wire_scanning` walks along it.
"""

from collections.abc import Sequence
from enum import StrEnum
from itertools import accumulate
from typing import Final, NamedTuple

import numpy as np
import pyarrow as pa
from msgspec import NODEFAULT, structs

from domain.columns import EVENT_COLUMNS, JSON_COLUMNS, SIGNAL_COLUMNS
from domain.event import Event
from domain.kernels import WORD_BYTES, records
from domain.signal import ENVELOPE_TYPE, NEWEST_SCHEMA, Signal, Time

NOTHING, STRING, SAME, NUMBER, NUMBERS, OBJECT = 0, 1, 2, 3, 4, 5


STEP: Final = np.dtype(
    [("before", "u4"), ("before_bytes", "u4"), ("kind", "u4"), ("else_skip", "u4"), ("column", "u4")]
)
"""A step for loops. `before` is the first word of what stands before; what has no column goes into one that
nobody looks at."""


class _Step(NamedTuple):
    """`before` stands in the wire, then a value of this kind; where it does not, `else_skip` steps are none.

    A step without `else_skip` must be there. `NOTHING` is 0 in its column; `STRING` ends with its quote;
    `SAME` is a string that must be the one its column has already; `NUMBERS` are the rest of a list;
    `OBJECT` stays JSON. Without a column it is passed over.
    """

    before: str
    kind: int = NOTHING
    column: str | None = None
    else_skip: int = 0


def _maybe(key: str, kind: int, column: str = "") -> _Step:
    quote = '"' if kind == STRING else ""
    return _Step(f',"{key}":{quote}', kind, column or key, 1)


_SIGNAL_STEPS: Final = (
    _Step(f'{{"specversion":"1.0","type":"{ENVELOPE_TYPE}","source":"', STRING),
    _Step(',"id":"', STRING, "id"),
    _Step(f',"dataschema":"{NEWEST_SCHEMA}","data":{{"id":"', SAME, "id"),
    _Step(',"site":"', STRING, "site"),
    _Step(',"device":"', STRING, "device"),
    _Step(',"category":"', STRING, "category"),
    _Step(',"action":"', STRING, "action"),
    _Step(',"time":{"occurred_at":', NUMBER, "occurred_at"),
    _Step(',"received_at":', NUMBER, "received_at"),
    _maybe("raw", STRING, "time_raw"),
    _maybe("zone", STRING, "time_zone"),
    _maybe("offset_ms", NUMBER),
    _maybe("quality", STRING),
    _Step("}"),
    _maybe("point", STRING),
    _maybe("reason", STRING),
    _maybe("reason_code", STRING),
    _maybe("direction", STRING),
    _Step(',"credential":{"format":"', STRING, "credential_format", 3),
    _Step(',"hash":"', STRING, "credential_hash"),
    _Step("}"),
    _maybe("person", STRING),
    _maybe("verify", OBJECT),
    _maybe("screening", OBJECT),
    _Step(',"count":{}', NOTHING, "count_interval", 1),
    _Step(',"count":{"interval":', NUMBER, "count_interval", 3),
    _Step(',"cumulative":', NUMBER, "count_cumulative", 1),
    _Step("}"),
    _Step(',"count":{"cumulative":', NUMBER, "count_cumulative", 2),
    _Step("}", NOTHING, "count_interval"),
    _maybe("seq", NUMBER),
    _maybe("delivery", STRING),
    _maybe("data", OBJECT),
    _maybe("raw", STRING),
    _Step('},"time":"', STRING),
    _Step(',"subject":"', STRING, None, 1),
    _Step("}"),
)
_EVENT_STEPS: Final = (
    _Step('{"id":"', STRING, "id"),
    _Step(',"site":"', STRING, "site"),
    _Step(',"topic":"', STRING, "topic"),
    _Step(',"position":', NUMBER, "position"),
    _Step(',"ordinal":', NUMBER, "ordinal"),
    _Step(',"occurred_at":', NUMBER, "occurred_at"),
    _Step(',"known_at":', NUMBER, "known_at"),
    *(
        _maybe(name, STRING)
        for name in (
            "person", "credential", "zone", "from_zone", "maybe_zone", "point", "device", "visit", "basis",
            "rule", "alert", "severity",
        )
    ),
    _maybe("value", NUMBER),
    _maybe("limit", NUMBER),
    _Step(',"late":true', NOTHING, "late", 1),
    _Step(',"causes":[', NUMBERS, "causes", 1),
    _maybe("policy_version", NUMBER),
    _maybe("detail", OBJECT),
    _Step("}"),
)  # fmt: skip
_FIELDS: Final = {field.name: field for kind in (Time, Signal, Event) for field in structs.fields(kind)}
WORDS: Final = {
    name: field.type
    for name, field in _FIELDS.items()
    if isinstance(field.type, type) and issubclass(field.type, StrEnum)
}
"""Whose words are closed."""
OBJECTS: Final = {name: _FIELDS[name].type for name in JSON_COLUMNS}
"""What JSON must be, and be written as it is written here."""
DEFAULTS: Final = {name: field.default for name, field in _FIELDS.items() if field.default is not NODEFAULT}
"""What a field is that is left out; null for a column that is no field."""


class Layout:
    """The steps of one kind of wire as arrays, and the columns of the table they give."""

    def __init__(self, steps: Sequence[_Step], schema: pa.Schema) -> None:
        self.schema = schema
        self.columns = list(dict.fromkeys(step.column for step in steps if step.column is not None))
        befores = [step.before.encode() for step in steps]
        sizes = [-(-len(before) // WORD_BYTES) for before in befores]
        filled = [before.ljust(size * WORD_BYTES, b"\0") for before, size in zip(befores, sizes, strict=True)]
        self.before = np.frombuffer(b"".join(filled), np.uint64)
        """What stands before each step's value, each in words of its own, zeros behind its last byte."""
        self.steps = records(len(steps), STEP)
        self.steps["before"] = [0, *accumulate(sizes[:-1])]
        self.steps["before_bytes"] = list(map(len, befores))
        self.steps["kind"] = [step.kind for step in steps]
        self.steps["else_skip"] = [step.else_skip for step in steps]
        self.steps["column"] = [
            len(self.columns) if step.column is None else self.columns.index(step.column) for step in steps
        ]


SIGNAL_LAYOUT: Final = Layout(_SIGNAL_STEPS, SIGNAL_COLUMNS)
EVENT_LAYOUT: Final = Layout(_EVENT_STEPS, EVENT_COLUMNS)
