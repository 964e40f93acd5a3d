"""Joining the group that shares out a topic's partitions, and noticing when that is to be done anew."""

import time
from collections.abc import Callable
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition
from msgspec.structs import replace

from streams.kafka.producer import count_partitions
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name

ASK_SECONDS: Final = 5.0
"""Between two requests to the broker that ask for nothing."""
Told = Callable[[Consumer, list[TopicPartition]], None]
"""Is told, within `poll` and `close` and in their thread, which partitions it is about."""


class BrokerWatch:
    """Sees that a member of a group still finds a broker; one that does not begins anew, as in `Lookups`."""

    def __init__(self, settings: KafkaSettings, consumer: Consumer, topic: Topic) -> None:
        patience_seconds = min(settings.wait_seconds, settings.session_seconds)
        self._settings = replace(settings, wait_seconds=patience_seconds)
        self._consumer, self._topic = consumer, topic
        self._due = time.monotonic() + ASK_SECONDS

    def look(self) -> None:
        """Ask the broker, unless it was asked a moment ago.

        Raises:
            LogUnavailable: none answered for as long as a call waits, or as the group waits for a silent
                member, whichever is shorter.
        """
        if time.monotonic() >= self._due:
            count_partitions(self._settings, self._consumer, self._topic)
            self._due = time.monotonic() + ASK_SECONDS


def join(
    settings: KafkaSettings,
    consumer: Consumer,
    topic: Topic,
    *,
    on_assign: Told,
    on_revoke: Told,
    on_lost: Told,
) -> BrokerWatch:
    """Join the group, and return what is to `look` all the time.

    What a callback raises, `poll` or `close` raises. Before Python 3.12, confluent-kafka 2.16 raises the
    `KafkaException` of a call within a callback as the bare `KafkaError` in it, which is no exception: no
    `except` takes it, and the process ends. What Python has raised itself comes through as it is, if `poll`
    is called for less than 0.2 s; `streams.kafka.producer` says why.

    A callback never calls `list_topics` of its own consumer, nor `poll` or `consume`: confluent-kafka forgets
    over that that it is within a call, and aborts the process at the next callback of the same one. What
    looks for topics, as `streams.kafka.reader.bounds` may, asks through another client (`Lookups`).
    """
    consumer.subscribe(
        [topic_name(settings, topic)],
        on_assign=_raising(on_assign), on_revoke=_raising(on_revoke), on_lost=_raising(on_lost),
    )  # fmt: skip
    return BrokerWatch(settings, consumer, topic)


def _raising(told: Told) -> Told:
    def callback(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            told(consumer, partitions)
        except KafkaException as error:
            raise error  # anew, and not let through: see `join`

    return callback
