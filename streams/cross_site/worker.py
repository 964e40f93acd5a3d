"""The worker of the second stage: reads the persons' log, and tells the sites what it finds.

A plain consumer, and not Faust: the stage wants its partitions and messages in order, and to say itself what
is done, which in Faust takes a transport of one's own.

Everything it tells has a deterministic id, and is durable before the position behind it is committed. Killed
in between, the next owner tells it again, and the sites know it for a repeat. What a partition keeps is
computed again when it is assigned: it is read from a horizon before the committed position on, and nothing is
told of what lies before that position. What is no use stands in the quarantine before the position is.
"""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import structlog
from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    TopicPartition,
)

from domain.signal import Signal
from domain.times import MILLISECOND_US
from streams.backoff import Backoff
from streams.cross_site.alarms import alarms
from streams.cross_site.rules import CrossSite, Limits
from streams.cross_site.uses import UnknownUse, UnreadableUse, read_use
from streams.kafka.errors import explained
from streams.kafka.joining import join
from streams.kafka.quarantining import MessageQuarantine
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogUnavailable
from streams.quarantine import Rejection, RejectionReason

BATCH: Final = 1_000
COMMIT_SECONDS: Final = 1.0
KEPT: Final = "cross-site-quarantine"
"""The group whose offsets say what the quarantine has. The stage's own are committed outside transactions."""
_POLL_SECONDS: Final = 0.05
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 10.0
_CLOCKS_MS: Final = 60_000
"""How far the clocks of those who write the persons' log may differ."""


class Observer(Protocol):
    """Hears what the worker does, in its thread."""

    def turned(self) -> None:
        """The loop went round, whether or not there was anything to do."""

    def joined(self, now: bool) -> None:
        """The group has shared out the partitions, or we are no member any more."""

    def read(self, partition: int, uses: int, *, again: bool) -> None:
        """Uses were read; `again`: only to compute what is kept."""

    def found(self, kind: str) -> None:
        """A finding has been told."""

    def quarantined(self, partition: int) -> None:
        """A message that is no use is in the quarantine."""

    def waiting(self, reason: str | None) -> None:
        """The broker is away, for this reason; None: it answers. Said again as long as it is so."""


class Unobserved:
    """Tells nobody."""

    def turned(self) -> None:
        """Do nothing."""

    def joined(self, now: bool) -> None:
        """Do nothing."""

    def read(self, partition: int, uses: int, *, again: bool) -> None:
        """Do nothing."""

    def found(self, kind: str) -> None:
        """Do nothing."""

    def quarantined(self, partition: int) -> None:
        """Do nothing."""

    def waiting(self, reason: str | None) -> None:
        """Do nothing."""


@dataclass(slots=True)
class _Held:
    """A partition that is ours: what it keeps, and how far it has come.

    Offsets are the broker's: what lies before `live_from` was told by an earlier owner, what lies before
    `done` by us. `newest_ms` is the greatest time of the messages read, UTC milliseconds. `end` is where the
    log ended when we came to it, `come` how far we are, the mark of a transaction at the end included; None:
    not known yet.
    """

    stage: CrossSite
    live_from: int
    next_offset: int = 0
    done: int = 0
    committed: int = 0
    newest_ms: int = 0
    end: int | None = None
    come: int | None = None


