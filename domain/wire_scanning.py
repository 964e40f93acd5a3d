"""Wires as we write them become columns without an object for each: `domain.wires` the other way round.

One compiled loop walks each wire along the steps of its layout. A wire that leaves them anywhere does not
fit, and is for the reader of any JSON (`domain.wire_reading`).
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from domain.byte_words import ROOM, begins, eight_digits, is_same, string_end
from domain.columns import MOMENT, TEXT, WORD, is_one_of
from domain.kernels import COMPILED, WORD_BYTES, inlined, loop
from domain.names import Names, code_of
from domain.wire_layout import DEFAULTS, NUMBER, NUMBERS, OBJECT, OBJECTS, SAME, STRING, WORDS, Layout

_QUOTE, _COMMA, _MINUS = b'",-'
_LIST, _END_OF_LIST, _BRACE, _END_OF_BRACE = b"[]{}"
_ZERO, _NINE, _LAST_ASCII = b"09\x7f"
_MOST_DIGITS: Final = 18
"""So many digits are no more than 64 bits hold."""
_DEEPEST: Final = 16
"""How deep brackets of a scanned object lie within each other: far less than a wire may have."""

PART: Final = 1_000
"""Wires scanned at once: about half a megabyte, which a core's own cache holds."""
_MOST_BYTES: Final = 2**31 - 1
"""Where a text ends in its column is told in 32 bits."""


def can_scan(size: int) -> bool:
    """Return whether so many bytes can be scanned together; in plain Python that would take too long."""
    return COMPILED and size <= _MOST_BYTES


class Scanned:
    """What stands in some wires, a row for each. See `_walk`."""

    def __init__(self, layout: Layout, count: int, most_listed: int = 0) -> None:
        """Make room for so many wires, and for so many numbers in their lists."""
        shape = (count, len(layout.columns) + 1)  # the last is of steps without a column
        self._layout = layout
        self.values, self.lengths = np.empty(shape, np.int64), np.empty(shape, np.int32)
        self.listed, self._used = np.empty(most_listed, np.int64), np.zeros(1, np.int64)
        self.fits, self._are_ascii = np.zeros(count, np.bool_), np.zeros(count, np.bool_)

    def walk(self, data: Any, starts: Any, stops: Any) -> None:
        """Scan the wires that stand at these places of a text (uint8, `ROOM` behind) into the first rows."""
        here = slice(len(starts))
        self.lengths[here] = -1
        _walk(
            data, starts, stops, self._layout.before, self._layout.steps, self.values, self.lengths,
            self.listed, self._used, self.fits, self._are_ascii,
        )  # fmt: skip
        for row in np.flatnonzero(self.fits[here] & ~self._are_ascii[here]).tolist():
            if not _is_text(data[starts[row] : stops[row]].tobytes()):
                self.fits[row], self.lengths[row] = False, -1


