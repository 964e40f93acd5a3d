"""The process behind `limen sink`: what Kafka holds goes into ClickHouse, partition by partition.

The main thread serves the consumer group, which says what partitions are ours; a few threads write them, each
partition in one thread at a time. Signals and events of a partition go on by themselves: while there is more
than a batch they are written batch after batch, else what came within `batch_seconds` is written at once.
When Kafka or ClickHouse is away, each waits ever longer and tries again; nothing is lost, since how far it
came stands in the history. A process that was stalled while its partitions went to others cannot write them
any more: the history refuses (`projections.claims`).
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Protocol

import structlog
from msgspec.structs import replace
from prometheus_client import CollectorRegistry

from infra.group_membership import GroupMembership
from infra.observability.endpoints import Health
from infra.observability.lag import LagWatch, Place
from infra.observability.metrics import SinkMetrics
from infra.process import staying
from infra.settings import ClickHouse, Settings
from infra.troubles import Troubles
from projections.client import History, open_history
from projections.errors import HistoryError, HistoryIncomplete, PartitionTaken
from projections.sink import EVENTS, SIGNALS, Kind, Sink, Source
from streams.backoff import Backoff
from streams.kafka.ends import Ends
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic
from streams.log import LogCorrupt, LogError, LogUnavailable

FIRST_WAIT_SECONDS: Final = 0.5
LONGEST_WAIT_SECONDS: Final = 10.0
_POLL_SECONDS: Final = 0.05
_TAKEN_WAIT_SECONDS: Final = 5.0
"""Some heartbeats, within which a process that was stalled hears that others have its partitions."""
_HAND_OVER_SECONDS: Final = 60.0
"""How long the group waits for a batch in hand; after that the next owner's claim stops it."""


class Membership(Protocol):
    """Membership in the group that shares out the partitions; see `infra.group_membership`."""

    def poll(self, seconds: float) -> str | None:
        """Serve the group for so long; return what the broker complains of.

        Raises:
            LogUnavailable: the group is to be left.
        """

    def close(self) -> None:
        """Leave the group."""


class SharedLog(Source, Protocol):
    """What the process needs of the log; several threads use it, each for other partitions."""

    def idle(self, partition: int) -> None:
        """Hold nothing that was read ahead of a partition, until it is read again."""

    def release(self, partition: int) -> None:
        """Let go of what is kept open for a partition."""


@dataclass
class _Flow:
    """One log of a partition: how far it is written, when it is looked at next, what is in its way."""

    kind: Kind
    position: int | None = None
    due: float = 0.0
    backoff: Backoff = field(default_factory=lambda: Backoff(FIRST_WAIT_SECONDS, LONGEST_WAIT_SECONDS))
    trouble: Exception | None = None
    troubled_at: float = 0.0


@dataclass
class _Partition:
    """A partition that is ours, or is being handed over. Its thread alone changes `sink` and `flows`."""

    number: int
    sink: Sink | None = None
    flows: tuple[_Flow, ...] = field(default_factory=lambda: (_Flow(SIGNALS), _Flow(EVENTS)))
    leaving: bool = False
    turn: Future[None] | None = None

    @property
    def due(self) -> float:
        """When one of its flows is to be looked at."""
        return min(flow.due for flow in self.flows)


