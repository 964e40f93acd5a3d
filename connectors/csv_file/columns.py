"""Blocks of plain rows become columns of signals, all rows at once.

A block is plain when its rows can be cut at line ends and commas: no quotes, no odd bytes, each row of the
header's width. Everything a mapping says is asked once for each different value; a row that it refuses makes
the block one to be read row by row, so that reasons and lines are told there only.
"""

from codecs import BOM_UTF8
from collections.abc import Callable, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from connectors.csv_file.mapping import Mapping
from connectors.rejection import ROW_LIMIT_BYTES, RefusedRow
from domain.columns import MOMENT, SIGNAL_COLUMNS, TEXT, word_column
from domain.signal import Time, signal_ids
from domain.times import HOUR_US, SECOND_US
from domain.vocabulary import Delivery, Reason

# While Arrow reads a CSV it puts a handler of its own in the place of Python's, to stop reading at Ctrl-C,
# and loses one in twenty. A block is read in milliseconds: Python's own may wait for that.
pa.enable_signal_handlers(False)

_ODD_BYTES: Final = (b'"', b"\0", b"\r")
_PLAIN_TIME: Final = r"^\d{4}-\d\d-\d\d[ T][0-2]\d:[0-5]\d:[0-5]\d$"
_LAST_OF_HOUR_US: Final = HOUR_US - SECOND_US


def plain_signals(lines: Sequence[bytes], mapping: Mapping, width: int) -> pa.Table | None:
    """Return a block of lines as a table of `SIGNAL_COLUMNS`; None where it must be read row by row."""
    data = b"".join(lines)
    if b"\r" in data:
        data = data.replace(b"\r\n", b"\n")
    if (
        width < 2
        or not data.endswith(b"\n")
        or data.startswith(BOM_UTF8)  # Arrow leaves one out wherever a block begins
        or any(byte in data for byte in _ODD_BYTES)
    ):
        return None
    if max(map(len, lines)) > ROW_LIMIT_BYTES:
        return None
    try:
        rows = data.decode().split("\n")
        columns = _columns(data, width)
    except (UnicodeDecodeError, pa.ArrowInvalid):
        return None
    rows.pop()
    if len(columns) != len(rows):
        return None  # there are empty lines
    try:
        return _signals(rows, columns, mapping)
    except RefusedRow:
        return None


def _columns(data: bytes, width: int) -> pa.Table:
    names = [str(place) for place in range(width)]
    return pa_csv.read_csv(
        pa.BufferReader(data),
        read_options=pa_csv.ReadOptions(use_threads=False, block_size=len(data) + 1, column_names=names),
        parse_options=pa_csv.ParseOptions(quote_char=False, ignore_empty_lines=False),
        convert_options=pa_csv.ConvertOptions(
            column_types=dict.fromkeys(names, TEXT), strings_can_be_null=False
        ),
    )


def _signals(rows: list[str], columns: pa.Table, mapping: Mapping) -> pa.Table:
    block = _Block(columns)
    categories = block.each(mapping.action_columns, mapping.category_and_action)
    holders, holder = block.each(mapping.credential_columns, mapping.holder)
    count = len(rows)

    def words(places: Sequence[int], value: Callable[[Sequence[str]], str | None]) -> pa.Array:
        values, of = block.each(places, value)
        return word_column(values, of)

    def same(word: str | None) -> pa.Array:
        return word_column([word], np.zeros(count, np.int32))

    given: dict[str, Any] = {
        "id": pa.array(signal_ids(mapping.name, block.texts(mapping.id_columns) or [rows]), TEXT),
        "site": same(mapping.site),
        "device": words(mapping.device_columns, mapping.device),
        "category": word_column([category for category, _ in categories[0]], categories[1]),
        "action": word_column([action for _, action in categories[0]], categories[1]),
        **_times(block, mapping),
        "point": words(mapping.point_columns, mapping.point),
        "reason": same(Reason.NONE),
        "direction": words(mapping.direction_columns, mapping.direction),
        "credential_format": word_column([card and card.format for card, _ in holders], holder),
        "credential_hash": word_column([card and card.hash for card, _ in holders], holder),
        "person": word_column([person for _, person in holders], holder),
        "delivery": same(Delivery.BACKFILL),
        "raw": pa.array(rows, TEXT),
    }
    return pa.table(
        [
            given[field.name] if field.name in given else pa.nulls(count, field.type)
            for field in SIGNAL_COLUMNS
        ],
        SIGNAL_COLUMNS,
    )


