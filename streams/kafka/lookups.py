"""Asking the broker, for as long as a process lives: how many partitions, where they end, what is decided."""

from collections.abc import Callable
from typing import TypeVar

from confluent_kafka import Consumer, KafkaException

from streams.kafka.errors import explained
from streams.kafka.position import Committed, committed
from streams.kafka.producer import count_partitions
from streams.kafka.reader import bounds
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic
from streams.log import LogUnavailable

T = TypeVar("T")


class Lookups:
    """A client that is only asked. Connects when it is first asked; for any thread.

    A client that got no answer is replaced. A broker that wakes up may say for a moment that there is no
    broker at all; librdkafka 2.16 then forgets all that it knew, and may never ask anybody again (its issue
    5301). Whatever of ours lives on for longer than one call has a way out of that: this here,
    `PartitionReader`, `KafkaTarget`, and the members of groups, which begin anew.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        """Make one.

        Raises:
            LogUnavailable: librdkafka refuses the settings.
        """
        self._settings = settings
        self._consumer, self._is_new = self._made(), True
        self.group = self._consumer.consumer_group_metadata()
        """Names the group in a transaction."""

    def count_partitions(self, topic: Topic) -> int:
        """Return how many partitions a topic has.

        Raises:
            LogUnavailable: the broker does not answer, or has no such topic.
        """
        return self._asked(lambda consumer: count_partitions(self._settings, consumer, topic))

    def bounds(self, topic: str, partition: int) -> tuple[int, int]:
        """Return a partition's first offset, and the one behind the last that is committed.

        Raises:
            LogUnavailable: the broker does not answer, or has no such partition.
        """
        return self._asked(lambda consumer: bounds(self._settings, consumer, topic, partition))

    def committed(self, partition: int) -> Committed:
        """Return what is decided of a partition; a pending transaction is waited for.

        Raises:
            LogUnavailable: the broker does not answer, or a transaction stays pending.
            LogCorrupt: the broker has forgotten the position, and there is nothing to find it by.
        """
        return self._asked(lambda consumer: committed(self._settings, consumer, partition))

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _asked(self, ask: Callable[[Consumer], T]) -> T:
        consumer = self._consumer
        try:
            if self._is_new:
                count_partitions(self._settings, consumer, Topic.SIGNALS)  # it says why that comes first
                self._is_new = False
            return ask(consumer)
        except LogUnavailable:
            if self._consumer is consumer:  # not closed: another thread may be asking it
                self._consumer, self._is_new = self._made(), True
            raise

    def _made(self) -> Consumer:
        try:
            return Consumer(self._settings.consumer())
        except KafkaException as error:
            raise explained(self._settings, error) from error