class CrossSiteWorker:
    """Compares the uses of the partitions that the group gives it. `run` is for one thread.

    Args:
        settings: where Kafka is; the consumer group is `{group}-cross-site`.
        limits: what is asked between sites.
        tell: puts signals into the signals log, each for its site, and returns when they are durable.
            Raises LogUnavailable where they are not, or not all; it is then called again with the same.
        observer: hears what is done.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        limits: Limits,
        tell: Callable[[Sequence[Signal]], object],
        observer: Observer | None = None,
    ) -> None:
        self._settings, self._limits, self._tell = settings, limits, tell
        self._observer: Observer = observer or Unobserved()
        self._topic = topic_name(settings, Topic.PERSONS)
        self._horizon_ms = round(limits.horizon_hours * 3_600_000) + _CLOCKS_MS
        self._held: dict[int, _Held] = {}
        self._read: Counter[tuple[int, bool]] = Counter()
        self._refused: list[tuple[int, int, Rejection]] = []
        """Partition, offset, and what was found there in this turn."""
        self._log = structlog.get_logger()

    @property
    def positions(self) -> Mapping[int, int | None]:
        """How far each of its partitions has come, None where nobody knows yet. For any thread."""
        return {number: held.come for number, held in list(self._held.items())}

    def run(self, stopping: threading.Event) -> None:
        """Read, compare and tell until `stopping` is set; then commit and leave the group.

        While the broker is away, it waits ever longer and joins again.

        Raises:
            LogCorrupt: `tell` says that a site's log will never take what it is to be told.
        """
        backoff = _backoff()
        while not stopping.is_set():
            began = time.monotonic()
            try:
                self._serve(stopping)
            except (KafkaException, LogUnavailable) as error:
                if time.monotonic() - began > _LONGEST_WAIT_SECONDS:
                    backoff.reset()
                said = explained(self._settings, error) if isinstance(error, KafkaException) else error
                self._observer.waiting(str(said))
                stopping.wait(backoff.next_seconds())

    def _serve(self, stopping: threading.Event) -> None:
        """Be a member of the group until stopped.

        Raises:
            KafkaException: the broker is away, or partitions could not be taken over.
            LogUnavailable: this member has found no broker for as long as the group keeps its partitions.
        """
        consumer = Consumer(self._settings.member("cross-site") | {"auto.offset.reset": "earliest"})
        kept = Consumer(self._settings.member(KEPT))
        quarantine = MessageQuarantine(self._settings, KEPT, Topic.PERSONS, kept.consumer_group_metadata)
        try:
            watch = join(
                self._settings, consumer, Topic.PERSONS,
                on_assign=self._assigned, on_revoke=self._revoked, on_lost=self._lost,
            )  # fmt: skip
            due = 0.0
            while not stopping.is_set():
                self._observer.turned()
                watch.look()
                if not self._turn(consumer, quarantine, stopping):
                    return  # told in part: not to be committed
                self._observer.waiting(None)
                if time.monotonic() >= due:
                    self._commit(consumer, self._held)
                    due = time.monotonic() + COMMIT_SECONDS
            self._commit(consumer, self._held)
        finally:
            self._held.clear()  # what is not committed by now must not be
            self._observer.joined(False)
            kept.close()
            consumer.close()
            self._log.info("left the group")

    def _turn(self, consumer: Consumer, quarantine: MessageQuarantine, stopping: threading.Event) -> bool:
        """Compare what has come, and tell what is found and refused; False if stopped before all was told.

        Messages are polled one by one: partitions may come and go in every call.
        """
        found: list[Signal] = []
        left = BATCH
        self._read.clear()
        self._refused.clear()
        message = consumer.poll(_POLL_SECONDS)
        while message is not None:
            error = message.error()
            if error is None:
                found += self._see(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                self._see_end(message)
            elif error.fatal():
                raise KafkaException(error)
            else:
                self._log.warning("reading", topic=self._topic, reason=error.str())
            left -= 1
            message = consumer.poll(0) if left else None
        if (found or self._refused) and not self._told(found, quarantine, stopping):
            return False
        for (partition, again), uses in self._read.items():
            self._observer.read(partition, uses, again=again)
        for held in self._held.values():
            held.done = held.next_offset
            if held.done or held.end is not None:
                held.come = max(held.live_from, held.done, held.end or 0)
        return True

    def _see(self, message: Message) -> list[Signal]:
        partition, offset = message.partition(), message.offset()
        assert partition is not None and offset is not None  # it has no error
        held = self._held.get(partition)
        if held is None or offset < held.next_offset:
            return []  # fetched before the partition was given up
        at_ms, again = message.timestamp()[1], offset < held.live_from
        try:
            use = read_use(message.value() or b"")
        except UnreadableUse as error:
            found = None
            if not again:
                self._refused.append((partition, offset, _rejection(message, error)))
        else:
            found = held.stage.see(use, at_ms * MILLISECOND_US)
        held.next_offset = offset + 1
        held.newest_ms = max(held.newest_ms, at_ms)
        if found is None:
            return []
        self._read[partition, again] += 1
        if again:
            return []
        signals: list[Signal] = []
        for finding in found:
            pair = alarms(finding, at_ms * MILLISECOND_US)
            signals += pair
            self._observer.found(finding.kind)
            self._log.info(
                "found", rule=finding.kind, sites=[signal.site for signal in pair],
                correlation=[signal.id for signal in pair],
                causes=[finding.earlier.id, finding.later.id],
            )  # fmt: skip
        return signals

    def _see_end(self, message: Message) -> None:
        held = self._held.get(message.partition() or 0)
        if held is not None:
            held.end = message.offset()

    def _told(
        self, found: Sequence[Signal], quarantine: MessageQuarantine, stopping: threading.Event
    ) -> bool:
        backoff = _backoff()
        while True:
            try:
                for partition, offset, rejection in self._refused:
                    quarantine.put(partition, offset, rejection)
                if found:
                    self._tell(found)
            except LogUnavailable as error:
                self._observer.waiting(str(error))
                self._observer.turned()
                if stopping.wait(backoff.next_seconds()):
                    return False
            else:
                self._say_refused()
                return True

    def _say_refused(self) -> None:
        for partition, offset, rejection in self._refused:
            self._observer.quarantined(partition)
            self._log.warning(
                "quarantined", topic=self._topic, partition=partition, offset=offset,
                reason=str(rejection.reason), detail=rejection.detail,
            )  # fmt: skip

    def _commit(self, consumer: Consumer, numbers: Iterable[int]) -> None:
        """Commit what is done of these partitions. What cannot be committed is told again, that is all."""
        done = [
            (number, held)
            for number in numbers
            if (held := self._held.get(number)) and held.done > max(held.committed, held.live_from)
        ]
        if not done:
            return
        try:
            consumer.commit(
                offsets=[
                    TopicPartition(self._topic, number, held.done, str(held.newest_ms))
                    for number, held in done
                ],
                asynchronous=False,
            )
        except KafkaException as error:
            self._log.warning("not committed", reason=str(error.args[0].str()))
            return
        for _, held in done:
            held.committed = held.done

    def _assigned(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Begin each partition a horizon before its committed position, whose time is in its metadata."""
        wait = self._settings.wait_seconds
        committed = consumer.committed(partitions, wait)
        times = [
            TopicPartition(self._topic, each.partition, max(0, int(each.metadata or 0) - self._horizon_ms))
            for each in committed
            if each.offset >= 0 and (each.metadata or "").isdigit()
        ]
        asked = consumer.offsets_for_times(times, wait) if times else []
        for each in (*committed, *asked):
            if each.error is not None:
                raise KafkaException(each.error)
        starts = {each.partition: each.offset for each in asked}
        begin = []
        for each in committed:
            live_from = max(0, each.offset)
            start = starts.get(each.partition, OFFSET_BEGINNING)
            if each.partition in starts and not 0 <= start <= live_from:
                start = live_from  # nothing came within the horizon
            self._held[each.partition] = _Held(CrossSite(self._limits), live_from)
            begin.append(TopicPartition(self._topic, each.partition, start))
        consumer.incremental_assign(begin)
        self._observer.joined(True)
        self._log.info(
            "partitions assigned", partitions=[each.partition for each in begin], all=sorted(self._held)
        )

    def _revoked(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        self._commit(consumer, [each.partition for each in partitions])
        self._give_up(consumer, partitions)

    def _lost(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        """Forget partitions that may be another's already: the group has not heard of us for too long."""
        self._observer.joined(False)
        self._give_up(consumer, partitions)

    def _give_up(self, consumer: Consumer, partitions: list[TopicPartition]) -> None:
        for each in partitions:
            self._held.pop(each.partition, None)
        consumer.incremental_unassign(partitions)
        self._log.info(
            "partitions given up", partitions=[each.partition for each in partitions], all=sorted(self._held)
        )


def _rejection(message: Message, error: UnreadableUse) -> Rejection:
    is_unknown = isinstance(error, UnknownUse)
    key = message.key()
    return Rejection(
        source=str(Topic.PERSONS),
        file=str(message.partition()),
        line=message.offset(),
        reason=RejectionReason.UNKNOWN_SCHEMA if is_unknown else RejectionReason.UNREADABLE,
        detail=f"{error}; does a newer version write it? then update this one",
        raw=message.value() or b"",
        received_at=message.timestamp()[1] * MILLISECOND_US,
        key=key.encode() if isinstance(key, str) else key,
    )


def _backoff() -> Backoff:
    return Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
