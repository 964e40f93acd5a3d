"""Processes that are compared: Limen's worker, a bare Faust agent that counts, and a Bytewax dataflow.

`python -m benchmarks.worker_processes limen|bare|bytewax JSON` ends when so many signals are done, and prints
a line of JSON: seconds from the first to the last of them by the wall clock, and of this process's work.
"""

import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

import faust  # noqa: E402 - the cache comes first
import msgspec  # noqa: E402

from infra.settings import Settings  # noqa: E402
from infra.warming import warm_up  # noqa: E402
from infra.worker_process import worker_of  # noqa: E402
from streams.admission import Refused  # noqa: E402
from streams.collection import rare_collection  # noqa: E402
from streams.kafka.log import KafkaLog  # noqa: E402
from streams.kafka.settings import KafkaSettings  # noqa: E402
from streams.kafka.topics import Topic, topic_name  # noqa: E402
from streams.worker.defect import EngineDefect  # noqa: E402
from streams.worker.owner import Timing  # noqa: E402
from streams.worker.partition import Decided  # noqa: E402


class Task(msgspec.Struct):
    """What a process is to do: `signals` of them, or until it is ended where that is 0."""

    kafka: KafkaSettings
    signals: int
    seconds: float = 300.0


class Stopwatch:
    """Counts what is done; knows when the first was begun and the last done."""

    def __init__(self, wanted: int, done: Callable[[], None]) -> None:
        self._wanted, self._done, self._count = wanted, done, 0
        self._began: tuple[float, float] | None = None
        self.taken: dict[str, float] = {}

    def begin(self, ago_seconds: float = 0.0) -> None:
        """Note the beginning, once."""
        if self._began is None:
            self._began = (time.perf_counter() - ago_seconds, time.process_time())

    def count(self, more: int) -> None:
        """Note that so many more are done."""
        self._count += more
        if self._count == self._wanted:
            wall, cpu = self._began or (0.0, 0.0)
            self.taken = {
                "wall_seconds": time.perf_counter() - wall,
                "cpu_seconds": time.process_time() - cpu,
            }
            self._done()


class _Counting:
    def __init__(self, watch: Stopwatch) -> None:
        self._watch = watch

    def decided(self, _partition: int, decided: Decided, timing: Timing) -> None:
        """Count a batch; the first began before it was decided and committed."""
        self._watch.begin(timing.decide_seconds + timing.transact_seconds)
        self._watch.count(decided.to_position - decided.from_position)

    def quarantined(self, _partition: int, refused: Sequence[Refused]) -> None:
        """Nothing is quarantined here."""
        raise SystemExit(f"refused: {refused[0].detail}")

    def stopped(self, _partition: int, error: EngineDefect) -> None:
        """Nothing fails here."""
        raise SystemExit(str(error))


async def limen(task: Task, folder: str) -> dict[str, float]:
    """Run a worker as `limen worker` does, without its endpoints."""
    kafka, loop = task.kafka, asyncio.get_running_loop()
    log = KafkaLog(kafka)
    watch = Stopwatch(task.signals, lambda: loop.call_soon_threadsafe(worker.stop))
    worker = worker_of(Settings(), kafka, log, folder, Path(folder), _Counting(watch))
    loop.call_later(task.seconds, worker.stop)
    loop.add_signal_handler(signal.SIGTERM, worker.stop)
    sys.stderr.write("ready\n")
    await worker.run()
    log.close()
    if worker.failure is not None:
        raise SystemExit(str(worker.failure))
    return watch.taken


async def bare(task: Task, folder: str) -> dict[str, float]:
    """Run a Faust agent that counts and does nothing else."""
    over = asyncio.Event()
    watch = Stopwatch(task.signals, over.set)
    app = faust.App(
        f"{task.kafka.group}-bare",
        broker=f"kafka://{task.kafka.bootstrap_servers}",
        topic_disable_leader=True,
        store="memory://",
        datadir=folder,
        loop=asyncio.get_running_loop(),
    )
    topic = app.topic(topic_name(task.kafka, Topic.SIGNALS), value_type=bytes, value_serializer="raw")

    async def count(stream: Any) -> None:
        async for _ in stream.events():
            watch.begin()
            watch.count(1)

    app.agent(topic)(count)
    await app.start()
    await asyncio.wait_for(over.wait(), task.seconds)
    await app.stop()
    return watch.taken


async def bytewax(task: Task, _folder: str) -> dict[str, float]:
    """Run the dataflow of `benchmarks.peer_flow`; it ends by itself."""
    from benchmarks.peer_flow import run

    watch = Stopwatch(task.signals, lambda: None)
    alerts = run(task.kafka, watch)
    return watch.taken | {"alerts": alerts}


def main() -> None:
    """Run what the command line says."""
    task = msgspec.json.decode(sys.argv[2], type=Task)
    with tempfile.TemporaryDirectory() as folder, rare_collection():  # as processes that stay have it
        if sys.argv[1] == "limen":
            warm_up(Path(folder))
        taken = asyncio.run({"limen": limen, "bare": bare, "bytewax": bytewax}[sys.argv[1]](task, folder))
    sys.stdout.write(json.dumps(taken) + "\n")


if __name__ == "__main__":
    main()
