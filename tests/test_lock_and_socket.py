"""Who owns a home, and how others reach the owner."""

import json
import os
import queue
import threading
from pathlib import Path

import pytest

from infra.control_socket import ControlSocket, Request, Unanswered, request
from infra.failure import Failure, WrongUse
from infra.home import no_progress
from infra.lock import InUse, Lock


def test_second_owner_is_told_who_the_first_is(tmp_path: Path) -> None:
    """A home in use names the process id of its owner, and is free again afterwards."""
    first = Lock(tmp_path)
    with pytest.raises(InUse, match=str(os.getpid())):
        Lock(tmp_path)
    first.close()
    Lock(tmp_path).close()


def test_waiting_owner_gets_the_home_when_the_first_lets_go(tmp_path: Path) -> None:
    """A command waits for another short one instead of failing at once."""
    first = Lock(tmp_path)
    threading.Timer(0.2, first.close).start()
    Lock(tmp_path, wait_seconds=10).close()


def test_waiting_ends_at_once_when_the_owner_answers_at_a_socket(tmp_path: Path) -> None:
    """There is no use in waiting for a process that stays; it says where it answers."""
    first = Lock(tmp_path)
    first.announce("/somewhere/run.sock")
    with pytest.raises(InUse) as caught:
        Lock(tmp_path, wait_seconds=60)
    assert caught.value.owner.socket == "/somewhere/run.sock"
    first.close()


def test_a_file_in_place_of_the_folder_is_a_failure(tmp_path: Path) -> None:
    """What cannot be locked is explained, not raised as a bare system error."""
    with pytest.raises(Failure, match="cannot be written"):
        Lock(tmp_path / "missing")


def _answering(requests: "queue.Queue[Request | None]", *said: dict[str, object]) -> threading.Thread:
    def answer() -> None:
        asked = requests.get(timeout=30)
        assert asked is not None
        for message in said:
            asked.reply({**message, "echo": [asked.command, asked.arguments]})
        asked.answered.set()

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


def test_an_answer_comes_back_with_its_progress(tmp_path: Path) -> None:
    """Progress is passed on while the answer is awaited, and the answer is returned."""
    requests: queue.Queue[Request | None] = queue.Queue()
    listening = ControlSocket(tmp_path, requests)
    seen: list[tuple[str, int, int | None]] = []
    thread = _answering(requests, {"progress": ["rows", 1, None]}, {"answer": {"ok": "是"}})
    answer = request(str(listening.path), "status", {"a": 1}, lambda *step: seen.append(step))
    thread.join()
    assert (answer, seen) == ({"ok": "是"}, [("rows", 1, None)])
    listening.close()


@pytest.mark.parametrize(("exit_code", "kind"), [(2, WrongUse), (3, Failure)])
def test_a_failure_over_there_is_a_failure_here(tmp_path: Path, exit_code: int, kind: type[Failure]) -> None:
    """The exit code of a forwarded command is that of the process that could not do it."""
    requests: queue.Queue[Request | None] = queue.Queue()
    listening = ControlSocket(tmp_path, requests)
    thread = _answering(requests, {"error": "no such zone", "exit_code": exit_code})
    with pytest.raises(kind, match="no such zone"):
        request(str(listening.path), "status", {}, no_progress)
    thread.join()
    listening.close()


def test_nobody_there_is_said_so(tmp_path: Path) -> None:
    """A socket that a dead process left behind is not an endless wait."""
    with pytest.raises(Unanswered):
        request(str(tmp_path / "run.sock"), "status", {}, no_progress)


def test_an_owner_that_dies_before_it_answers_is_a_failure(tmp_path: Path) -> None:
    """A connection that ends without an answer says what to do."""
    requests: queue.Queue[Request | None] = queue.Queue()
    listening = ControlSocket(tmp_path, requests)
    thread = _answering(requests)
    with pytest.raises(Failure, match="do the same again"):
        request(str(listening.path), "status", {}, no_progress)
    thread.join()
    listening.close()


def test_only_the_owner_may_open_the_socket(tmp_path: Path) -> None:
    """The socket's file gives nobody else access."""
    listening = ControlSocket(tmp_path, queue.Queue())
    assert listening.path.stat().st_mode & 0o777 == 0o600
    listening.close()
    assert not listening.path.exists()


def test_a_deep_home_gets_a_short_address(tmp_path: Path) -> None:
    """A folder whose path is longer than an address may be is served all the same."""
    deep = tmp_path / ("a" * 60) / ("b" * 60)
    deep.mkdir(parents=True)
    requests: queue.Queue[Request | None] = queue.Queue()
    listening = ControlSocket(deep, requests)
    thread = _answering(requests, {"answer": 1})
    assert request(str(listening.path), "status", {}, no_progress) == 1
    thread.join()
    listening.close()
    assert not listening.path.parent.exists()


@pytest.mark.parametrize("garbage", [b"hello", b"[" * 50_000])
def test_what_is_no_request_is_refused(tmp_path: Path, garbage: bytes) -> None:
    """Garbage on the socket is answered with an error and disturbs nobody."""
    import socket

    requests: queue.Queue[Request | None] = queue.Queue()
    listening = ControlSocket(tmp_path, requests)
    with socket.socket(socket.AF_UNIX) as connection:
        connection.connect(str(listening.path))
        connection.sendall(garbage + b"\n")
        said = json.loads(connection.makefile("rb").readline())
    assert said["exit_code"] == 3
    assert requests.empty()
    listening.close()
