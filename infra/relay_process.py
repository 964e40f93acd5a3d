"""The process behind `limen relay`: commands from Kafka are decided in PostgreSQL, and the log is told.

A consumer group shares out the partitions of the commands topic, and with each the same of the signals topic.
The group says only who should work; that nothing is decided or told twice rests on PostgreSQL, see
`infra.command_side.orders` and `infra.command_side.teller`. When Kafka or PostgreSQL is away, the process
leaves the group, waits ever longer and joins again.
"""

import threading
import time
from contextlib import closing
from dataclasses import dataclass
from typing import Final

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from prometheus_client import CollectorRegistry

from domain.commands.alert_decision import site_in
from infra.command_side.cases import Cases
from infra.command_side.errors import CommandSideUnavailable
from infra.command_side.orders import Orders
from infra.command_side.storage import PostgresStorage
from infra.command_side.teller import SEND_SECONDS, Teller
from infra.kafka_cases import shared_storage
from infra.observability.endpoints import Health
from infra.observability.metrics import RelayMetrics
from infra.process import staying
from infra.settings import Settings
from infra.troubles import Trouble
from streams.backoff import Backoff
from streams.kafka.errors import explained
from streams.kafka.joining import join
from streams.kafka.log import KafkaLog
from streams.kafka.lookups import Lookups
from streams.kafka.producer import count_partitions
from streams.kafka.quarantining import MessageQuarantine
from streams.kafka.reader import admitted
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic, topic_name
from streams.log import LogCorrupt, LogUnavailable

BATCH: Final = 100
"""Commands taken before the group is served and the log is told."""
TELL_SECONDS: Final = 0.2
_GROUP: Final = "relay"
_POLL_SECONDS: Final = 0.05
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 10.0
_AWAY: Final = frozenset(
    {
        KafkaError._ALL_BROKERS_DOWN,
        KafkaError._AUTO_OFFSET_RESET,
        KafkaError._MAX_POLL_EXCEEDED,
        KafkaError.UNKNOWN_TOPIC_OR_PART,
    }
)
"""What ends a membership; anything else that is said of a broker passes."""


@dataclass(slots=True)
class _Held:
    """A partition that is ours: the next command's offset, and up to which notification the log is told."""

    next_offset: int
    told: int = -1
    is_told_by_another: bool = False


