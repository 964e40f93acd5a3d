"""One worker, beside alerts of the same kinds in plain Python in a Bytewax dataflow, in turn over one topic.

Bytewax is no dependency: `pip install "bytewax[kafka]"`. Where it is missing the comparison is left out.
"""

import argparse
import importlib.util
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from benchmarks.figure import Figure, tell
from benchmarks.worker import PARTITIONS, SITES, Feed, kafka_settings, running, signals_of_a_city
from benchmarks.worker_processes import Task
from infra.kafka.broker import HEAP, Broker


def measure(broker: Broker, signals: int, rounds: int) -> Iterator[Figure]:
    """Let both go over the same signals, `rounds` times in turn; each is one process."""
    if importlib.util.find_spec("bytewax") is None:
        sys.stderr.write('left out: Bytewax is not installed; pip install "bytewax[kafka]"\n')
        return
    city = list(signals_of_a_city(signals))
    taken: dict[str, list[dict[str, float]]] = {"limen": [], "bytewax": []}
    for number in range(rounds):
        settings = kafka_settings(broker.bootstrap, f"peer{number}")
        Feed(settings).all(city)
        for which in ("bytewax", "limen") if number % 2 else ("limen", "bytewax"):
            with running(which, Task(settings, len(city))) as process:
                said, complaint = process.communicate()
            if process.returncode:
                raise SystemExit(f"{which} failed:\n{complaint}")
            taken[which].append(json.loads(said.splitlines()[-1]))
    ours, theirs = (
        {name: statistics.median(one[name] for one in taken[which]) for name in taken[which][0]}
        for which in ("limen", "bytewax")
    )
    yield Figure(
        benchmark="peer_pipeline",
        what="one worker, of alerts of the same kinds in a Bytewax dataflow",
        value=theirs["wall_seconds"] / ours["wall_seconds"],
        unit="×",
        details={
            "signals": len(city),
            "sites": SITES,
            "partitions": PARTITIONS,
            "rounds": rounds,
            "worker_signals_per_second": len(city) / ours["wall_seconds"],
            "worker_cpu_us_per_signal": ours["cpu_seconds"] / len(city) * 1e6,
            "bytewax_signals_per_second": len(city) / theirs["wall_seconds"],
            "bytewax_cpu_us_per_signal": theirs["cpu_seconds"] / len(city) * 1e6,
            "bytewax_alerts": int(theirs["alerts"]),
        },
    )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder), java_options=(HEAP,)) as broker,
    ):
        for figure in measure(broker, options.signals, options.rounds):
            tell(figure)


if __name__ == "__main__":
    main()
