"""Lines of a file of signals, some at a time, ready for the spool."""

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from connectors.jsonl_file import read_line
from connectors.rejection import RefusedRow, UnusableFile
from domain.signal import write_signal
from infra.marked_file import TAIL_BYTES, MarkedFile, mark_of
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
_QUIET_SECONDS: Final = 2.0
"""A renamed file that has said nothing for so long is left: who writes may need a moment for the new one."""
_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Begun:
    """A file is begun at its first byte, since the one that was followed is no more what it was.

    `read_bytes`: so far the former was read. `is_cut`: it was not renamed and read to its end, but cut or
    replaced; `unread_bytes` more had just been seen of it, None where nobody had looked. `passed_over` are
    files that may have been at the path in between.
    """

    read_bytes: int
    is_cut: bool
    unread_bytes: int | None = None
    passed_over: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Read:
    """Some lines of a file: the signals in them, what could not be read, and the place behind, in bytes.

    `tail` are the last bytes before the place. `at_end`: for now there is nothing more. `begun`: the place is
    one in another file than before.
    """

    drafts: list[Draft]
    rejections: list[Rejection]
    place: int
    at_end: bool
    tail: bytes = b""
    begun: Begun | None = None

    @property
    def is_empty(self) -> bool:
        """Whether nothing was read."""
        return not self.drafts and not self.rejections

    @property
    def mark(self) -> bytes:
        """By what the file is known again; see `infra.marked_file`."""
        return mark_of(self.tail) if self.tail else b""


def read_lines(
    path: Path,
    place: int,
    mark: bytes = b"",
    *,
    room_bytes: int,
    follow: bool,
    stopping: threading.Event,
) -> Iterator[Read]:
    """Yield a file's lines from `place` (in bytes) on, some at a time; each time they fit into the spool.

    A last line without an end is taken as it is, unless the file is followed: then its rest is waited for.
    At the end of the file what is yielded is empty, again and again while it is followed.
    A followed file that was renamed, or copied and cut, is read to its end; then the one that is at its path
    is begun, and what is yielded first says so.
    `room_bytes` is what the empty spool takes: a signal for which that is too little is rejected.

    Raises:
        UnusableFile: the file cannot be read; or it is not followed, and not the one that was read before.
    """
    try:
        if follow:
            yield from _follow(path, place, mark, room_bytes, stopping)
        else:
            yield from _read_to_end(path, place, mark, room_bytes, stopping)
    except OSError as error:
        raise UnusableFile(f"{path}: {error.strerror or error}; check its name and permissions") from error


def _read_to_end(
    path: Path, place: int, mark: bytes, room_bytes: int, stopping: threading.Event
) -> Iterator[Read]:
    source = MarkedFile(path, place, mark)
    try:
        read = None
        while not stopping.is_set() and (read is None or not read.at_end):
            read = _next(source, room_bytes, follow=False)
            if read is None:
                raise UnusableFile(
                    f"{path}: what was read, up to byte {source.place:,}, does not stand there any more: "
                    "it was cut or replaced; give the new one another name"
                )
            yield read
    finally:
        source.close()


def _follow(
    path: Path, place: int, mark: bytes, room_bytes: int, stopping: threading.Event
) -> Iterator[Read]:
    source, begun = _found_again(path, place, mark)
    left_at = _NEVER  # since when it is not at its path any more, and nothing more has come
    try:
        while not stopping.is_set():
            if begun is not None:
                yield Read([], [], 0, at_end=False, begun=begun)
                begun = None
            is_left = not source.is_at(path)  # asked first: who writes the new one has ended the old
            is_over, before = time.monotonic() - left_at >= _QUIET_SECONDS, source.place
            read = _next(source, room_bytes, follow=not is_over)
            if read is None:
                left, left_at = source, _NEVER
                left.close()
                source, begun = _found_again(path, left.place, left.mark, left)
                continue
            yield replace(read, at_end=read.at_end and not is_left)
            if source.place > before or not is_left:
                left_at = _NEVER
            elif is_over:
                source, begun, left_at = *_after(source, path), _NEVER
            else:
                left_at = min(left_at, time.monotonic())
            if read.place == before:
                stopping.wait(_FOLLOW_SECONDS)
    finally:
        source.close()


def _found_again(
    path: Path, place: int, mark: bytes, left: MarkedFile | None = None
) -> tuple[MarkedFile, Begun | None]:
    """Return the file that was read, where it is now; else the one at its path, from its first byte on."""
    found = MarkedFile.find_again(path, place, mark)
    if found is not None:
        return found, None
    was_seen = left is not None and time.monotonic() - left.seen_at < _QUIET_SECONDS
    unread = left.size - place if left is not None and (was_seen or left.size > place) else None
    return MarkedFile(path), Begun(place, is_cut=True, unread_bytes=unread)


def _after(left: MarkedFile, path: Path) -> tuple[MarkedFile, Begun]:
    """Return the file at the path, from its first byte on, in the place of one that was read to its end."""
    found = MarkedFile(path)
    passed_over = tuple(left.passed_over(path, found))
    left.close()
    return found, Begun(left.place, is_cut=False, passed_over=passed_over)


def _next(source: MarkedFile, room_bytes: int, *, follow: bool) -> Read | None:
    """Read on; None where what was read before does not stand there any more."""
    source.file.seek(source.place)  # before the half of a line that was read, too
    read = _some_lines(source.file.readline, str(source.path), source.place, room_bytes, follow=follow)
    if not source.is_as_it_was():  # asked last: it may have been cut, and be longer again than it was
        return None
    if read.place > source.place:
        source.place, source.mark = read.place, read.mark
    return read


def _some_lines(
    readline: Callable[[int], bytes], name: str, place: int, room_bytes: int, *, follow: bool
) -> Read:
    drafts: list[Draft] = []
    rejections: list[Rejection] = []
    at_end, tail = False, b""
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
        tail = (tail + line[-TAIL_BYTES:])[-TAIL_BYTES:]
    return Read(drafts, rejections, place, at_end, tail)


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
