"""Reads a CSV file: its header first, then block by block, or row by row."""

import csv
from codecs import BOM_UTF8
from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.block import Block, block_of
from connectors.csv_file.columns import plain_signals
from connectors.csv_file.mapping import Mapping, needed_columns
from connectors.csv_file.records import Lines, records
from connectors.csv_file.template import InvalidTemplate
from connectors.rejection import ROW_LIMIT_BYTES, RefusedRow, Rejected, UnusableFile, file_lines
from domain.signal import HashCredential, Signal
from domain.site import Site, Source

BLOCK_ROWS: Final = 20_000
_FIRST_ROWS: Final = 5_000
_UTF16: Final = (b"\xff\xfe", b"\xfe\xff")


def read_csv(
    path: Path,
    source_name: str,
    source: Source,
    site: Site,
    *,
    received_at: int,
    known_persons: Container[str],
    hash_credential: HashCredential,
    block_rows: int = BLOCK_ROWS,
) -> Iterator[Block]:
    """Return the signals of a CSV file in its order, in blocks of about so many rows, and what is rejected.

    The first blocks are smaller, so that whoever waits sees soon that it goes on.
    The header is read at once, the rows block by block. `received_at` is the import's clock, UTC
    microseconds.

    Raises:
        UnusableFile: it cannot be opened; it is empty, binary or not UTF-8; its header lacks a column the
            source needs. While iterating: the file cannot be read on.
    """
    lines = file_lines(path)
    try:
        opened = _opened(
            lines,
            source_name,
            source,
            site,
            received_at=received_at,
            known_persons=known_persons,
            hash_credential=hash_credential,
            name=str(path),
        )
    except UnusableFile:
        lines.close()
        raise
    return _blocks(opened, block_rows)


def read_csv_lines(
    lines: Iterable[bytes],
    source_name: str,
    source: Source,
    site: Site,
    *,
    received_at: int,
    known_persons: Container[str],
    hash_credential: HashCredential,
    name: str = "rows",
) -> Iterator[Signal | Rejected]:
    r"""Return the signals of lines of bytes, the header first, row by row; as `read_csv` otherwise.

    A row from the quarantine is read again as `[rejected.header + b"\n", rejected.raw + b"\n"]`.
    """
    return _rows(
        _opened(
            iter(lines),
            source_name,
            source,
            site,
            received_at=received_at,
            known_persons=known_persons,
            hash_credential=hash_credential,
            name=name,
        )
    )


@dataclass(frozen=True)
class _Opened:
    """A file whose header has been read: what follows, and how its rows become signals."""

    lines: Lines
    mapping: Mapping
    width: int
    header: bytes


def _opened(
    lines: Iterator[bytes],
    source_name: str,
    source: Source,
    site: Site,
    *,
    received_at: int,
    known_persons: Container[str],
    hash_credential: HashCredential,
    name: str,
) -> _Opened:
    header, line = b"", 0
    while not header:
        whole = next(lines, None)
        if whole is None:
            raise UnusableFile(f"{name}: the file is empty; its first line must name its columns")
        line += 1
        header = whole.removeprefix(BOM_UTF8).strip() if line == 1 else whole.strip()
    try:
        needed = needed_columns(source)
        columns = _columns(name, line, header, needed, source_name)
        mapping = Mapping(
            source_name,
            source,
            site,
            columns,
            received_at=received_at,
            known_persons=known_persons,
            hash_credential=hash_credential,
        )
    except InvalidTemplate as error:
        raise UnusableFile(f"{name}: source {source_name!r} in site.yaml cannot read it: {error}") from error
    return _Opened(Lines(lines, line + 1), mapping, len(columns), header)


def _blocks(opened: _Opened, rows: int) -> Iterator[Block]:
    lines = opened.lines
    size = min(rows, _FIRST_ROWS)
    while block := lines.take_block(size):
        signals = plain_signals(block, opened.mapping, opened.width)
        if signals is not None:
            size = min(rows, 2 * size)
            yield Block(signals, [])
        elif len(block) > _FIRST_ROWS:
            lines.give_back(block)
            size = _FIRST_ROWS  # an odd row makes its neighbours slow, but not all of these
        else:
            end = lines.number
            lines.give_back(block)
            yield block_of(_rows(opened, end))


def _rows(opened: _Opened, until: int | None = None) -> Iterator[Signal | Rejected]:
    for record in records(opened.lines, opened.width, opened.header, until):
        if isinstance(record, Rejected):
            yield record
            continue
        line, text, fields = record
        try:
            yield opened.mapping.signal(text, fields)
        except RefusedRow as refused:
            yield Rejected(line, refused.reason, refused.detail, text.encode(), opened.header)


def _columns(name: str, line: int, header: bytes, needed: list[str], source_name: str) -> list[str]:
    if header.startswith(_UTF16):
        raise UnusableFile(f"{name}: it is UTF-16; save it as UTF-8 and import it again")
    if b"\0" in header:
        raise UnusableFile(f"{name}: it is a binary file; export a CSV file (UTF-8) from where it comes")
    if header.startswith(b'{"'):
        raise UnusableFile(
            f"{name}:{line}: these are JSON lines, and {source_name!r} reads CSV; "
            "signals in JSON lines are imported with --source signals"
        )
    if b"\r" in header.partition(b'"')[0]:
        raise UnusableFile(
            f"{name}: its lines end in CR alone; convert them "
            f"(tr '\\r' '\\n' < {name} > unix.csv) and import the result"
        )
    if len(header) > ROW_LIMIT_BYTES:
        raise UnusableFile(
            f"{name}:{line}: the header is longer than {ROW_LIMIT_BYTES:,} bytes; is it a CSV file?"
        )
    try:
        text = header.decode()
    except UnicodeDecodeError as error:
        raise UnusableFile(
            f"{name}:{line}: the header is not UTF-8. If the file is GBK, convert it "
            f"(iconv -f GB18030 -t UTF-8 {name} > utf8.csv) and import the result"
        ) from error
    try:
        columns = [column.strip() for column in next(csv.reader([text], strict=True))]
    except csv.Error as error:
        raise UnusableFile(f"{name}:{line}: the header's quotes do not match; correct it") from error
    missing = [column for column in needed if column not in columns]
    if missing:
        raise UnusableFile(
            f"{name}:{line}: the header lacks {', '.join(missing)}; it has {', '.join(columns)}. "
            f"Is {source_name!r} the right source? Its columns stand in site.yaml, and commas part them"
        )
    twice = [column for column in needed if columns.count(column) > 1]
    if twice:
        raise UnusableFile(f"{name}:{line}: the header names {', '.join(twice)} twice; rename one of each")
    return columns
