"""What a file import does with what it cannot read: one row is set aside, or the whole file is refused."""

from collections.abc import Generator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final, Literal

from domain.times import DAY_US

ROW_LIMIT_BYTES: Final = 64 * 1024
"""A longer row is no reading of any device; it is kept, but not looked into."""
_READ_LIMIT_BYTES: Final = 64 * 1024 * 1024  # a "line" without end must not fill the memory

EARLIEST_US: Final = 946_684_800_000_000
"""2000-01-01 UTC: no device in use has readings from before, but many start there or in 1970 when reset."""
AHEAD_US: Final = DAY_US
"""How far after the import a reading may say it was: a day, for clocks set to another zone."""

RejectionReason = Literal[
    "wrong_encoding",
    "wrong_columns",
    "bad_time",
    "implausible_time",
    "nonexistent_time",
    "unknown_point",
    "unknown_action",
    "unknown_direction",
    "negative_count",
    "too_long",
    "torn_line",
    "binary",
    "unreadable",
    "bad_number",
]


class ConnectorError(Exception):
    """Root of the connectors' errors; never raised itself."""


class UnusableFile(ConnectorError):
    """Nothing of a file can be read; the message names the file, what is wrong, and what to do."""


class RefusedRow(ConnectorError):
    """A row that makes no signal; the import turns it into `Rejected`."""

    def __init__(self, reason: RejectionReason, detail: str):
        super().__init__(f"{reason}: {detail}")
        self.reason: RejectionReason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Rejected:
    """One row for the quarantine.

    `line` is the row's first line in its file, from 1. `raw` is the row without its line end, whole.
    `header` is the file's first line where there is one, so that the row can be read again by itself.
    """

    line: int
    reason: RejectionReason
    detail: str
    raw: bytes
    header: bytes = b""


def file_lines(path: Path) -> Generator[bytes]:
    """Yield the lines of a file with their ends, pieces of 64 MiB at most.

    Raises:
        UnusableFile: it cannot be opened or read, or is no file: what comes through a pipe cannot be read
            again, nor by another process, which may be the one that owns the home.
    """
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise UnusableFile(f"{path}: this is a pipe or a device; write what it holds to a file first")
        with path.open("rb") as file:
            yield from iter(partial(file.readline, _READ_LIMIT_BYTES), b"")
    except FileNotFoundError as error:
        raise UnusableFile(f"{path}: there is no such file; check its name") from error
    except IsADirectoryError as error:
        raise UnusableFile(f"{path}: this is a folder; name the files in it") from error
    except PermissionError as error:
        raise UnusableFile(f"{path}: it may not be read; check its permissions") from error
    except OSError as error:
        raise UnusableFile(f"{path}: it cannot be read: {error.strerror or error}") from error


def check_row(raw: bytes, *, torn: bool) -> str:
    """Return a row's text.

    `torn` says that the file ends without a line end, so a character cut in two is the cut's.

    Raises:
        RefusedRow: too long, binary, or not UTF-8.
    """
    if len(raw) > ROW_LIMIT_BYTES:
        raise RefusedRow("too_long", f"{len(raw):,} bytes; a row has at most {ROW_LIMIT_BYTES:,}")
    if b"\0" in raw:
        raise RefusedRow("binary", "it holds NUL bytes, which no text has")
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        if torn and error.reason == "unexpected end of data":
            raise RefusedRow("torn_line", "the file ends in the middle of a character") from error
        raise RefusedRow(
            "wrong_encoding",
            f"byte {error.start + 1} of the row is not UTF-8; convert the file to UTF-8 and import it again",
        ) from error
