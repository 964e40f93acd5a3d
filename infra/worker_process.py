"""The process behind `limen worker`: settings become a worker, its end becomes an exit code."""

import asyncio
import logging
import tempfile
import threading
from collections.abc import Callable, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from prometheus_client import CollectorRegistry

from infra.failure import DONE, FAILED, FENCED
from infra.kafka_replay import limits_of
from infra.observability.endpoints import Health
from infra.observability.following import AlertLines
from infra.observability.lag import LagWatch, Place
from infra.observability.metrics import WorkerMetrics
from infra.process import staying
from infra.settings import Home, Settings
from infra.troubles import Trouble
from infra.warming import warm_up
from streams.admission import Limits, Refused
from streams.cross_site.uses import uses_of
from streams.kafka.ends import Ends
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogUnavailable, PositionConflict
from streams.worker.app import Membership, Worker
from streams.worker.credentials import credentials
from streams.worker.owner import Observer, Plan, Timing
from streams.worker.partition import Decided, PartitionDecider
from streams.worker.pump import Pace

_FETCH_BYTES: Final = 1_048_576
_ID_LENGTH: Final = 32
_AGAIN_SECONDS: Final = 1.0
_SAME_LINE_SECONDS: Final = 60.0
_LINES: Final = 1_000
_LIBRARIES: Final = ("faust", "mode", "aiokafka")


def run_worker(home: Home, settings: Settings, kafka: KafkaSettings) -> int:
    """Run a worker until SIGTERM or Ctrl-C, or until it fails; return the exit code.

    Raises:
        Failure: the port of the endpoints is taken.
        UnsupportedClient: TLS or SASL are set in a way in which a worker cannot connect.
    """
    credentials(kafka.client)
    _route_library_logs()
    registry, health = CollectorRegistry(), Health()
    metrics = WorkerMetrics(registry)
    health.in_group(False)
    with (
        staying(settings, registry, health) as stopping,
        tempfile.TemporaryDirectory(prefix="limen-worker-") as folder,
    ):
        structlog.get_logger().info("starting", group=kafka.group, brokers=kafka.bootstrap_servers)
        warm_up(Path(folder))
        failure = asyncio.run(_run(home, settings, kafka, folder, metrics, health, stopping))
    log = structlog.get_logger()
    if failure is None:
        log.info("drained")
        return DONE
    if isinstance(failure, PositionConflict):
        log.error("fenced: another worker has taken over", error=str(failure))
        return FENCED
    log.error("worker failed", error=str(failure))
    return FAILED


async def _run(
    home: Home,
    settings: Settings,
    kafka: KafkaSettings,
    folder: str,
    metrics: WorkerMetrics,
    health: Health,
    stopping: threading.Event,
) -> Exception | None:
    """Return what the worker ended for, None after draining; where Faust finds no broker it begins anew."""
    health.started()
    trouble = Trouble("kafka", health, metrics.log_away)
    bundles = settings.worker.defects or home.root / "defects"
    observer = _Observer(metrics, AlertLines())
    while await _log_answers(kafka, health, trouble, stopping):
        with closing(KafkaLog(kafka)) as log:
            worker = worker_of(settings, kafka, log, folder, bundles, observer)
            await _work(worker, kafka, metrics, health, trouble, stopping)
        if not isinstance(worker.failure, LogUnavailable):
            return worker.failure
        trouble.tell(str(worker.failure))
    return None


async def _work(
    worker: Worker,
    kafka: KafkaSettings,
    metrics: WorkerMetrics,
    health: Health,
    trouble: Trouble,
    stopping: threading.Event,
) -> None:
    def beat() -> None:
        health.beat()
        if stopping.is_set():
            worker.stop()
        tell_readiness(worker, health)

    def positions() -> dict[Place, int | None]:
        return {(Topic.SIGNALS, partition): at for partition, at in worker.positions.items()}

    with LagWatch(Ends(kafka), positions, metrics, trouble.tell):
        await worker.run(beat)


def tell_readiness(worker: Worker, health: Health) -> None:
    """Be ready while the group has shared out the partitions, and all of ours are decided."""
    if worker.has_joined:
        health.in_group(True)
    held = worker.held
    waiting = [partition for partition, is_live in worker.partitions.items() if not is_live]
    if held:
        health.want("partitions", "; ".join(str(error) for error in held.values()))
    elif waiting:
        health.want("partitions", f"partitions {waiting} are being taken over")
    else:
        health.fulfil("partitions")


