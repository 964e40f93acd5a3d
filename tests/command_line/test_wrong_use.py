"""What is asked wrongly is answered with what may be asked, and not with nothing."""

import os
import re
from pathlib import Path

import pytest

from tests.command_line.calling import RECORDING, answer, limen


@pytest.mark.parametrize("time", ["yesterday", "2016-13-01", "2016-03-27T03:30"])
def test_what_is_no_time_is_wrong_use(home: Path, time: str) -> None:
    """A time nobody can read, or that the clocks leave out, is explained with an example."""
    assert re.search(r"2016-0\d-\d\dT", limen("occupancy", "--at", time, home=home, exit_code=2).stderr)


@pytest.mark.parametrize("command", ["events --from-offset", "quarantine show", "quarantine retry"])
def test_a_number_beyond_all_bounds_is_wrong_use(home: Path, command: str) -> None:
    """No number of a person's is too large to be answered with what may be given."""
    assert str(10**12) in limen(*command.split(), str(10**30), home=home, exit_code=2).stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("quarantine show 999", "no entry 999"),
        ("quarantine retry 999", "no entry 999"),
        ("case show nope", "no alert nope"),
        ("alerts --rule nope", "'nope' is none of"),
        ("alerts --zone nope", "'nope' is none of"),
    ],
)
def test_what_is_named_and_not_there_is_wrong_use(home: Path, command: str, said: str) -> None:
    """Whatever it is, the exit code is the same, and the message says what there is or where it is listed."""
    assert said in limen(*command.split(), home=home, exit_code=2).stderr


@pytest.mark.parametrize("command", ["visits", "alerts"])
def test_a_span_that_ends_before_it_begins_is_wrong_use(home: Path, command: str) -> None:
    """It is not answered with nothing."""
    asked = (command, "--from", "2017-01-01", "--to", "2016-01-01")
    assert "exchange the two" in limen(*asked, home=home, exit_code=2).stderr


def test_what_is_no_text_is_wrong_use(tmp_path: Path) -> None:
    """Bytes in an argument that are not UTF-8 are refused before anything is made."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/n\xff")
    assert "not UTF-8" in limen("init", "--template", "campus", "--home", name, exit_code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_source_and_missing_file(empty: Path) -> None:
    """A source that is not described is wrong use; a file that is not there is a failure."""
    assert "prox" in limen("import", RECORDING, "--source", "turnstile", home=empty, exit_code=2).stderr
    limen("import", empty / "missing.csv", "--source", "prox", home=empty, exit_code=3)


def test_a_pipe_is_refused(empty: Path) -> None:
    """What cannot be read twice, or by the process that owns the home, is refused; nobody waits."""
    os.mkfifo(empty.parent / "pipe")
    for source in ("prox", "signals"):
        refused = limen("import", empty.parent / "pipe", "--source", source, home=empty, exit_code=3)
        assert "pipe: this is a pipe or a device" in refused.stderr
    assert answer("status", home=empty)["signals"] == 0