def scan(wires: Sequence[bytes], layout: Layout) -> tuple[pa.Table, Any]:
    """Return the table of the wires that fit, and which those are: shape (wires,), bool."""
    count, most_bytes = len(wires), sum(map(len, wires))
    scanned = Scanned(layout, min(count, PART), most_bytes // 2 + 1)
    shape = (len(layout.columns), count)
    values, lengths, fits = np.empty(shape, np.int64), np.empty(shape, np.int32), np.empty(count, np.bool_)
    fields = [layout.schema.field(name) for name in layout.columns]
    strings = {
        place: _strings(field, count, most_bytes) for place, field in enumerate(fields) if _is_string(field)
    }
    for first in range(0, count, PART):
        part = wires[first : first + PART]
        last, data = first + len(part), np.frombuffer(b"".join((*part, ROOM)), np.uint8)
        ends = np.zeros(len(part) + 1, np.int64)
        np.cumsum(np.fromiter(map(len, part), np.int64, len(part)), out=ends[1:])
        scanned.walk(data, ends[:-1], ends[1:])
        values[:, first:last] = scanned.values[: len(part), :-1].T
        lengths[:, first:last] = scanned.lengths[: len(part), :-1].T
        fits[first:last] = scanned.fits[: len(part)]
        for place, strings_of in strings.items():
            strings_of.take(data, values[place], lengths[place], first, last)
    columns: dict[str, pa.Array] = {}
    for place, field in enumerate(fields):
        if place in strings:
            column = strings[place].array(lengths[place])
            columns[field.name] = _checked(field.name, column, fits)
        else:
            columns[field.name] = _numbers(field, values[place], lengths[place], scanned.listed, fits)
    table = pa.table(
        [columns[one.name] if one.name in columns else _left_out(one, count) for one in layout.schema],
        layout.schema,
    )
    return table if fits.all() else table.filter(pa.array(fits)), fits


def _is_text(wire: bytes) -> bool:
    try:
        wire.decode()
    except UnicodeDecodeError:
        return False
    return True


def _checked(name: str, column: pa.Array, fits: Any) -> pa.Array:
    """Return a column as the table has it; rows with a word or an object that is none of ours do not fit."""
    if name in WORDS:
        fits &= is_one_of(column, list(WORDS[name])).fill_null(False).to_numpy(zero_copy_only=False)
    elif name in OBJECTS:
        valid = [is_written_by_us(text, OBJECTS[name]) for text in column.dictionary.to_pylist()]
        fits &= pa.array(valid).take(column.indices).fill_null(True).to_numpy(zero_copy_only=False)
        return column.dictionary_decode()
    return column


def is_written_by_us(text: str, kind: Any) -> bool:
    """Return whether a JSON text is what this kind of object is written as."""
    try:
        return bool(msgspec.json.encode(msgspec.json.decode(text, type=kind)) == text.encode())
    except (msgspec.MsgspecError, ValueError):
        return False


def _left_out(field: pa.Field, count: int) -> pa.Array:
    default = DEFAULTS.get(field.name)
    if default is None:
        return pa.nulls(count, field.type)
    return pa.repeat(pa.scalar(default, field.type), count)


def _numbers(field: pa.Field, values: Any, lengths: Any, listed: Any, fits: Any) -> pa.Array:
    """Return a column of numbers; rows with one that the column does not hold do not fit."""
    if pa.types.is_boolean(field.type):
        return pa.array(lengths >= 0)
    if pa.types.is_list(field.type):
        counts = np.maximum(lengths, 0)
        ends = np.zeros(len(counts) + 1, np.int32)
        np.cumsum(counts, out=ends[1:])
        places = np.arange(ends[-1]) + np.repeat(np.where(counts, values, 0) - ends[:-1], counts)
        return pa.ListArray.from_arrays(pa.array(ends), pa.array(listed[places], pa.uint64()))
    if field.type == MOMENT:
        return pa.array(values).view(MOMENT)
    if pa.types.is_unsigned_integer(field.type):
        most = min(2**field.type.bit_width, 2**63) - 1
        beyond = (lengths >= 0) & ((values < 0) | (values > most))
        fits[beyond], lengths[beyond] = False, -1
    numbers = pa.array(values, pa.int64(), mask=lengths < 0)
    default = DEFAULTS.get(field.name)
    return (numbers if default is None else numbers.fill_null(default)).cast(field.type)


def _is_string(field: pa.Field) -> bool:
    return field.type in (TEXT, WORD)


def _strings(field: pa.Field, count: int, most_bytes: int) -> "_Texts | _Words":
    if field.type == WORD or field.name in OBJECTS:
        return _Words(count, DEFAULTS.get(field.name))
    return _Texts(count, most_bytes)


class _Texts:
    """A column of strings, most of them different."""

    def __init__(self, count: int, most_bytes: int) -> None:
        self._ends, self._text = np.zeros(count + 1, np.int32), np.empty(most_bytes, np.uint8)

    def take(self, data: Any, starts: Any, lengths: Any, first: int, last: int) -> None:
        """Add a part's strings, while the cache has them."""
        _gather(data, starts, lengths, first, last, self._ends, self._text)

    def array(self, lengths: Any) -> pa.Array:
        """Return the column; null where there was no string."""
        there = pa.py_buffer(np.packbits(lengths >= 0, bitorder="little"))
        text = pa.py_buffer(self._text[: self._ends[-1]])
        return pa.StringArray.from_buffers(len(lengths), pa.py_buffer(self._ends), text, there)


class _Words:
    """A column of strings that come again."""

    def __init__(self, count: int, default: Any) -> None:
        self._names, self._codes = Names(), np.empty(count, np.int32)
        self._has_default = default is not None
        self._left_out = 0 if default is None else self._names.code(default)

    def take(self, data: Any, starts: Any, lengths: Any, first: int, last: int) -> None:
        """Add a part's strings, while the cache has them."""
        names = self._names
        names.reserve(last - first, int(np.maximum(lengths[first:last], 0).sum()))
        give_codes(
            data, starts, lengths, first, last, self._left_out, names.blob, names.ends, names.slots,
            names.size, self._codes,
        )  # fmt: skip

    def array(self, lengths: Any) -> pa.Array:
        """Return the column; where there was no string, the default or null."""
        ends = np.zeros(len(self._names) + 1, np.int32)  # code 0 is the empty string
        ends[1:] = self._names.ends[: len(self._names)]
        text = pa.py_buffer(self._names.blob[: ends[-1]])
        words = pa.StringArray.from_buffers(len(self._names), pa.py_buffer(ends), text)
        codes = pa.array(self._codes, mask=None if self._has_default else lengths < 0)
        return pa.DictionaryArray.from_arrays(codes, words)


@loop
def give_codes(
    data: Any, starts: Any, lengths: Any, first: int, last: int, left_out: int, blob: Any, ends: Any,
    slots: Any, size: Any, out: Any,
) -> None:  # fmt: skip
    """Give texts their codes (`domain.names`); one of less than no bytes has the code `left_out`."""
    for row in range(first, last):
        start, length = starts[row], lengths[row]
        if length < 0:
            out[row] = left_out
        elif length == 0:
            out[row] = 0
        else:
            out[row] = code_of(data, start, start + length, blob, ends, slots, size)


@loop
def _gather(data: Any, starts: Any, lengths: Any, first: int, last: int, ends: Any, text: Any) -> None:
    end = ends[first]
    for row in range(first, last):
        start, length = starts[row], lengths[row]
        for place in range(length):
            text[end + place] = data[start + place]
        end += max(length, 0)
        ends[row + 1] = end


@inlined
def _number(data: Any, at: int, end: int) -> tuple[int, int]:
    """Return the place behind an integer, -1 where none stands; and the integer."""
    negative = at < end and data[at] == _MINUS
    at += 1 if negative else 0
    start, value, eight = at, 0, 0
    while at + WORD_BYTES <= end and at - start < _MOST_DIGITS and eight >= 0:
        eight = eight_digits(data, at)
        if eight >= 0:
            value = 100_000_000 * value + eight
            at += WORD_BYTES
    while at < end and data[at] >= _ZERO and data[at] <= _NINE and at - start <= _MOST_DIGITS:
        value = 10 * value + int(data[at]) - _ZERO
        at += 1
    digits = at - start
    if digits == 0 or digits > _MOST_DIGITS or (digits > 1 and data[start] == _ZERO):
        return -1, 0
    return at, -value if negative else value


@inlined
def _object_end(data: Any, at: int, end: int) -> tuple[int, bool]:
    """Return the place behind a JSON object, -1 where none stands that is plain enough; is it ASCII?"""
    depth, is_ascii = 0, True
    while at < end and (depth > 0 or data[at] == _BRACE):
        byte = data[at]
        at += 1
        if byte == _QUOTE:
            at, is_plain = string_end(data, at, end)
            if at < 0:
                return -1, False
            is_ascii &= is_plain
            at += 1
        elif byte in (_BRACE, _LIST):
            depth += 1
            if depth > _DEEPEST:
                return -1, False
        elif byte in (_END_OF_BRACE, _END_OF_LIST):
            depth -= 1
            if depth == 0:
                return at, is_ascii
        elif byte > _LAST_ASCII:
            return -1, False
    return -1, False


@inlined
def _list_end(data: Any, at: int, end: int, listed: Any, used: Any) -> int:
    """Add the rest of a list of natural numbers to `listed`; return the place behind it, -1 if none is."""
    more = True
    while more:
        at, listed[used[0]] = _number(data, at, end)
        if at < 0 or at == end or listed[used[0]] < 0:
            return -1
        if data[at] != _COMMA and data[at] != _END_OF_LIST:
            return -1
        more = data[at] == _COMMA
        used[0] += 1
        at += 1
    return at


@loop
def _walk(
    data: Any, starts: Any, stops: Any, before: Any, steps: Any, values: Any, lengths: Any, listed: Any,
    used: Any, fits: Any, are_ascii: Any,
) -> None:  # fmt: skip
    """Walk each wire along the steps; one that fits has all its values.

    `values` has where a string begins, what a number is, where in `listed` a list begins; `lengths` how many
    bytes, digits or numbers that is, and -1 where a field is left out. Both have a row for each wire.
    """
    for row in range(len(starts)):
        at, end, next_step, is_ascii = starts[row], stops[row], 0, True
        while at >= 0 and next_step < len(steps):
            step = steps[next_step]
            behind = at + int(step.before_bytes)
            if behind > end or not begins(data, at, before, step.before, int(step.before_bytes)):
                at = at if step.else_skip > 0 else -1
                next_step += int(step.else_skip)
                continue
            kind, column = step.kind, step.column
            at, value, length, is_plain = behind, 0, 0, True
            if kind == OBJECT:
                value = behind
                at, is_plain = _object_end(data, at, end)
                length = at - behind
            elif kind in (STRING, SAME):
                value = behind
                at, is_plain = string_end(data, at, end)
                length = at - value
                if kind == SAME and (
                    length != lengths[row, column] or not is_same(data, value, values[row, column], length)
                ):
                    at = -1
                at += 1 if at >= 0 else 0
            elif kind == NUMBER:
                at, value = _number(data, at, end)
                length = at - behind
            elif kind == NUMBERS:
                value = used[0]
                at = _list_end(data, at, end, listed, used)
                length = used[0] - value
            values[row, column], lengths[row, column] = value, length
            is_ascii &= is_plain
            next_step += 1
        fits[row], are_ascii[row] = at == end, is_ascii
        if not fits[row]:
            lengths[row] = -1
