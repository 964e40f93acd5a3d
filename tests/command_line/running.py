"""A home that runs in a process of its own."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.command_line.calling import ROOT


@contextmanager
def running(home: Path) -> Iterator["subprocess.Popen[str]"]:
    """Run a home in a process of its own, and yield it when it answers."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "run", "--home", str(home)],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )
    try:
        assert process.stderr
        for line in process.stderr:
            if json.loads(line)["event"] == "running":
                break
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
