"""The demonstration: the first thing anybody sees, and every command it recommends."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.command_line.calling import ROOT, limen


@pytest.mark.slow
def test_the_demonstration_shows_what_there_is_and_what_to_try(tmp_path: Path) -> None:
    """Recording and simulation become bars and alerts; each command at the end works as it is printed."""
    home = tmp_path / "a demo"
    done = limen("demo", "--home", home)
    shown = done.stdout
    assert "29,762 signals (duplicates 1, unreadable 0) became 1,195 visits of 115 people." in shown
    assert "400 people" in shown
    assert re.search(r"^2-6 .* \d+ +\d+–\d+ +█+", shown, re.MULTILINE)
    for rule, meaning in (("after_hours", "outside their working hours"), ("door_forced", "without leave")):
        assert re.search(rf"{rule} +\d+ .*{meaning}", shown), rule
    offered = re.findall(r"^  # .*\n  (.*)$", shown.split("Try next")[1], re.MULTILINE)
    assert len(offered) == 8
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "COLUMNS": "100"}
    for line in offered:
        if " run " not in line:  # which would not end by itself
            tried = subprocess.run(
                line, shell=True, capture_output=True, text=True, env=environment, cwd=home, check=False
            )
            assert (tried.returncode, bool(tried.stdout)) == (0, True), (line, tried.stderr)


def test_it_plays_only_where_nothing_else_is(tmp_path: Path) -> None:
    """A folder that holds anything else is left as it is, and without the recording nothing is made."""
    (tmp_path / "mine.txt").write_text("mine")
    assert "another with --home" in limen("demo", "--home", tmp_path, exit_code=3).stderr
    assert "--recording" in limen("demo", "--home", tmp_path / "new", "--recording", "no", exit_code=3).stderr
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
