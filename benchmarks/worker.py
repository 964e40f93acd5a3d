"""One worker over a real broker; beside it, in turn and over the same topic, a bare Faust agent that counts.

Then, at a steady rate, the time from producing a signal to consuming the alert it raises, when broker and
worker have been at it for a while: over one partition, and over as many as a few workers would share.
"""

import argparse
import itertools
import json
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from confluent_kafka import Consumer, Producer, TopicPartition

from benchmarks.figure import Figure, percentile, tell
from benchmarks.worker_processes import Task
from domain.signal import SCHEMA_VERSION, Signal, Time, signal_id, write_signal
from domain.vocabulary import Action, Category
from infra.kafka.broker import HEAP, Broker
from infra.simulating import city_of, city_signals
from streams.kafka.headers import header, signal_headers
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, apply, topic_name
from streams.partitioning import partition_of

PARTITIONS: Final = 4
_WARM_UP_SECONDS: Final = 20.0
"""How long Java takes to compile what a broker does all the time."""
SITES: Final = 10
_ROOT: Final = Path(__file__).parents[1]
_ALERTS_EVERY: Final = 10
"""One signal in so many is an alert; the others are door contacts."""
_SETTLE_SECONDS: Final = 3.0


def kafka_settings(bootstrap: str, prefix: str, partitions: int = PARTITIONS) -> KafkaSettings:
    """Return the settings of one round: its own topics and group."""
    settings = KafkaSettings(
        bootstrap_servers=bootstrap,
        topic_prefix=prefix,
        group=prefix,
        partitions=partitions,
        replication_factor=1,
        min_insync_replicas=1,
    )
    apply(settings)
    return settings


