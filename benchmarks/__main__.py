"""Run every measurement, each in a process of its own, and rewrite the figures in docs/benchmarks.md."""

import argparse
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

from benchmarks.large_home import DAYS, PERSONS, default_work
from benchmarks.machine import machine
from benchmarks.page import write_page

ROOT: Final = Path(__file__).parents[1]
PAGE: Final = ROOT / "docs" / "benchmarks.md"
ALONE: Final = (
    "engine", "aggregates", "memory", "log_append", "import_csv", "start", "sink", "worker", "peer_pipeline",
    "kafka_replay",
)  # fmt: skip
ON_DISK: Final = frozenset({"log_append", "import_csv", "sink"})
"""Those of them that are told where the disk is."""
ON_LARGE_HOME: Final = ("large_home", "replay", "questions")


def run(benchmark: str, *arguments: str) -> list[dict[str, Any]]:
    """Run one and return its figures; they are printed as they come.

    Raises:
        SystemExit: it failed; what it said stands above.
    """
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *arguments]
    figures = []
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            figures.append(json.loads(line))
    if process.returncode:
        raise SystemExit(f"benchmarks.{benchmark} failed: the page is as it was")
    return figures


def main() -> None:
    """Measure everything asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--work", type=Path, default=default_work(), help="a folder on the disk; the home stays"
    )
    parser.add_argument("--persons", type=int, default=PERSONS, help="simulated, for replay and questions")
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--page", type=Path, default=PAGE, help="whose figures are rewritten")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    found = machine()
    disk = ["--work", str(options.work)]
    size = ["--persons", str(options.persons), "--days", str(options.days)]
    figures = []
    for benchmark in ALONE:
        figures += run(benchmark, *(disk if benchmark in ON_DISK else ()))
    for benchmark in ON_LARGE_HOME:
        figures += run(benchmark, *disk, *size)
    write_page(options.page, figures, found, "make bench")


if __name__ == "__main__":
    main()
