"""What the engine makes of logs in a file, in few bytes: one line for each log.

    python -m tests.decision_digests FILE

FILE holds signals as lines, and an empty line after each log. The first line printed says whether the rules
are compiled; then, for each log: events, digest of the events, digest of the snapshot.
"""

import os
import subprocess
import sys
from collections.abc import Iterable, Iterator, Sequence
from hashlib import sha256
from pathlib import Path

from domain.event import write_event
from domain.kernels import COMPILED
from domain.signal import Signal, read_signal, write_signal
from streams.engine import Engine

BATCH = 97
"""Signals decided at once; no number of anything else."""


def digest(log: Sequence[Signal]) -> str:
    """Decide a log, restoring the engine after each batch, and return what followed."""
    engine, events = Engine(log[0].site), []
    for start in range(0, len(log), BATCH):
        events += [write_event(event) for event in engine.decide(log[start : start + BATCH])]
        engine = Engine.restore(engine.snapshot())
    digests = (sha256(content).hexdigest() for content in (b"\n".join(events), engine.snapshot()))
    return " ".join([str(len(events)), *digests])


def write_logs(path: Path, logs: Iterable[Sequence[Signal]]) -> None:
    """Write logs to be read by `main`."""
    with path.open("wb") as file:
        for log in logs:
            file.writelines(write_signal(signal) + b"\n" for signal in log)
            file.write(b"\n")


def read_logs(path: Path) -> Iterator[list[Signal]]:
    """Read what `write_logs` wrote, one log after another."""
    log: list[Signal] = []
    for line in path.read_bytes().splitlines():
        if line:
            log.append(read_signal(line))
        else:
            yield log
            log = []


def decided_elsewhere(module: str, logs: Sequence[Sequence[Signal]], folder: Path, *, jit: bool) -> list[str]:
    """Run a module of the tests over logs, in a process with compiled or plain rules; return its lines."""
    write_logs(folder / "logs.jsonl", logs)
    other = subprocess.run(
        [sys.executable, "-m", module, str(folder / "logs.jsonl")],
        env=os.environ | {"NUMBA_DISABLE_JIT": "0" if jit else "1"},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert other.returncode == 0, other.stderr
    return other.stdout.splitlines()


def main(path: str) -> None:
    """Print the digests of a file's logs."""
    print("compiled" if COMPILED else "plain")  # noqa: T201
    for log in read_logs(Path(path)):
        print(digest(log))  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
