"""Bulk replay from Kafka: sixteen days of a city decided again, one process for each core.

As many days as the replay from the history has: what people do in them, not the documents that name them, is
most of the signals.

Twice: silently, as a worker that takes partitions over does, only counting what is decided; and with every
event compared with the one in Kafka. Beside it, in turn, over the same topic and in the same processes: bare
confluent-kafka consuming the signals alone, in the pieces it is fastest with, and doing nothing with them.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Final, NamedTuple

from confluent_kafka import Consumer, TopicPartition

from benchmarks.figure import Figure, tell
from benchmarks.large_home import DAYS
from benchmarks.worker import PARTITIONS, SITES, Feed, kafka_settings, running, signals_of_a_city
from benchmarks.worker_processes import Task
from infra.kafka.broker import HEAP, Broker
from streams.admission import Limits
from streams.collection import rare_collection
from streams.kafka.blocks import read_blocks
from streams.kafka.log import KafkaLog
from streams.kafka.reader import AT_ONCE
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.worker.partition import PartitionDecider
from streams.worker.replaying import replay_partition

GOAL: Final = 1_000_000


class Read(NamedTuple):
    """What a partition came to, and what work it was: seconds of its process, all threads."""

    signals: int
    events: int
    cpu_seconds: float


def replay(settings: KafkaSettings, partition: int) -> Read:
    """Decide a partition again.

    Raises:
        SystemExit: it is decided otherwise than the worker did.
    """
    began = time.process_time()
    found = replay_partition(settings, Limits(message_bytes=settings.max_message_bytes), partition)
    if found.difference is not None:
        raise SystemExit(f"partition {partition} is decided otherwise: {found.difference}")
    return Read(found.signals, found.events, time.process_time() - began)


def silently(settings: KafkaSettings, partition: int) -> Read:
    """Decide a partition again, and only count the events."""
    began, events = time.process_time(), 0
    decider = PartitionDecider(Limits(message_bytes=settings.max_message_bytes, partition=partition))
    with rare_collection():
        for block in read_blocks(settings, topic_name(settings, Topic.SIGNALS), partition, 0, 1 << 62):
            events += decider.pass_over(block)
    return Read(decider.position, events, time.process_time() - began)


def bare(settings: KafkaSettings, partition: int) -> Read:
    """Consume a partition and do nothing."""
    began, count, is_over = time.process_time(), 0, False
    consumer = Consumer(settings.consumer())
    consumer.assign([TopicPartition(topic_name(settings, Topic.SIGNALS), partition, 0)])
    while not is_over:
        messages = consumer.consume(AT_ONCE, 0.05)
        count += len(messages)
        if messages and messages[-1].error() is not None:  # the partition's end
            is_over, count = True, count - 1
    consumer.close()
    return Read(count, 0, time.process_time() - began)


def measure(
    broker: Broker, signals: int, rounds: int, sites: int = SITES, days: int = DAYS
) -> Iterator[Figure]:
    """Let a worker decide so many, then replay and consume them, `rounds` times in turn."""
    settings = kafka_settings(broker.bootstrap, "replayed")
    count = Feed(settings).all(signals_of_a_city(signals, sites, days))
    with running("limen", Task(settings, count)) as process:
        _, complaint = process.communicate()
    if process.returncode:
        raise SystemExit(f"the worker failed:\n{complaint}")
    cores = len(os.sched_getaffinity(0))
    ways: tuple[Callable[[KafkaSettings, int], Read], ...] = (replay, silently, bare)
    walls: dict[str, list[float]] = {way.__name__: [] for way in ways}
    works: dict[str, list[float]] = {way.__name__: [] for way in ways}
    events = 0
    with KafkaLog(settings) as log:
        partitions = sorted(range(PARTITIONS), key=log.head, reverse=True)  # as `limen replay` takes them
    with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
        for number in range(rounds + 1):
            for way in ways if number % 2 else reversed(ways):
                began = time.perf_counter()
                read = list(pool.map(partial(way, settings), partitions))
                seconds = time.perf_counter() - began
                if sum(one.signals for one in read) != count:
                    raise SystemExit(f"{way.__name__}: {read}, not {count} signals")
                decided = sum(one.events for one in read)
                if way is not bare and decided != (events := events or decided):
                    raise SystemExit(f"{way.__name__}: {decided} events, not {events}")
                if number:  # the first round compiles
                    walls[way.__name__].append(seconds)
                    works[way.__name__].append(sum(one.cpu_seconds for one in read))
    speed = {name: count / statistics.median(seconds) for name, seconds in walls.items()}
    cpu_us = {name: statistics.median(seconds) / count * 1e6 for name, seconds in works.items()}
    details = {
        "signals": count, "events": events, "rounds": rounds, "sites": sites, "days": days,
        "processes": cores,
    }  # fmt: skip
    told = {"replay": "bulk replay from Kafka, every event compared", "silently": "bulk replay from Kafka"}
    for way, what in told.items():
        yield Figure(
            benchmark="kafka_replay",
            what=what,
            value=speed[way],
            unit="signals/s",
            at_least=GOAL if way == "silently" else None,
            details=details | {"cpu_us_per_signal": cpu_us[way]},
        )
    yield Figure(
        benchmark="kafka_replay",
        what="bulk replay from Kafka, of bare consumption of the signals",
        value=speed["silently"] / speed["bare"],
        unit="×",
        details={
            "bare_signals_per_second": speed["bare"],
            "bare_cpu_us_per_signal": cpu_us["bare"],
            "by_cpu_time": cpu_us["bare"] / cpu_us["silently"],
        },
    )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=2_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--sites", type=int, default=SITES)
    parser.add_argument("--days", type=int, default=DAYS)
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        Broker(Path(folder), java_options=(HEAP,)) as broker,
    ):
        for figure in measure(broker, options.signals, options.rounds, options.sites, options.days):
            tell(figure)


if __name__ == "__main__":
    main()
