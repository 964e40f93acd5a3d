"""Standard output and standard error: always there, and no reason to break off half-way.

Either may be closed (`>&-`), be a pipe whose reader has gone (`| head`), or be a terminal that cannot show
every character.
"""

import contextlib
import io
import os
import sys
from collections.abc import Iterator
from typing import Final, TextIO

OUTPUT: Final = 1
ERROR: Final = 2


class Unread(BaseException):
    """Whoever read our output has gone. No `except OSError` on the way may take it for something else."""


def open_streams() -> None:
    """Make both of them fit to be written to; to be called once, before anything is."""
    _occupy_closed()
    sys.stdout = _fit(sys.stdout, OUTPUT, errors="replace")
    sys.stderr = _fit(sys.stderr, ERROR, errors="backslashreplace")


def is_utf8() -> bool:
    """Return whether standard output takes every character."""
    return sys.stdout.encoding.lower().replace("_", "-") in ("utf-8", "utf8")


def flush_output() -> None:
    """Write out what waits; if it cannot be written, let go of it, so that the interpreter's end is quiet.

    Raises:
        Unread: nobody reads it any more.
        OSError: the disk it goes to is full, for instance.
    """
    try:
        sys.stdout.flush()
    except BaseException:
        leave_streams(OUTPUT)
        raise


def leave_streams(*numbers: int) -> None:
    """Let these lead nowhere from now on."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for number in numbers:
        os.dup2(nowhere, number)
    os.close(nowhere)


class _Stream(io.TextIOWrapper):
    """Text output that says `Unread` where its reader has gone, and of any other error, that it is there."""

    def write(self, text: str, /) -> int:
        with _noticed():
            return super().write(text)

    def flush(self) -> None:
        with _noticed():
            super().flush()


@contextlib.contextmanager
def _noticed() -> Iterator[None]:
    try:
        yield
    except BrokenPipeError as error:
        raise Unread from error
    except OSError as error:
        error.filename = error.filename or "the output"
        raise


def _occupy_closed() -> None:
    """Open what is closed of the first three files: else the log might be opened as one of them."""
    while (number := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(number, True)
    os.close(number)


def _fit(stream: TextIO | None, number: int, errors: str) -> TextIO:
    if stream is None:  # it was closed when the interpreter started
        return _Stream(open(number, "wb", closefd=False), encoding="utf-8", errors=errors)
    if not isinstance(stream, io.TextIOWrapper):
        return stream
    encoding, by_line, buffer = stream.encoding, stream.line_buffering, stream.detach()
    if isinstance(buffer, io.RawIOBase):  # PYTHONUNBUFFERED; what a pipe takes in parts would be cut short
        by_line, buffer = True, io.BufferedWriter(buffer)
    return _Stream(buffer, encoding=encoding, errors=errors, line_buffering=by_line)
