"""Commands in processes of their own, forked from one that has imported what they import.

A new interpreter computes for half a second before it answers a question, and for longer than a second before
it decides anything; there are hundreds of them. Run as a script, this is the process they are forked from. A
request is a line of JSON, the answer a line with the exit status.

How a process itself begins and ends (imports, streams, signals, limits) is tested with `infra.cli` run anew.
"""

import atexit
import importlib
import json
import os
import pkgutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Final

import infra.cli
from infra.compiled_cache import use_compiled_cache
from infra.warming import warm_up
from infra.without_pandas import leave_pandas

ROOT: Final = Path(__file__).parents[2]
_PACKAGES: Final = ("infra.commands", "infra.answers")
_MODULES: Final = ("clickhouse_connect", "infra.progress", "streams.sqlite_log")
"""What commands import only when they need it; the embedded engine is not here, for its threads do not
survive a fork."""
_LONGEST_SECONDS: Final = 120


def run_command(
    arguments: Sequence[object], environment: Mapping[str, str], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Run `limen` with these words until it ends; nobody writes to its standard input."""
    words = [*map(str, arguments)]
    process = _forking()
    assert process.stdin is not None and process.stdout is not None
    with tempfile.NamedTemporaryFile("r") as output, tempfile.NamedTemporaryFile("r") as error:
        request = {
            "arguments": words,
            "environment": dict(environment),
            "folder": str(folder),
            "streams": [os.devnull, output.name, error.name],
        }
        process.stdin.write(json.dumps(request).encode() + b"\n")
        process.stdin.flush()
        status = int(process.stdout.readline())
        return subprocess.CompletedProcess(words, status, output.read(), error.read())


@cache
def _forking() -> "subprocess.Popen[bytes]":
    command = [sys.executable, "-m", __name__]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    atexit.register(process.communicate)
    return process


def _serve() -> None:
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            _become(**json.loads(line))
            os._exit(_exit_code())  # without going through all that was imported once more
        _, status = os.waitpid(child, 0)
        answers.write(f"{os.waitstatus_to_exitcode(status)}\n")
        answers.flush()


def _become(arguments: list[str], environment: dict[str, str], folder: str, streams: list[str]) -> None:
    for number, path in enumerate(streams):
        file = os.open(path, os.O_RDWR)
        os.dup2(file, number)
        os.close(file)
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [infra.cli.__file__, *arguments]  # as `python -m infra.cli` has it
    signal.alarm(_LONGEST_SECONDS)


def _exit_code() -> int:
    try:
        infra.cli.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    finally:
        sys.stderr.flush()
    return 0


def _load() -> None:
    use_compiled_cache()
    leave_pandas()
    for package in _PACKAGES:
        for module in pkgutil.iter_modules(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(module.name)
    for name in _MODULES:
        importlib.import_module(name)
    with tempfile.TemporaryDirectory() as empty:
        warm_up(Path(empty))


if __name__ == "__main__":
    _load()
    _serve()
