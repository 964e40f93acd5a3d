"""Replay from Kafka: every partition decided again, on all cores, and compared with its events."""

import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing import get_context
from typing import Any

from domain.times import HOUR_US
from infra.failure import Failure
from infra.home import Progress, no_progress
from infra.kafka_partitions import chosen_partitions
from infra.settings import Settings
from streams.admission import Limits
from streams.comparison import told
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.worker.replaying import Replayed, replay_partition


def limits_of(settings: Settings, kafka: KafkaSettings) -> Limits:
    """Return what a signal must keep to, as the workers of these settings have it."""
    return Limits(
        clock_ahead_us=round(settings.worker.clock_ahead_hours * HOUR_US),
        message_bytes=kafka.max_message_bytes,
        partitions=kafka.partitions,
    )


def replay_kafka(
    kafka: KafkaSettings,
    limits: Limits,
    partition: int | None = None,
    *,
    processes: int | None = None,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Return `signals`, `events`, `identical`, `first_difference` (of the lowest partition) and `seconds`.

    Args:
        kafka: where the topics are.
        limits: those under which the workers decided.
        partition: only this one; None: all.
        processes: how many share the partitions; None: one for each core.
        progress: told how many partitions are done.

    Raises:
        WrongUse: there is no such partition.
        LogUnavailable, LogCorrupt: the topics cannot be read.
    """
    began = time.perf_counter()
    with KafkaLog(kafka) as log:  # the longest first, so that none is left alone at the end
        wanted = sorted(chosen_partitions(kafka.partitions, partition), key=log.head, reverse=True)
    found = []
    for replayed in _replayed(kafka, limits, wanted, processes or len(os.sched_getaffinity(0))):
        found.append(replayed)
        progress("partitions", len(found), len(wanted))
    found.sort(key=lambda one: one.partition)
    differing = [one for one in found if one.difference is not None]
    return {
        "signals": sum(one.signals for one in found),
        "events": sum(one.events for one in found),
        "identical": not differing,
        "first_difference": _told(differing[0]) if differing else None,
        "seconds": round(time.perf_counter() - began, 3),
    }


def _replayed(
    kafka: KafkaSettings, limits: Limits, wanted: Sequence[int], processes: int
) -> Iterable[Replayed]:
    """Yield what each partition came to, as it is done."""
    replay = partial(replay_partition, kafka, limits)
    if len(wanted) == 1 or processes == 1:
        return map(replay, wanted)
    return _in_processes(replay, wanted, min(processes, len(wanted)))


def _in_processes(replay: "partial[Replayed]", wanted: Sequence[int], processes: int) -> Iterator[Replayed]:
    # Spawned, not forked: threads of librdkafka and Arrow do not survive a fork.
    with ProcessPoolExecutor(processes, get_context("spawn"), _end_at_interrupt) as pool:
        running = [pool.submit(replay, partition) for partition in wanted]
        try:
            for done in as_completed(running):
                yield done.result()
        except BrokenProcessPool as error:
            raise Failure(
                "a process that replayed a partition was ended from outside, perhaps for want of memory: "
                "replay one at a time with --partition"
            ) from error
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _end_at_interrupt() -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _told(replayed: Replayed) -> dict[str, Any]:
    assert replayed.difference is not None
    return {"partition": replayed.partition, **told(replayed.difference)}
