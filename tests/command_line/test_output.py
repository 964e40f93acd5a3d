"""Where an answer goes: terminals, pipes whose reader has gone, full disks, closed streams."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.failure import FAILED, UNREAD
from tests.command_line.calling import ROOT, answer, limen, on_terminal


def test_tables_are_for_people(home: Path) -> None:
    """Without --json every answer is a table with its names, and not JSON."""
    assert "people on site" in limen("occupancy", "--at", "2016-05-31T11:00", home=home).stdout
    assert limen("alerts", home=home).stdout.startswith("when ")
    assert limen("visits", home=home).stdout.startswith("person")
    assert "history holds" in limen("verify", home=home).stdout
    assert "signals" in limen("status", home=home).stdout


def test_a_terminal_shows_the_answer_and_nothing_else(home: Path) -> None:
    """On a terminal, too, no part of the machinery talks over the answer."""
    shown = on_terminal("status", home=home)
    lines = shown.strip().splitlines()
    assert "home" in lines[0]
    assert all(re.match("[a-z]", line) for line in lines), shown


@pytest.mark.parametrize(
    "command",
    ["visits", "visits --json", "alerts", "status", "signals", "events", "quarantine list", "--help"],
)
def test_a_reader_that_has_gone_is_no_answer(home: Path, command: str) -> None:
    """Whatever is told to `head` ends in the same way: quietly, and not as a "no"."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "LIMEN_HOME": str(home)}
    run = [sys.executable, "-m", "infra.cli", *command.split()]
    done = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, env=environment, cwd=ROOT, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (UNREAD, b"")


@pytest.mark.parametrize("command", ["visits --json", "status", "doctor", "--help"])
def test_an_answer_that_finds_no_room_is_a_failure(home: Path, command: str) -> None:
    """However short it is, the full disk is told of."""
    run = [sys.executable, "-m", "infra.cli", *command.split()]
    environment = {**os.environ, "LIMEN_HOME": str(home)}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            run, stdout=full, stderr=subprocess.PIPE, env=environment, cwd=ROOT, check=False
        )
    assert done.returncode == FAILED
    assert (
        done.stderr.decode()
        == "limen: the output: the disk is full: free some space there, and do the same again\n"
    )


def test_a_reader_that_goes_half_way_is_noticed(home: Path) -> None:
    """A long answer of which only the beginning was read has not been given, however it is buffered."""
    for unbuffered in ("", "1"):
        environment = {**os.environ, "LIMEN_HOME": str(home), "PYTHONUNBUFFERED": unbuffered}
        command = [sys.executable, "-m", "infra.cli", "visits", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.stdout.close()
            assert process.wait() == UNREAD


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_change_no_exit_code(home: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """Without standard output or error the same happens, and no file of the home takes their place."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    shut = " ".join(f"{number}>&-" for number in closed)
    for command, exit_code in (("verify", 0), ("visits --from never", 2), ("case show nothing", 2)):
        line = f"exec {sys.executable} -m infra.cli {command} --home {copy} {shut}"
        assert subprocess.run(["sh", "-c", line], capture_output=True, cwd=ROOT).returncode == exit_code


def test_a_terminal_that_cannot_show_everything_shows_the_rest(home: Path) -> None:
    """In another encoding tables are whole, with a mark for what it lacks, and JSON says the same."""
    run = [sys.executable, "-m", "infra.cli", "occupancy", "--at", "2016-05-31T11:00", "--home", str(home)]
    wanted = answer("occupancy", "--at", "2016-05-31T11:00", home=home)
    for encoding in ("gbk", "ascii", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        shown = subprocess.run(run, capture_output=True, env=environment, cwd=ROOT, check=True)
        assert "server-room" in shown.stdout.decode(encoding)
        said = subprocess.run([*run, "--json"], capture_output=True, env=environment, cwd=ROOT, check=True)
        assert json.loads(said.stdout.decode(encoding)) == wanted
