"""Commands called as people and programs call them: each in a process of its own, made by `forking`."""

import contextlib
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from tests.command_line.forking import ROOT, run_command

RECORDING: Final = ROOT / "examples" / "gastech" / "prox.csv"
READ_ROWS: Final = 3_000
"""How many rows of the recording are in the home that tests ask."""


def limen(
    *arguments: object, home: Path | None = None, language: str = "en", exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command; whatever happens, it shows no traceback."""
    environment = {**os.environ, "LIMEN_LANGUAGE": language, "TERM": "dumb", "COLUMNS": "100"}
    environment.pop("LIMEN_HOME", None)
    if home is not None:
        environment["LIMEN_HOME"] = str(home)
    done = run_command(arguments, environment, home.parent if home else ROOT)
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
    return done


def answer(*arguments: str | Path, home: Path, exit_code: int = 0) -> Any:
    """Return a command's answer in JSON."""
    return json.loads(limen(*arguments, "--json", home=home, exit_code=exit_code).stdout)


def on_terminal(*arguments: str | Path, home: Path, columns: int = 80, language: str = "en") -> str:
    """Return what a command shows on a terminal of so many columns, without colours."""
    reader, writer = pty.openpty()
    fixed = {"LIMEN_HOME": str(home), "LIMEN_LANGUAGE": language, "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "infra.cli", *map(str, arguments)]
    environment = {**os.environ, **fixed, "PYTHONPATH": str(ROOT)}
    streams = {"stdin": writer, "stdout": writer, "stderr": writer}
    with subprocess.Popen(command, **streams, cwd=ROOT, env=environment) as process:
        os.close(writer)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal tells that nobody writes to it any more
            while chunk := os.read(reader, 65536):
                shown += chunk
        process.wait()
    os.close(reader)
    assert process.returncode == 0, shown.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")