def worker_of(
    settings: Settings, kafka: KafkaSettings, log: KafkaLog, folder: str, bundles: Path, observer: Observer
) -> Worker:
    """Return the worker of these settings; `folder` is for Faust, `bundles` for what shows a defect again."""
    ours = settings.worker
    return Worker(
        log,
        Membership(
            bootstrap_servers=kafka.bootstrap_servers,
            group=kafka.group,
            topic=topic_name(kafka, Topic.SIGNALS),
            session_seconds=ours.session_seconds or kafka.session_seconds,
            fetch_bytes=max(_FETCH_BYTES, 2 * kafka.max_message_bytes),
            threads=ours.threads,
            folder=folder,
            client=kafka.client,
        ),
        Plan(
            limits=limits_of(settings, kafka),
            new_decider=decider_maker(second_stage=ours.second_stage),
            snapshot_every=ours.snapshot_every_signals,
            snapshot_after_seconds=ours.snapshot_after_seconds,
            bundles=str(bundles),
        ),
        Pace(batch_signals=ours.batch_signals, gather_seconds=ours.gather_milliseconds / 1_000),
        observer,
        hold=ours.on_defect == "hold",
    )


async def _log_answers(
    kafka: KafkaSettings, health: Health, trouble: Trouble, stopping: threading.Event
) -> bool:
    """Wait for the log, without which Faust cannot start; False if stopped before it answers."""
    ends, loop = Ends(kafka), asyncio.get_running_loop()
    try:
        while not stopping.is_set():
            health.beat()
            try:
                await loop.run_in_executor(None, ends.head, Topic.SIGNALS, 0)
            except LogUnavailable as error:
                trouble.tell(str(error))
                await asyncio.sleep(_AGAIN_SECONDS)
            else:
                trouble.tell(None)
                return True
    finally:
        ends.close()
    return False


def decider_maker(*, second_stage: bool) -> Callable[[Limits], PartitionDecider]:
    """Return what makes a partition's decider: one that says what the second stage is told, or none of it."""
    return partial(PartitionDecider, uses=uses_of if second_stage else None)


class _Observer:
    """Counts and tells what the worker did."""

    def __init__(self, metrics: WorkerMetrics, alerts: AlertLines) -> None:
        self._metrics, self._alerts = metrics, alerts
        self._log = structlog.get_logger()

    def decided(self, partition: int, decided: Decided, timing: Timing) -> None:
        """Count a batch, and tell its alerts."""
        self._metrics.decided(
            partition,
            decided.signals,
            decided.events,
            decide_seconds=timing.decide_seconds,
            transact_seconds=timing.transact_seconds,
            age_seconds=timing.age_seconds,
        )
        self._alerts.decided(partition, decided.offsets, decided.signals, decided.events)

    def quarantined(self, partition: int, refused: Sequence[Refused]) -> None:
        """Count and tell what went to quarantine."""
        self._metrics.quarantined(partition, len(refused))
        for one in refused:
            self._log.warning(
                "quarantined",
                correlation=(one.message.id or b"").decode(errors="replace")[:_ID_LENGTH] or None,
                partition=partition,
                offset=one.message.offset,
                reason=str(one.reason),
                detail=one.detail,
            )

    def stopped(self, partition: int, error: Exception) -> None:  # noqa: ARG002 - the worker tells it
        """Count a stopped partition."""
        self._metrics.stopped(partition)


class _ToStructlog(logging.Handler):
    """Makes the lines of libraries lines of ours, each once a minute: an outage would fill a disk."""

    def __init__(self) -> None:
        super().__init__()
        self._said: dict[str, float] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Pass a line on; what Faust formats for a terminal is cut to its first line."""
        first, _, _ = record.getMessage().partition("\n")
        if record.created - self._said.get(first, 0.0) < _SAME_LINE_SECONDS:
            return
        if len(self._said) >= _LINES:
            self._said.clear()
        self._said[first] = record.created
        said: dict[str, Any] = {"library": record.name.partition(".")[0]}
        if record.exc_info and record.exc_info[1] is not None:
            said["error"] = repr(record.exc_info[1])
        structlog.get_logger().log(record.levelno, first.strip(), **said)


def _route_library_logs() -> None:
    """Show what the libraries complain of; that they start and stop is no news."""
    for name in _LIBRARIES:
        library = logging.getLogger(name)
        library.handlers, library.propagate = [_ToStructlog()], False
        library.setLevel(logging.WARNING)