class Feed:
    """Produces signals to their sites' partitions."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._topic, self._partitions = topic_name(settings, Topic.SIGNALS), settings.partitions
        self._producer = Producer(settings.signal_producer())

    def send(self, signal: Signal, **options: Any) -> None:
        """Produce one."""
        partition = partition_of(signal.site, self._partitions)
        headers = signal_headers(signal.id, SCHEMA_VERSION)
        self._producer.produce(
            self._topic, write_signal(signal), signal.site.encode(), partition, headers=headers, **options
        )
        self._producer.poll(0)

    def all(self, signals: Iterable[Signal]) -> int:
        """Produce many; return how many."""
        count = 0
        for count, signal in enumerate(signals, 1):  # noqa: B007 - it is returned
            self.send(signal)
        self.flush()
        return count

    def flush(self) -> None:
        """Wait until the broker has everything."""
        if self._producer.flush(60):
            raise SystemExit("the broker did not take the signals")


def throughput(broker: Broker, signals: int, rounds: int) -> Iterator[Figure]:
    """Let both go over the same signals, `rounds` times in turn."""
    city = list(signals_of_a_city(signals))
    taken: dict[str, list[dict[str, float]]] = {"limen": [], "bare": []}
    for number in range(rounds):
        settings = kafka_settings(broker.bootstrap, f"round{number}")
        Feed(settings).all(city)
        for which in ("bare", "limen") if number % 2 else ("limen", "bare"):
            with running(which, Task(settings, len(city))) as process:
                said, complaint = process.communicate()
                if process.returncode:
                    raise SystemExit(f"{which} failed:\n{complaint}")
                taken[which].append(json.loads(said.splitlines()[-1]))
    speed = {
        which: statistics.median(len(city) / one["wall_seconds"] for one in times)
        for which, times in taken.items()
    }
    cpu_us = {
        which: statistics.median(one["cpu_seconds"] / len(city) * 1_000_000 for one in times)
        for which, times in taken.items()
    }
    details = {"signals": len(city), "rounds": rounds, "sites": SITES, "partitions": PARTITIONS}
    yield Figure(
        benchmark="worker",
        what="one worker: decided and committed",
        value=speed["limen"],
        unit="signals/s",
        at_least=10_000,
        details=details | {"cpu_us_per_signal": cpu_us["limen"]},
    )
    yield Figure(
        benchmark="worker",
        what="one worker, of a bare Faust agent that counts",
        value=speed["limen"] / speed["bare"],
        unit="×",
        at_least=0.8,
        details={"bare_signals_per_second": speed["bare"], "bare_cpu_us_per_signal": cpu_us["bare"]},
    )


def latency(broker: Broker, rate: int, seconds: float, partitions: int) -> Iterator[Figure]:
    """Produce at a steady rate, and consume the alerts as they are committed."""
    settings = kafka_settings(broker.bootstrap, f"latency{partitions}", partitions)
    feed = Feed(settings)
    with tempfile.TemporaryDirectory() as nowhere:
        city = city_of(Path(nowhere), sites=SITES, persons=20, days=1, seed=2, start=None)
    feed.all(itertools.islice(city_signals(city), 3 * SITES))  # the documents
    points = [(one.campus.site.id, one.campus.site.points[0].id) for one in city.simulations]
    with running("limen", Task(settings, 0)) as process, _alerts(settings) as arrived:
        assert process.stderr is not None
        process.stderr.readline()
        time.sleep(_SETTLE_SECONDS)
        _produce_steadily(feed, points, rate, _WARM_UP_SECONDS)
        produced = _produce_steadily(feed, points, rate, seconds)
        until = time.perf_counter() + 10 * _SETTLE_SECONDS
        while not produced.keys() <= arrived.keys():
            if time.perf_counter() > until:
                raise SystemExit(f"{len(produced.keys() - arrived.keys())} alerts never came")
            time.sleep(0.1)
        process.terminate()
    taken = [(arrived[place] - at) * 1_000 for place, at in produced.items()]
    for percent, most in ((50, 30), (99, 100)):
        yield Figure(
            benchmark="worker",
            what=f"signal produced → alert consumed, partitions: {partitions}, p{percent}",
            value=percentile(taken, percent),
            unit="ms",
            at_most=most,
            details={"signals_per_second": rate, "alerts": len(taken), "slowest_ms": max(taken)},
        )


def _produce_steadily(
    feed: Feed, points: list[tuple[str, str]], rate: int, seconds: float
) -> dict[tuple[int, int], float]:
    """Return when each signal that raises an alert was produced, by partition and offset."""
    first = time.time_ns()  # no two signals have one id
    produced: dict[tuple[int, int], float] = {}
    start = time.perf_counter()
    for number in range(round(rate * seconds)):
        while (now := time.perf_counter()) < start + number / rate:
            time.sleep(0.0005)
        if number % _ALERTS_EVERY:
            feed.send(_door(points, first + number, Action.CLOSED))
            continue

        def delivered(_error: object, message: Any, now: float = now) -> None:
            produced[message.partition(), message.offset()] = now

        feed.send(_door(points, first + number, Action.FORCED), on_delivery=delivered)
    feed.flush()
    return produced


def _door(points: list[tuple[str, str]], number: int, action: Action) -> Signal:
    site, point = points[number % len(points)]
    at = time.time_ns() // 1_000
    return Signal(
        id=signal_id("benchmark", str(number)),
        site=site,
        device="benchmark",
        category=Category.DOOR,
        action=action,
        time=Time(at, at),
        point=point,
    )


@contextmanager
def _alerts(settings: KafkaSettings) -> Iterator[dict[tuple[int, int], float]]:
    """Consume alerts in a thread; gives when each arrived, by the partition and offset of its signal."""
    arrived: dict[tuple[int, int], float] = {}
    consumer = Consumer(settings.consumer() | {"enable.partition.eof": False})
    topic = topic_name(settings, Topic.EVENTS)
    consumer.assign([TopicPartition(topic, partition, 0) for partition in range(settings.partitions)])
    over = threading.Event()

    def consume() -> None:
        while not over.is_set():
            message = consumer.poll(0.1)
            if message is None or message.error():
                continue
            if (header(message.headers(), "topic") or b"").startswith(b"alert."):
                position = int((header(message.headers(), "id") or b"").split(b":")[-2])
                arrived.setdefault((message.partition(), position), time.perf_counter())

    thread = threading.Thread(target=consume)
    thread.start()
    try:
        yield arrived
    finally:
        over.set()
        thread.join()
        consumer.close()


@contextmanager
def running(which: str, task: Task) -> Iterator["subprocess.Popen[str]"]:
    """Run one of `benchmarks.worker_processes`; it is awaited at the end, and killed if it stays."""
    command = [sys.executable, "-m", "benchmarks.worker_processes", which, msgspec.json.encode(task).decode()]
    with subprocess.Popen(
        command, cwd=_ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process
        finally:
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                process.kill()


def signals_of_a_city(signals: int, sites: int = SITES, days: int = 1) -> Iterator[Signal]:
    """Yield at most so many of a city's signals, first its documents; a person makes about 20 a day."""
    persons = max(10, signals // sites // days // 20)
    with tempfile.TemporaryDirectory() as nowhere:
        city = city_of(Path(nowhere), sites=sites, persons=persons, days=days, seed=1, start=None)
    return itertools.islice(city_signals(city), signals)


def measure(broker: Broker, signals: int, rounds: int, rate: int, seconds: float) -> Iterator[Figure]:
    """Measure the throughput, then the latency."""
    yield from throughput(broker, signals, rounds)
    for partitions in (1, PARTITIONS):
        yield from latency(broker, rate, seconds, partitions)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rate", type=int, default=1_000, help="signals a second, for the latency")
    parser.add_argument("--seconds", type=float, default=20.0)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder), java_options=(HEAP,)) as broker,
    ):
        for figure in measure(broker, options.signals, options.rounds, options.rate, options.seconds):
            tell(figure)


if __name__ == "__main__":
    main()
