"""Lines of a file of signals, some at a time, ready for the spool."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from connectors.jsonl_file import read_line
from connectors.rejection import RefusedRow, UnusableFile
from domain.signal import write_signal
from streams.log import Draft
from streams.quarantine import Rejection, RejectionReason
from streams.spool import taken_bytes

BATCH: Final = 5_000
SOURCE: Final = "signals"
_BATCH_BYTES: Final = 16_000_000
_BATCHES_IN_SPOOL: Final = 4
"""A batch is at most this part of the spool: it must not wait until the spool is nearly empty."""
_LINE_LIMIT_BYTES: Final = 64 * 1024 * 1024
_FOLLOW_SECONDS: Final = 0.2


@dataclass(frozen=True, slots=True)
class Read:
    """Some lines of a file: the signals in them, what could not be read, and the place behind, in bytes.

    `at_end`: for now there is nothing more.
    """

    drafts: list[Draft]
    rejections: list[Rejection]
    place: int
    at_end: bool

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read."""
        return not self.drafts and not self.rejections


def read_lines(
    path: Path, place: int, *, room_bytes: int, follow: bool, stopping: threading.Event
) -> Iterator[Read]:
    """Yield a file's lines from `place` (in bytes) on, some at a time; each time they fit into the spool.

    A last line without an end is taken as it is, unless the file is followed: then its rest is waited for.
    At the end of the file what is yielded is empty, again and again while it is followed.
    `room_bytes` is what the empty spool takes: a signal for which that is too little is rejected.

    Raises:
        UnusableFile: the file cannot be read, or is shorter than it was.
    """
    try:
        with path.open("rb") as file:
            size = file.seek(0, 2)
            if size < place:
                raise UnusableFile(
                    f"{path}: it has {size:,} bytes, but {place:,} were read before: it was cut or replaced; "
                    "give the new one another name"
                )
            while not stopping.is_set():
                file.seek(place)  # before the half of a line that was read, too
                read = _some_lines(file.readline, str(path), place, room_bytes, follow=follow)
                yield read
                if read.place == place:
                    if not follow:
                        return
                    stopping.wait(_FOLLOW_SECONDS)
                place = read.place
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or error}; check its name and permissions") from error


def _some_lines(
    readline: Callable[[int], bytes], name: str, place: int, room_bytes: int, *, follow: bool
) -> Read:
    drafts: list[Draft] = []
    rejections: list[Rejection] = []
    at_end = False
    left = min(_BATCH_BYTES, room_bytes // _BATCHES_IN_SPOOL)
    while len(drafts) + len(rejections) < BATCH and left > 0:
        line = readline(_LINE_LIMIT_BYTES)
        torn = not line.endswith(b"\n") and len(line) < _LINE_LIMIT_BYTES
        if not line or (torn and follow):
            at_end = True
            break
        raw = line.rstrip(b"\r\n")
        if raw.strip():
            try:
                draft = _draft(raw, room_bytes, torn=torn)
            except RefusedRow as refused:
                at_us = time.time_ns() // 1_000
                reason, detail = RejectionReason(refused.reason), f"byte {place}: {refused.detail}"
                rejections.append(Rejection(SOURCE, name, None, reason, detail, raw, at_us))
                left -= len(raw)
            else:
                if drafts and taken_bytes(draft) > left:
                    break  # it begins the next batch
                drafts.append(draft)
                left -= taken_bytes(draft)
        place += len(line)
    return Read(drafts, rejections, place, at_end)


def _draft(raw: bytes, room_bytes: int, *, torn: bool) -> Draft:
    """Return the signal in a line.

    Raises:
        RefusedRow: there is none, or the spool can never take it.
    """
    if len(raw) >= _LINE_LIMIT_BYTES:
        raise RefusedRow("too_long", f"a line of {len(raw):,} bytes or more is no signal")
    signal = read_line(raw, torn=torn)
    draft = Draft(signal.id, signal.site, write_signal(signal))
    if taken_bytes(draft) > room_bytes:
        raise RefusedRow(
            "too_long",
            f"the signal is {len(draft.wire):,} bytes, the whole spool takes {room_bytes:,}: send it without "
            "what is not needed, or raise spool_limit_megabytes",
        )
    return draft
