"""What work says on standard error while it lasts: for people on a terminal, for programs elsewhere."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import Iterator

import pytest
import structlog

from infra.logging import configure_logging
from infra.progress import shown
from infra.settings import Settings

SAID_ON_A_TERMINAL = """
import structlog
from infra.logging import configure_logging
from infra.progress import shown
from infra.settings import Settings
with shown(True) as report:
    for done in range(0, 2_001, 500):
        report("rows", done, 2_000)
configure_logging(Settings())
structlog.get_logger().info("running", home="office")
"""


@pytest.fixture
def logging_as_it_was() -> Iterator[None]:
    """Leave the process's logging as it was found."""
    yield
    structlog.reset_defaults()


def test_progress_elsewhere_is_a_line_now_and_then(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal the end is told, once, and little before it."""
    with shown(wanted=True) as report:
        for done in (1_000, 2_000, 29_763, 29_763):
            report("rows", done, 29_763)
        report("signals", 5, None)
        report("signals", 5, 5)
    assert capsys.readouterr() == ("", "rows: 29,763 of 29,763\nsignals: 5 of 5\n")


def test_progress_that_nobody_wants_is_not_shown(capsys: pytest.CaptureFixture[str]) -> None:
    """A question answered at once says nothing but its answer."""
    with shown(wanted=False) as report:
        report("rows", 1, 1)
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("form", ["auto", "json"])
@pytest.mark.usefixtures("logging_as_it_was")
def test_log_entries_are_json_where_no_terminal_is(capsys: pytest.CaptureFixture[str], form: str) -> None:
    """One object a line, on standard error, with level and time; what is below the level is left out."""
    configure_logging(Settings.model_validate({"log_format": form, "log_level": "warning"}))
    structlog.get_logger().info("alert", rule="density")
    structlog.get_logger().warning("storage refuses", error="磁盘")
    out, said = capsys.readouterr()
    entry = json.loads(said)
    assert (out, entry["event"], entry["level"], entry["error"]) == ("", "storage refuses", "warning", "磁盘")
    assert entry["timestamp"].endswith("Z")


@pytest.mark.usefixtures("logging_as_it_was")
def test_log_entries_can_be_for_people_anywhere(capsys: pytest.CaptureFixture[str]) -> None:
    """With log_format console they are lines, whoever reads them."""
    configure_logging(Settings(log_format="console"))
    structlog.get_logger().info("running", home="office")
    said = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().err)
    assert re.search(r"\[info +\] running +home=office\n$", said), said


def test_a_terminal_shows_a_bar_and_lines_for_people() -> None:
    """On a terminal progress is a bar with its count, and log entries are no JSON."""
    reader, writer = pty.openpty()
    command = [sys.executable, "-c", SAID_ON_A_TERMINAL]
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    with subprocess.Popen(command, stdin=writer, stdout=writer, stderr=writer, env=environment) as process:
        os.close(writer)
        shown_bytes = b""
        with contextlib.suppress(OSError):  # how a terminal tells that nobody writes to it any more
            while chunk := os.read(reader, 65536):
                shown_bytes += chunk
    os.close(reader)
    said = shown_bytes.decode()
    assert process.returncode == 0, said
    assert "2000/2000" in said
    assert "━" in said
    assert "running" in said and '{"' not in said
