"""The bytes of a CSV file become records: fields, text and line number (RFC 4180)."""

import csv
from collections import deque
from collections.abc import Callable, Iterator

from connectors.rejection import ROW_LIMIT_BYTES, RefusedRow, Rejected, check_row

Record = tuple[int, str, list[str]]
"""Line number from 1, the record's text without its line end, and its fields."""


def records(
    lines: Iterator[bytes], first_line: int, width: int, header: bytes
) -> Iterator[Record | Rejected]:
    """Yield every row that is not empty, as a record of `width` fields or as rejected."""
    pending: deque[bytes] = deque()

    def following() -> bytes:
        return pending.popleft() if pending else next(lines, b"")

    line = first_line
    while whole := (pending.popleft() if pending else next(lines, b"")):
        raw = whole.rstrip(b"\r\n")
        if not raw or raw.isspace():
            line += 1
            continue
        spanned = 1
        torn = not whole.endswith(b"\n")
        try:
            if b'"' in raw and len(raw) <= ROW_LIMIT_BYTES:
                taken, fields = _quoted(whole, following)
                if fields is None:
                    pending.extendleft(reversed(taken[1:]))  # a stray quote must not swallow the rows below
                    if torn:
                        raise RefusedRow("torn_line", "the file ends inside quotes")
                    raise RefusedRow(
                        "unreadable", "its quotes do not match; close them, and double those inside"
                    )
                spanned = len(taken)
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
        line += spanned


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
