"""Producing signals: what a connector, an import or the log's `append` writes through."""

import math
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.kafka.errors import explained, no_topic
from streams.kafka.headers import signal_headers
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import Draft, LogUnavailable
from streams.partitioning import partition_of
from streams.quarantine import RejectionReason

_POLL_SECONDS: Final = 0.1
"""confluent-kafka 2.16 cuts what waits for 0.2 s or longer into pieces, and goes on after the piece in which
something was raised: what a callback raised, or a producer's fatal error. More callbacks run while that is
raised; Python makes a `SystemError` of it, or loses it. So nothing of ours waits for longer at once."""
_SETTLE_EVERY: Final = 256
"""Messages between two looks for outcomes: each look costs as much as producing one."""
_REFUSED: Final = frozenset(
    {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG, KafkaError.INVALID_RECORD}
)


class Sent(msgspec.Struct, frozen=True, gc=False):
    """A signal that is in the log, for good."""

    partition: int
    offset: int


class Refusal(msgspec.Struct, frozen=True, gc=False):
    """A signal the log will never take; `detail` says why and what to do. It belongs in the quarantine."""

    reason: RejectionReason
    detail: str


Settled = Callable[[Draft, Sent | Refusal], None]
"""Is told each signal's outcome, from within `send`, `flush` and `close`."""


class SignalProducer:
    """Writes signals to their sites' partitions, each once and in order, for one thread at a time.

    A signal that was taken waits for as long as the broker is away; nothing overtakes it. What has no
    outcome when the process ends must be sent again: its id makes a second copy harmless.
    """

    def __init__(self, settings: KafkaSettings, settled: Settled, given_up_seconds: float = 0) -> None:
        """Make one; after `given_up_seconds` what could not be sent breaks it, 0: it waits for ever."""
        self._settings, self._settled = settings, settled
        self._topic = topic_name(settings, Topic.SIGNALS)
        self._producer = Producer(settings.signal_producer(given_up_seconds))
        self._partitions = 0
        self._unsettled = self._since_settling = 0
        self._broken: KafkaError | None = None

    @property
    def unsettled(self) -> int:
        """How many signals were taken and have no outcome yet."""
        return self._unsettled

    def send(self, signal: Draft, partition: int | None = None) -> None:
        """Take a signal; block while the queue is full.

        Args:
            signal: what to write.
            partition: where, if not in its site's partition.

        Raises:
            LogUnavailable: it was not taken: the queue stayed full for as long as the settings wait, or the
                broker refuses everything. In the second case this producer is of no use any more.
        """
        size = len(signal.site.encode()) + len(signal.wire)
        if size > self._settings.max_message_bytes:
            detail = (
                f"the signal is {size:,} bytes, the log takes {self._settings.max_message_bytes:,}: "
                "send it without what is not needed, or raise [kafka] max_message_bytes and apply the topics"
            )
            self._settled(signal, Refusal(RejectionReason.TOO_LONG, detail))
            return
        if not self._partitions:
            self._partitions = count_partitions(self._settings, self._producer, Topic.SIGNALS)
        if partition is None:
            partition = partition_of(signal.site, self._partitions)
        until = 0.0
        while True:
            self._check()
            try:
                self._producer.produce(
                    self._topic, signal.wire, signal.site, partition,
                    on_delivery=partial(self._delivered, signal),
                    headers=signal_headers(signal.id),
                )  # fmt: skip
                break
            except BufferError:
                if self._serve(self._producer.poll, _POLL_SECONDS) > 0 or not until:  # the broker takes some
                    until = time.monotonic() + self._settings.wait_seconds
                elif time.monotonic() > until:
                    raise LogUnavailable(
                        f"Kafka at {self._settings.bootstrap_servers} has taken nothing for "
                        f"{self._settings.wait_seconds:g} s; {self._unsettled:,} signals wait: try again"
                    ) from None
            except KafkaException as error:
                self._broken = error.args[0]
                self._serve(self._producer.poll, _POLL_SECONDS)  # what a fatal error is about, it says there
        self._unsettled += 1
        self._since_settling += 1
        if self._since_settling >= _SETTLE_EVERY:
            self._since_settling = 0
            self._serve(self._producer.poll, 0)

    def flush(self, seconds: float) -> int:
        """Wait until everything has its outcome, or for so long; return how many have none.

        Raises:
            LogUnavailable: the broker refuses everything; this producer is of no use any more.
        """
        until = time.monotonic() + seconds
        while self._unsettled and self._broken is None:
            left = until - time.monotonic()
            if left <= 0:
                break
            self._serve(self._producer.flush, min(left, _POLL_SECONDS))
        self._check()
        return self._unsettled

    def finds_broker(self, seconds: float) -> bool:
        """Return whether a broker answers this client within so long; see `streams.kafka.lookups`."""
        try:
            self._producer.list_topics(self._topic, timeout=seconds)
        except KafkaException:
            return False
        return True

    def close(self) -> int:
        """Give up what has no outcome yet, and return how many that were; closing twice is harmless."""
        self._broken = self._broken or KafkaError(KafkaError._DESTROY, "the producer is closed")
        left = self._unsettled
        self._producer.purge()
        self._serve(self._producer.flush, _POLL_SECONDS)
        return left

    def _serve(self, call: Callable[[float], int], seconds: float) -> int:
        """Have outcomes told by a call of the producer's, and return what it returns; 0 where it fails."""
        try:
            return call(seconds)
        except KafkaException as error:  # fatal: it will never send anything again
            self._broken = error.args[0]  # and not what became of the signals by that
            return 0

    def _delivered(self, signal: Draft, error: KafkaError | None, message: Message) -> None:
        if error is None:
            self._unsettled -= 1
            self._settled(signal, Sent(int(message.partition() or 0), int(message.offset() or 0)))
        elif error.code() in _REFUSED:
            self._unsettled -= 1
            detail = f"the broker refuses the signal: {error.str()}"
            self._settled(signal, Refusal(RejectionReason.OTHER, detail))
        elif self._broken is None:
            self._broken = error
            self._producer.purge()  # a later signal must not be written before this one

    def _check(self) -> None:
        if self._broken is not None:
            raise explained(self._settings, self._broken)


def flush(producer: Producer, seconds: float = math.inf) -> int:
    """Wait until everything has its outcome, or for so long; return how many have none.

    Raises:
        KafkaException: the producer will never send anything again.
    """
    until = time.monotonic() + seconds
    while True:
        left = producer.flush(max(0.0, min(until - time.monotonic(), _POLL_SECONDS)))
        if not left or time.monotonic() >= until:
            return left


def count_partitions(settings: KafkaSettings, client: Any, topic: Topic) -> int:
    """Return how many partitions a topic has.

    It is the first thing to ask a new client: once it is connected it finds leaders and coordinators at
    once; asked for those before, it looks for them twice a second.

    Raises:
        LogUnavailable: the broker does not answer, or has no such topic.
    """
    name = topic_name(settings, topic)
    try:
        found = client.list_topics(name, timeout=settings.wait_seconds).topics[name].partitions
    except KafkaException as error:
        raise explained(settings, error) from error
    if not found:
        raise no_topic(f"topic {name}")
    return len(found)