def _times(block: "_Block", mapping: Mapping) -> dict[str, pa.Array]:
    """Return the columns that say when."""
    texts = None if mapping.time_column is None else block.column(mapping.time_column)
    if texts is not None and pc.all(pc.match_substring_regex(texts, _PLAIN_TIME)).as_py():
        times, which, occurred_at = _plain_times(texts, mapping)
    else:
        times, which = block.each(mapping.time_columns, mapping.time)
        occurred_at = _of_each(times, "occurred_at", which)
        texts = pa.array([time.raw for time in times], TEXT).take(pa.array(which))
    return {
        "occurred_at": pa.array(occurred_at).view(MOMENT),
        "received_at": pa.array(_of_each(times, "received_at", which)).view(MOMENT),
        "time_raw": texts,
        "time_zone": word_column([time.zone for time in times], which),
        "quality": word_column([time.quality for time in times], which),
    }


def _plain_times(texts: pa.Array, mapping: Mapping) -> tuple[list[Time], Any, Any]:
    """Return the times of the hours that these lie in, which of them each has, and each one's microseconds.

    Where the clocks change within an hour, or not all of it is taken, minutes take the place of hours:
    zones change on whole ones.
    """

    def digits(start: int, stop: int) -> Any:
        return pc.utf8_slice_codeunits(texts, start, stop).cast(pa.int64()).to_numpy()

    seconds = digits(17, 19)
    hours = pc.utf8_slice_codeunits(texts, 0, 13).dictionary_encode()
    times = _of_hours(hours.dictionary.to_pylist(), mapping)
    if times is not None:
        which, seconds = hours.indices.to_numpy(), seconds + 60 * digits(14, 16)
    else:
        minutes = pc.utf8_slice_codeunits(texts, 0, 16).dictionary_encode()
        times = [mapping.time_of(f"{minute}:00") for minute in minutes.dictionary.to_pylist()]
        which = minutes.indices.to_numpy()
    occurred_at = _of_each(times, "occurred_at", which) + SECOND_US * seconds
    mapping.time_of(texts[int(occurred_at.argmax())].as_py())  # of its minute's end nobody was asked
    return times, which, occurred_at


def _of_hours(hours: Sequence[str], mapping: Mapping) -> list[Time] | None:
    """Return when each hour begins; None if one of them is not taken whole, or its clocks change."""
    times = []
    for hour in hours:
        try:
            first, last = (mapping.time_of(f"{hour}:{rest}") for rest in ("00:00", "59:59"))
        except RefusedRow:
            return None
        if last.occurred_at - first.occurred_at != _LAST_OF_HOUR_US or last.quality != first.quality:
            return None
        times.append(first)
    return times


def _of_each(times: Sequence[Time], name: str, which: Any) -> Any:
    return np.array([getattr(time, name) for time in times], np.int64)[which]


class _Block:
    """The columns of a block, by place."""

    def __init__(self, columns: pa.Table) -> None:
        self._columns = columns

    def column(self, place: int) -> pa.Array:
        """Return one column."""
        return self._columns.column(place).combine_chunks()

    def texts(self, places: Sequence[int]) -> list[list[str]]:
        """Return these columns as texts."""
        return [self._columns.column(place).to_numpy().tolist() for place in places]

    def each(self, places: Sequence[int], value: Callable[[Sequence[str]], Any]) -> tuple[list[Any], Any]:
        """Ask once for each different row of these columns; return the answers, and which one each row has.

        Rows are given whole, with the columns not named left empty.
        """
        which = np.zeros(len(self._columns), np.int64)
        for place in places:
            column = self.column(place).dictionary_encode()
            both = which * len(column.dictionary) + column.indices.to_numpy()
            which = pa.array(both).dictionary_encode().indices.to_numpy().astype(np.int64)
        first = np.zeros(int(which.max()) + 1, np.int64)
        first[which[::-1]] = np.arange(len(which))[::-1]
        named = [self._columns.column(place).take(pa.array(first)).to_pylist() for place in places]
        row, answers = [""] * self._columns.num_columns, []
        for texts in zip(*named, strict=True) if named else [()]:
            for place, text in zip(places, texts, strict=True):
                row[place] = text
            answers.append(value(row))
        return answers, which
