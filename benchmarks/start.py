"""How long `limen --help` takes, from the shell's point of view."""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

from benchmarks.figure import Figure, tell

_ROOT = Path(__file__).parents[1]


def measure(runs: int) -> list[Figure]:
    """Start it once to have its files in memory, then so many times."""
    beside = shutil.which("limen", path=str(Path(sys.executable).parent))
    command = [beside] if beside else [sys.executable, "-m", "infra.cli"]
    environment = os.environ if beside else os.environ | {"PYTHONPATH": str(_ROOT)}
    taken = []
    for _ in range(runs + 1):
        start = time.perf_counter()
        subprocess.run([*command, "--help"], check=True, capture_output=True, env=environment)
        taken.append(time.perf_counter() - start)
    used = os.times().children_user + os.times().children_system
    return [
        Figure(
            benchmark="start",
            what="limen --help",
            value=statistics.median(taken[1:]),
            unit="s",
            at_most=0.3,
            details={
                "runs": runs,
                "fastest": min(taken[1:]),
                "slowest": max(taken[1:]),
                "mean_cpu_seconds": used / (runs + 1),
            },
        )
    ]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10)
    for figure in measure(parser.parse_args().runs):
        tell(figure)


if __name__ == "__main__":
    main()
