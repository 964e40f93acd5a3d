"""The bytes of a CSV file become records: fields, text and line number (RFC 4180)."""

import csv
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

from connectors.rejection import ROW_LIMIT_BYTES, RefusedRow, Rejected, check_row

Record = tuple[int, str, list[str]]
"""Line number from 1, the record's text without its line end, and its fields."""


class Lines:
    """The lines of a file with their ends, which may be given back; `number` is that of the next one."""

    def __init__(self, lines: Iterator[bytes], number: int) -> None:
        self._rest = lines
        self._given_back: deque[bytes] = deque()
        self.number = number

    def take(self) -> bytes:
        """Return the next line, b"" at the end."""
        line = self._given_back.popleft() if self._given_back else next(self._rest, b"")
        self.number += bool(line)
        return line

    def take_block(self, lines: int) -> list[bytes]:
        """Return so many lines, fewer at the end only."""
        first = [self._given_back.popleft() for _ in range(min(lines, len(self._given_back)))]
        block = [*first, *islice(self._rest, lines - len(first))]
        self.number += len(block)
        return block

    def give_back(self, lines: Sequence[bytes]) -> None:
        """Let these be the next ones again."""
        self._given_back.extendleft(reversed(lines))
        self.number -= len(lines)


def records(lines: Lines, width: int, header: bytes, until: int | None = None) -> Iterator[Record | Rejected]:
    """Yield every row that is not empty, as a record of `width` fields or as rejected.

    Ends before the line number `until`, if given; the last record may reach beyond it.
    """
    while (until is None or lines.number < until) and (whole := lines.take()):
        line = lines.number - 1
        raw = whole.rstrip(b"\r\n")
        if not raw or raw.isspace():
            continue
        torn = not whole.endswith(b"\n")
        try:
            if b'"' in raw and len(raw) <= ROW_LIMIT_BYTES:
                taken, fields = _quoted(whole, lines.take)
                if fields is None:
                    lines.give_back(taken[1:])  # a stray quote must not swallow the rows below
                    if torn:
                        raise RefusedRow("torn_line", "the file ends inside quotes")
                    raise RefusedRow(
                        "unreadable", "its quotes do not match; close them, and double those inside"
                    )
                raw = b"".join(taken).rstrip(b"\r\n")
                torn = not taken[-1].endswith(b"\n")
                text = check_row(raw, torn=torn)
            else:
                text = check_row(raw, torn=torn)
                fields = text.split(",")
            if len(fields) != width:
                if torn and len(fields) < width:
                    raise RefusedRow("torn_line", "the file ends in the middle of this row")
                raise RefusedRow("wrong_columns", f"it has {len(fields)} columns, the header {width}")
        except RefusedRow as refused:
            yield Rejected(line, refused.reason, refused.detail, raw, header)
        else:
            yield line, text, fields


def _quoted(first: bytes, following: Callable[[], bytes]) -> tuple[list[bytes], list[str] | None]:
    """Return the lines taken for the record that begins with `first`, and its fields.

    The fields are None where the quotes do not match, or do not close within a row's longest length.
    """
    taken: list[bytes] = []

    def feed() -> Iterator[str]:
        size, line = 0, first
        while line:
            taken.append(line)
            yield line.decode("utf-8", "surrogateescape")  # checked on the whole record afterwards
            size += len(line)
            if size > ROW_LIMIT_BYTES:
                return
            line = following()

    try:
        return taken, next(csv.reader(feed(), strict=True))
    except csv.Error:
        return taken, None