class SinkProcess:
    """Writes the partitions it is given until told to stop.

    Args:
        history: opens the history; called again until that succeeds, its HistoryError being trouble.
        log: signals and events.
        join: joins the group, with callbacks `on_assigned`, `on_revoked` and `on_lost`.
        settings: how much is written at once, how often, and how many partitions at a time.
        health: is told that the process goes round, and what it waits for.
        metrics: count every batch.
    """

    def __init__(
        self,
        history: Callable[[], History],
        log: SharedLog,
        join: Callable[..., Membership],
        settings: ClickHouse,
        health: Health,
        metrics: SinkMetrics,
    ) -> None:
        self._open = history
        self._source = log
        self._join = join
        self._batch_rows = settings.batch_rows
        self._batch_seconds = settings.batch_seconds
        self._health = health
        self._metrics = metrics
        self._pool = ThreadPoolExecutor(settings.writers, "sink")
        self._partitions: dict[int, _Partition] = {}
        self._left: list[_Partition] = []
        self._has_joined = False
        self._history: History | None = None
        self._opening = threading.Lock()
        self._troubles = Troubles(health, {"history": metrics.target_away, "log": lambda _: None})
        self._unanswered: tuple[str, float] | None = None
        """Why the log did not answer when it was last asked for its ends, and when that was."""
        self._log = structlog.get_logger()

    def run(self, stopping: threading.Event) -> None:
        """Run until stopped; then finish the batches in hand and leave the group."""
        self._health.in_group(False)
        membership = self._member()
        try:
            self._health.started()
            while not stopping.is_set():
                self._health.beat()
                try:
                    complaint = membership.poll(_POLL_SECONDS)
                except LogUnavailable as error:
                    membership.close()
                    self._out_of_group()
                    self._troubles.tell("log", str(error), time.monotonic())
                    membership, complaint = self._member(), None
                if complaint is not None and not self._has_joined:  # else whoever reads the log says it
                    self._troubles.tell("log", complaint, time.monotonic())
                self._start_turns()
                self._tell_troubles()
                self._release()
        finally:
            self._hand_over(list(self._partitions))
            membership.close()
            self._pool.shutdown()
            self._release()
            if self._history is not None:
                self._history.close()
        self._log.info("drained")

    def _member(self) -> Membership:
        return self._join(on_assigned=self._assigned, on_revoked=self._hand_over, on_lost=self._lost)

    def positions(self) -> dict[Place, int | None]:
        """Return how far each log of our partitions is written, None where nobody knows. For any thread."""
        ours = list(self._partitions.values())
        return {(flow.kind.table, each.number): flow.position for each in ours for flow in each.flows}

    def looked(self, trouble: str | None) -> None:
        """Hear why the log does not answer when it is asked for its ends; None: it does. For any thread."""
        self._metrics.log_away(trouble)
        self._unanswered = None if trouble is None else (trouble, time.monotonic())

    def _assigned(self, numbers: list[int]) -> None:
        self._has_joined = True
        self._troubles.saw_work("log")
        self._health.in_group(True)
        for number in numbers:
            self._partitions[number] = _Partition(number)
        self._log.info("partitions assigned", partitions=numbers, all=sorted(self._partitions))

    def _hand_over(self, numbers: list[int]) -> None:
        """Let the batches in hand be finished, for the next owner goes on from there."""
        wait(self._drop(numbers), _HAND_OVER_SECONDS)

    def _lost(self, numbers: list[int]) -> None:
        """Begin no more batches; what is in hand is stopped by the next owner's claim."""
        self._drop(numbers)
        self._out_of_group()

    def _out_of_group(self) -> None:
        self._has_joined = False
        self._health.in_group(False)

    def _drop(self, numbers: list[int]) -> list[Future[None]]:
        """Begin no more batches of these partitions; return those in hand."""
        left = [self._partitions.pop(number) for number in numbers if number in self._partitions]
        for partition in left:
            partition.leaving = True
        self._left += left
        self._log.info("partitions given up", partitions=numbers, all=sorted(self._partitions))
        return [partition.turn for partition in left if partition.turn is not None]

    def _release(self) -> None:
        """Close what the log keeps open for partitions that are not ours any more."""
        for partition in [each for each in self._left if each.turn is None or each.turn.done()]:
            self._left.remove(partition)
            if partition.number not in self._partitions:
                self._source.release(partition.number)

    def _start_turns(self) -> None:
        now = time.monotonic()
        for partition in sorted(self._partitions.values(), key=lambda partition: partition.due):
            if partition.turn is not None and partition.turn.done():
                partition.turn.result()  # a mistake of ours ends the process
                partition.turn = None
            if partition.turn is None and partition.due <= now:
                partition.turn = self._pool.submit(self._turn, partition)

    def _turn(self, partition: _Partition) -> None:
        """Write what is due, and hold nothing of the log until the next turn."""
        try:
            self._write_what_is_due(partition)
        finally:
            self._source.idle(partition.number)

    def _write_what_is_due(self, partition: _Partition) -> None:
        """Go on while there is more than a batch, and nobody else waits."""
        more = True
        while more and not partition.leaving:
            more = False
            for flow in partition.flows:
                if not partition.leaving and flow.due <= time.monotonic():
                    more |= self._advance(partition, flow)
            if any(other.turn is None and other.due <= time.monotonic() for other in self._others(partition)):
                return  # it is another one's turn

    def _others(self, partition: _Partition) -> list[_Partition]:
        return [other for other in list(self._partitions.values()) if other is not partition]

    def _advance(self, partition: _Partition, flow: _Flow) -> bool:
        """Write a batch of one flow; return whether there is more to write now."""
        began = time.monotonic()
        asks_history = partition.sink is None or isinstance(flow.trouble, HistoryError)
        try:
            if partition.sink is None:
                partition.sink = self._sink(partition.number)
            rows = partition.sink.advance(flow.kind)
        except (HistoryError, LogError, OSError) as error:
            flow.trouble, flow.troubled_at = error, time.monotonic()
            flow.due = time.monotonic() + flow.backoff.next_seconds()
            if isinstance(error, PartitionTaken):
                for each in partition.flows:  # the group is about to say that it is not ours
                    each.due = time.monotonic() + _TAKEN_WAIT_SECONDS
            return False
        flow.trouble = None
        flow.backoff.reset()
        flow.position = partition.sink.position[0 if flow.kind is SIGNALS else 1]
        self._troubles.saw_work("log")
        if rows or asks_history:
            self._troubles.saw_work("history")
        if rows:
            self._metrics.copied(flow.kind.table, partition.number, rows, time.monotonic() - began)
        if rows >= self._batch_rows:
            return True
        flow.due = began + self._batch_seconds
        return False

    def _sink(self, number: int) -> Sink:
        with self._opening:
            if self._history is None:
                self._history = self._open()
                self._log.info("history open", at=str(self._history.at))
        return Sink(
            self._history, self._source, number,
            on_unreadable=partial(self._unreadable, number), batch_rows=self._batch_rows,
        )  # fmt: skip

    def _unreadable(self, number: int, log: str, offset: int, wire: bytes, reason: str) -> None:
        self._log.warning(
            "unreadable", log=log, partition=number, offset=offset, bytes=len(wire), reason=reason
        )

    def _tell_troubles(self) -> None:
        """Say once what does not work, and once that it works again."""
        troubles: dict[str, tuple[str, float]] = {}
        unanswered = self._unanswered
        if unanswered is not None and not self._has_joined:  # then nobody reads the log, and can say so
            troubles["log"] = unanswered
        for partition in self._partitions.values():
            for flow in partition.flows:
                error = flow.trouble
                if error is None:
                    continue
                place = self._place(partition, flow, error)
                if self._troubles.is_news(place, flow.troubled_at):  # else another flow found it back
                    troubles.setdefault(place, (str(error), flow.troubled_at))
        self._troubles.tell_all(troubles, is_idle=self._has_joined and not self._partitions)

    @staticmethod
    def _place(partition: _Partition, flow: _Flow, error: Exception) -> str:
        """Return what is in trouble: a store for everybody, or one log of one partition.

        What is gone or damaged there is no reason to say that the log is away: others go on reading it.
        """
        if isinstance(error, HistoryIncomplete | LogCorrupt | PartitionTaken):
            return f"{flow.kind.table} of partition {partition.number}"
        return "history" if isinstance(error, HistoryError) else "log"


def run_sink(settings: Settings, kafka: KafkaSettings) -> None:
    """Run the sink that the settings ask for, until SIGTERM or Ctrl-C.

    Raises:
        Failure: the port of the endpoints is taken.
        LogUnavailable: librdkafka refuses the settings.
    """
    registry, health = CollectorRegistry(), Health()
    metrics, server = SinkMetrics(registry), settings.clickhouse
    with staying(settings, registry, health) as stopping, KafkaLog(kafka) as log:
        process = SinkProcess(
            lambda: open_history(server.address, server.cluster),
            log,
            partial(
                GroupMembership,
                replace(kafka, session_seconds=server.session_seconds or kafka.session_seconds),
                "sink",
                Topic.SIGNALS,
            ),
            server,
            health,
            metrics,
        )
        with LagWatch(Ends(kafka), process.positions, metrics, process.looked):
            process.run(stopping)
