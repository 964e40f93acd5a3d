"""The control socket: how commands reach the process that owns the home.

A Unix socket that only the user who runs the process may open. One request per connection: a line of
JSON `{"command", "arguments"}`; then lines of `{"progress": [doing, done, total]}` and at last one of
`{"answer"}` or `{"error", "exit_code"}`.
"""

import json
import os
import queue
import socket
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from infra.failure import FAILED, Failure, WrongUse
from infra.home import Progress

NAME: Final = "run.sock"
_LONGEST_PATH: Final = 100
"""Bytes: an address is limited to 108 on Linux and 104 elsewhere."""
_SEND_SECONDS: Final = 10.0
_LONGEST_REQUEST: Final = 1_000_000


class Unanswered(Failure):
    """Nobody answers at the socket, or the process ended before it had answered."""


@dataclass(frozen=True, slots=True)
class Request:
    """What somebody asks. `reply` takes the messages; an asker who has gone away is not an error."""

    command: str
    arguments: dict[str, Any]
    reply: Callable[[dict[str, Any]], None]
    answered: threading.Event = field(default_factory=threading.Event)


class ControlSocket:
    """Listens in a thread of its own, and puts every request into `requests`."""

    def __init__(self, root: Path, requests: "queue.Queue[Request | None]") -> None:
        self._requests = requests
        self._root = root.resolve()
        self.path = _address(self._root)
        self.path.unlink(missing_ok=True)
        self._listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        mask = os.umask(0o177)
        try:
            self._listening.bind(str(self.path))
        finally:
            os.umask(mask)
        self._listening.listen(16)
        threading.Thread(target=self._accept, name="control-socket", daemon=True).start()

    def close(self) -> None:
        """Stop listening and remove the socket's file."""
        self._listening.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._listening.close()
        self.path.unlink(missing_ok=True)
        if self.path.parent != self._root:
            self.path.parent.rmdir()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(_SEND_SECONDS)
            try:
                asked = json.loads(connection.makefile("rb").readline(_LONGEST_REQUEST))
                request = Request(asked["command"], asked["arguments"], lambda said: _send(connection, said))
            except (OSError, ValueError, KeyError, TypeError, RecursionError):
                _send(connection, {"error": "not a request", "exit_code": FAILED})
                return
            self._requests.put(request)
            request.answered.wait()


def request(path: str, command: str, arguments: dict[str, Any], progress: Progress) -> Any:
    """Ask the process that listens at this path, and return its answer.

    Raises:
        Unanswered: nobody is there, or it ended before it had answered.
        Failure: it says it could not be done, and why.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        try:
            connection.connect(path)
            connection.sendall(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        except OSError as error:
            raise Unanswered(f"the process that owns the home does not answer ({error.strerror})") from error
        try:
            for line in connection.makefile("rb"):
                said = json.loads(line)
                if "progress" in said:
                    progress(*said["progress"])
                elif "error" in said:
                    raise _failure(said)
                else:
                    return said["answer"]
        except OSError as error:
            raise Failure(f"the process that owns the home stopped answering ({error})") from error
    raise Failure("the process that owns the home ended before it had answered: do the same again")


def _failure(said: dict[str, Any]) -> Failure:
    kind = WrongUse if said["exit_code"] == WrongUse.exit_code else Failure
    return kind(said["error"])


def _send(connection: socket.socket, said: dict[str, Any]) -> None:
    try:
        connection.sendall(json.dumps(said, ensure_ascii=False).encode() + b"\n")
    except OSError:
        return  # whoever asked has gone away


def _address(root: Path) -> Path:
    path = root / NAME
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    return Path(tempfile.mkdtemp(prefix="limen-")) / NAME