class RelayProcess:
    """Decides the commands of the partitions it is given, and tells the log, until told to stop.

    Args:
        storage: where decisions are kept.
        kafka: where the log is; the consumer group is `{group}-relay`.
        health: is told that the process goes round, and what it waits for.
        metrics: count what is done.
    """

    def __init__(
        self, storage: PostgresStorage, kafka: KafkaSettings, health: Health, metrics: RelayMetrics
    ) -> None:
        self._storage, self._kafka, self._health, self._metrics = storage, kafka, health, metrics
        self._topic = topic_name(kafka, Topic.COMMANDS)
        self._held: dict[int, _Held] = {}
        self._log_trouble = Trouble("log", health, metrics.log_away)
        self._command_side_trouble = Trouble("command side", health, metrics.command_side_away)
        self._tell_due, self._tell_backoff = 0.0, _backoff()
        self._log = structlog.get_logger()

    def run(self, stopping: threading.Event) -> None:
        """Run until stopped; then finish what is in hand and leave the group.

        Raises:
            LogCorrupt: the topics are not those that the settings and PostgreSQL know.
        """
        self._health.in_group(False)
        self._health.started()
        backoff = _backoff()
        while not stopping.is_set():
            began = time.monotonic()
            self._health.beat()
            try:
                self._serve(stopping)
            except (KafkaException, LogUnavailable, CommandSideUnavailable) as error:
                self._health.in_group(False)
                if time.monotonic() - began > _LONGEST_WAIT_SECONDS:
                    backoff.reset()
                self._say_away(error)
                stopping.wait(backoff.next_seconds())
        self._log.info("drained")

    def _serve(self, stopping: threading.Event) -> None:
        """Be a member of the group until stopped."""
        kafka = self._kafka
        with (
            Cases(self._storage, site_in) as cases,
            KafkaLog(kafka) as log,
            closing(Lookups(kafka)) as lookups,
            closing(Telling(kafka, SEND_SECONDS)) as telling,
        ):
            consumer = Consumer(kafka.member(_GROUP) | {"enable.partition.eof": False})
            try:
                self._check_topics(consumer)
                quarantine = MessageQuarantine(
                    kafka, _GROUP, Topic.COMMANDS, consumer.consumer_group_metadata
                )
                orders = Orders(
                    cases, quarantine, self._topic, kafka.partitions, kafka.max_message_bytes,
                    self._metrics.command,
                )  # fmt: skip
                teller = Teller(cases, self._storage, log, telling, topic_name(kafka, Topic.SIGNALS))

                def left(_: Consumer, partitions: list[TopicPartition]) -> None:
                    self._give_up([each.partition for each in partitions], quarantine)
                    consumer.incremental_unassign(partitions)

                watch = join(
                    kafka,
                    consumer,
                    Topic.COMMANDS,
                    on_assign=lambda _, partitions: self._assigned(consumer, lookups, orders, partitions),
                    on_revoke=left,
                    on_lost=left,
                )
                while not stopping.is_set():
                    self._health.beat()
                    watch.look()
                    self._take(consumer, orders)
                    self._tell(cases, teller, stopping)
            finally:
                self._give_up(list(self._held))
                consumer.close()

    def _check_topics(self, consumer: Consumer) -> None:
        """Check that a site's commands are in the partition of the same number as its signals."""
        for topic in (Topic.COMMANDS, Topic.SIGNALS):
            count = count_partitions(self._kafka, consumer, topic)
            if count != self._kafka.partitions:
                raise LogCorrupt(
                    f"{topic_name(self._kafka, topic)} has {count} partitions, the settings say "
                    f"{self._kafka.partitions}: `limen topics check` says what to do"
                )

    def _assigned(
        self, consumer: Consumer, lookups: Lookups, orders: Orders, partitions: list[TopicPartition]
    ) -> None:
        begin = []
        for number in (each.partition for each in partitions):
            start = orders.next_offset(number)
            low, high = lookups.bounds(self._topic, number)
            if start > high:
                raise LogCorrupt(
                    f"{self._topic}, partition {number}: {self._storage.name} has decided the commands up to "
                    f"offset {start}, but there are {high}: the topic was made anew; docs/operations.md says "
                    "under backup and restore what to do"
                )
            if start < low:
                self._log.error("commands gone", partition=number, from_offset=start, to_offset=low)
                self._metrics.command(number, "gone", low - start)
                orders.pass_over(number, low)
            self._held[number] = _Held(max(start, low))
            begin.append(TopicPartition(self._topic, number, max(start, low)))
        consumer.incremental_assign(begin)
        self._health.in_group(True)
        self._log_trouble.tell(None)
        self._log.info(
            "partitions assigned", partitions=[each.partition for each in begin], all=sorted(self._held)
        )

    def _give_up(self, numbers: list[int], quarantine: MessageQuarantine | None = None) -> None:
        left = [number for number in numbers if self._held.pop(number, None) is not None]
        for number in left:
            self._metrics.gone(number)
            if quarantine is not None:
                quarantine.release(number)
        if left:
            self._log.info("partitions given up", partitions=left, all=sorted(self._held))

    def _take(self, consumer: Consumer, orders: Orders) -> None:
        """Have the commands decided that have come, one by one: partitions come and go in every poll."""
        message = consumer.poll(_POLL_SECONDS)
        left = BATCH
        while message is not None:
            self._see(message, orders)
            left -= 1
            message = consumer.poll(0) if left else None
        for number in list(self._held):
            self._tell_lag(consumer, number)

    def _see(self, message: Message, orders: Orders) -> None:
        error = message.error()
        if error is not None:
            if error.fatal() or error.code() in _AWAY:
                raise KafkaException(error)
            self._log.warning("reading", topic=self._topic, reason=error.str())
            return
        self._health.beat()
        found = admitted(message)  # type: ignore[arg-type] # without an error it has all of it
        number = message.partition()
        held = self._held.get(number) if number is not None else None
        if held is None or number is None or found.offset < held.next_offset:
            return  # fetched before the partition was given up
        orders.take(number, found)
        held.next_offset = found.offset + 1
        self._tell_due = 0.0

    def _tell_lag(self, consumer: Consumer, number: int) -> None:
        """Tell how many commands wait, by what the broker said with the last message; it costs no request."""
        _, high = consumer.get_watermark_offsets(TopicPartition(self._topic, number), cached=True)
        self._metrics.lag(number, max(0, high - self._held[number].next_offset))

    def _tell(self, cases: Cases, teller: Teller, stopping: threading.Event) -> None:
        """Tell the log of what has been decided, by whomever."""
        if time.monotonic() < self._tell_due:
            return
        newest = cases.newest()
        self._command_side_trouble.tell(None)
        for number, held in self._held.items():
            if held.told >= newest or stopping.is_set():
                continue
            self._health.beat()
            try:
                told = teller.tell(number)
            except LogUnavailable as error:  # the group may be well all the same
                self._say_away(error)
                self._tell_due = time.monotonic() + self._tell_backoff.next_seconds()
                return
            if told is None and not held.is_told_by_another:
                self._log.warning("another relay has not let go of the log", partition=number)
            held.is_told_by_another = told is None
            if told is not None:
                held.told = newest
                self._metrics.told(number, told)
                self._log_trouble.tell(None)
        self._tell_due = time.monotonic() + TELL_SECONDS
        self._tell_backoff.reset()

    def _say_away(self, error: Exception) -> None:
        trouble = (
            self._command_side_trouble if isinstance(error, CommandSideUnavailable) else self._log_trouble
        )
        trouble.tell(str(explained(self._kafka, error) if isinstance(error, KafkaException) else error))


def _backoff() -> Backoff:
    return Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)


def run_relay(settings: Settings, kafka: KafkaSettings) -> None:
    """Run the relay until SIGTERM or Ctrl-C.

    Raises:
        Failure: PostgreSQL is not named in the settings, or the port of the endpoints is taken.
        LogCorrupt: the topics are not those that the settings and PostgreSQL know.
    """
    storage = shared_storage(settings)
    registry, health = CollectorRegistry(), Health()
    with staying(settings, registry, health) as stopping:
        RelayProcess(storage, kafka, health, RelayMetrics(registry)).run(stopping)
