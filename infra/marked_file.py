"""A file that grows, read up to a place, and how it is found again after it was renamed, copied or cut.

What tells a file from another is what was read of it: its last bytes before the place. Device and inode do
not, since both are given again: the inode when a file is removed, the device when a volume is mounted anew.
"""

import hashlib
import os
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Final, Self

TAIL_BYTES: Final = 1_024
"""Of the bytes before a place so many are looked at: a line or two, and lines have ids."""
_LENGTH_BYTES: Final = 2


def mark_of(tail: bytes) -> bytes:
    """Return what is remembered of the last bytes that were read: how many they are, and their digest."""
    tail = tail[-TAIL_BYTES:]
    return len(tail).to_bytes(_LENGTH_BYTES, "big") + hashlib.blake2b(tail, digest_size=16).digest()


class MarkedFile:
    """An open file, read up to `place` (in bytes); `mark` is of what stands before, empty where nobody knows.

    `size` is its size when what was read was last seen to stand there still, `seen_at` when that was, by the
    monotonic clock.
    """

    def __init__(self, path: Path, place: int = 0, mark: bytes = b"") -> None:
        """Open it.

        Raises:
            OSError: it cannot be opened.
        """
        self.path, self.place, self.mark, self.size = path, place, mark, place
        self.seen_at = time.monotonic()
        self.file: BinaryIO = path.open("rb")

    @classmethod
    def find_again(cls, path: Path, place: int, mark: bytes) -> Self | None:
        """Open the file that was read up to this place: at its path, or beside it, renamed or copied.

        None: it is not there, or nobody can read it.

        Raises:
            OSError: the file at the path cannot be read.
        """
        found = cls(path, place, mark)
        if found.is_as_it_was():
            return found
        found.close()
        if not mark:
            return None
        for other in _beside(path):
            with suppress(OSError):
                found = cls(other, place, mark)
                if found.is_as_it_was():
                    return found
                found.close()
        return None

    def is_as_it_was(self) -> bool:
        """Return whether what was read stands there still, or as far as is known."""
        number = self.file.fileno()
        size, length = os.fstat(number).st_size, int.from_bytes(self.mark[:_LENGTH_BYTES], "big")
        if size < self.place:
            return False
        # Past the file's buffer, which may hold what is not there any more.
        if self.mark and mark_of(os.pread(number, length, self.place - length)) != self.mark:
            return False
        self.size, self.seen_at = size, time.monotonic()
        return True

    def is_at(self, path: Path) -> bool:
        """Return whether this is the file at the path, or none is there.

        Raises:
            OSError: nobody can say.
        """
        try:
            return os.path.samestat(os.fstat(self.file.fileno()), path.stat())
        except FileNotFoundError:  # renamed, and the next not yet made
            return True

    def passed_over(self, path: Path, new: "MarkedFile") -> list[str]:
        """Return the names of files that may have been at the path between this one and the new.

        They are those beside it that were written after this one.
        """
        status, now = os.fstat(self.file.fileno()), os.fstat(new.file.fileno())
        newer = []
        for other in _beside(path):
            with suppress(OSError):
                found = other.stat()
                is_known = os.path.samestat(found, status) or os.path.samestat(found, now)
                if not is_known and found.st_mtime_ns > status.st_mtime_ns:
                    newer.append(other.name)
        return newer

    def close(self) -> None:
        """Let go of it; closing twice is harmless."""
        self.file.close()


def _beside(path: Path) -> Iterator[Path]:
    """Yield the files that may once have had this path: their names begin like its own."""
    others: list[Path] = []
    with suppress(OSError):  # who may read a file may perhaps not list its folder
        others = sorted(path.parent.iterdir())
    for other in others:
        if other.name.startswith(path.stem) and other.name != path.name and other.is_file():
            yield other
