"""Files of signals, one CloudEvents envelope in JSON on each line, such as a simulation writes."""

from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from pathlib import Path

from connectors.rejection import (
    AHEAD_US,
    EARLIEST_US,
    RefusedRow,
    Rejected,
    UnusableFile,
    check_row,
    file_lines,
)
from domain.bounds import fault_of
from domain.errors import UnreadableSignal
from domain.signal import Signal, read_signal
from domain.site import Site
from domain.vocabulary import ORDERS


def read_jsonl(path: Path, site: Site, *, received_at: int) -> Iterator[Signal | Rejected]:
    """Return the signals of a file of JSON lines in its order, and what is rejected in its place.

    Signals are as they were written, times and delivery included. `received_at` is the import's clock,
    UTC microseconds; it bounds what time is plausible.

    Raises:
        UnusableFile: it cannot be opened, is empty, or its first line is no JSON object.
    """
    lines = file_lines(path)
    try:
        return read_jsonl_lines(lines, site, received_at=received_at, name=str(path))
    except UnusableFile:
        lines.close()
        raise


def read_jsonl_lines(
    lines: Iterable[bytes], site: Site, *, received_at: int, name: str = "lines"
) -> Iterator[Signal | Rejected]:
    """Return the signals of lines of bytes, as `read_jsonl`."""
    rest = iter(lines)
    whole, line = b"", 0
    while not whole.strip():
        found = next(rest, None)
        if found is None:
            raise UnusableFile(f"{name}: the file is empty; it must have one signal in JSON on each line")
        line += 1
        whole = found.removeprefix(BOM_UTF8) if line == 1 else found
    if not whole.lstrip().startswith(b"{"):
        raise UnusableFile(
            f"{name}:{line}: no JSON object begins here; the file must have one signal in JSON (UTF-8) on "
            "each line. Is it a CSV file? Then name its source"
        )
    return _signals(whole, line, rest, site, received_at)


def _signals(
    whole: bytes, line: int, lines: Iterator[bytes], site: Site, received_at: int
) -> Iterator[Signal | Rejected]:
    points = frozenset(point.id for point in site.points)
    while whole:
        raw = whole.rstrip(b"\r\n")
        if raw.strip():
            torn = not whole.endswith(b"\n")
            try:
                check_row(raw, torn=torn)
                yield _checked(read_line(raw, torn=torn), site.id, points, received_at)
            except RefusedRow as refused:
                yield Rejected(line, refused.reason, refused.detail, raw)
        whole = next(lines, b"")
        line += 1


def read_line(raw: bytes, *, torn: bool) -> Signal:
    """Return the signal in one line without its end; `torn` says that the file ends without a line end.

    Raises:
        RefusedRow: it holds no signal, or one outside the bounds of `domain.bounds`.
    """
    try:
        signal = read_signal(raw)
    except UnreadableSignal as error:
        if torn and not raw.rstrip().endswith(b"}"):
            raise RefusedRow("torn_line", "the file ends in the middle of this signal") from error
        raise RefusedRow("unreadable", str(error)) from error
    if fault := fault_of(signal):
        raise RefusedRow(fault.reason, fault.detail)
    return signal


def _checked(signal: Signal, site: str, points: frozenset[str], received_at: int) -> Signal:
    if signal.site != site:
        raise RefusedRow("unreadable", f"it is of the site {signal.site!r}; this home is of {site!r}")
    if signal.point is not None and signal.point not in points:
        raise RefusedRow("unknown_point", f"{signal.point!r} is no point of the site; add it to site.yaml")
    latest = received_at + AHEAD_US
    if not (
        EARLIEST_US <= signal.time.occurred_at <= latest and EARLIEST_US <= signal.time.received_at <= latest
    ):
        raise RefusedRow("implausible_time", "it is of before 2000, or of after the import")
    if signal.action in ORDERS:  # these come from the home's own files and commands, which check them first
        raise RefusedRow(
            "unknown_action",
            f"{signal.action}: an order is given by the home's own files (site.yaml, policy.yaml, "
            "directory.csv) and by 'limen place' and 'limen case', never by a file of signals",
        )
    return signal
