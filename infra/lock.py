"""The lock on a home: one process at a time, and who it is."""

import fcntl
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.failure import Failure
from streams.no_room import no_room

FILE: Final = "home.lock"
_POLL_SECONDS: Final = 0.05


class InUse(Failure):
    """Another process owns the home."""

    def __init__(self, root: Path, owner: "Owner") -> None:
        who = f"process {owner.pid}" if owner.pid else "another process"
        super().__init__(
            f"{root} is in use by {who}: wait until it is done, or stop it with kill {owner.pid or ''}"
        )
        self.owner = owner


class Lock:
    """Exclusive ownership of a home, let go of by `close` or by the death of the process."""

    def __init__(self, root: Path, wait_seconds: float = 0) -> None:
        """Take the lock, waiting at most so long for a process that is about to end.

        Raises:
            InUse: another process has it.
            Failure: the folder cannot be written.
        """
        self._path = root / FILE
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            remedy = no_room(error) or "make the folder writable"
            raise Failure(
                f"{root} cannot be written ({error.strerror}): Limen keeps its log there; "
                f"{remedy}, or name another with --home"
            ) from error
        until = time.monotonic() + wait_seconds
        while not self._take():
            owner = read_owner(root)
            if owner.socket or time.monotonic() >= until:
                self.close()
                raise InUse(root, owner)
            time.sleep(_POLL_SECONDS)
        self.announce()

    def announce(self, socket: str | None = None) -> None:
        """Say in the lock's file who we are, and at which socket we answer."""
        text = json.dumps({"pid": os.getpid(), "socket": socket}).encode()
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, text, 0)
        except OSError as error:
            remedy = no_room(error) or "check its disk"
            raise Failure(f"{self._path} cannot be written ({error.strerror}): {remedy}") from error

    def close(self) -> None:
        """Let go; closing twice is harmless."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _take(self) -> bool:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Owner:
    """Who took a home last. None is unknown, or for the socket: does not answer at one."""

    pid: int | None = None
    socket: str | None = None


def owner_now(root: Path) -> Owner | None:
    """Return who owns a home at this moment, None where nobody does; the lock stays as it is."""
    try:
        file = os.open(root / FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None  # nobody has ever had it, or nobody may look
    try:
        fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return read_owner(root)
    finally:
        os.close(file)
    return None


def read_owner(root: Path) -> Owner:
    """Return what the newest owner said of itself, be it alive or not."""
    try:
        said = json.loads((root / FILE).read_text())
        return Owner(int(said["pid"]), said["socket"] and str(said["socket"]))
    except (OSError, ValueError, TypeError, KeyError):
        return Owner()
