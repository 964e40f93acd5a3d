"""Which partitions are ours: Kafka's consumer group shares them out, and that is all it is asked for."""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka.errors import explained
from streams.kafka.joining import join
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic

_UNHANDLED_MS: Final = 600_000
"""Longer than an insert into a server that does not answer takes to give up."""


class GroupMembership:
    """A member of a consumer group over one topic's partitions. Nothing is read and no offset is committed.

    `on_assigned(partitions)`, `on_revoked(partitions)` and `on_lost(partitions)` are called within `poll` and
    `close`, in their thread. A revoked partition goes to its next owner when `on_revoked` returns; a lost one
    may have an owner already.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        name: str,
        topic: Topic,
        *,
        on_assigned: Callable[[list[int]], None],
        on_revoked: Callable[[list[int]], None],
        on_lost: Callable[[list[int]], None],
    ) -> None:
        """Join the group.

        Args:
            settings: where Kafka is, and how long a member may be silent before it loses its partitions.
            name: the group is `{group}-{name}`; nothing else may use it.
            topic: whose partitions are shared out.
            on_assigned: is told of partitions that are ours now.
            on_revoked: is told of partitions that are about to be another's.
            on_lost: is told of partitions that may be another's already.
        """

        def assigned(consumer: Consumer, partitions: list[TopicPartition]) -> None:
            consumer.incremental_assign(partitions)
            consumer.pause(partitions)
            on_assigned([each.partition for each in partitions])

        def given_up(tell: Callable[[list[int]], None]) -> Callable[[Consumer, list[TopicPartition]], None]:
            def told(consumer: Consumer, partitions: list[TopicPartition]) -> None:
                tell([each.partition for each in partitions])
                consumer.incremental_unassign(partitions)

            return told

        self._settings = settings
        self._consumer = Consumer(
            settings.member(name)
            | {
                "auto.offset.reset": "latest",
                "enable.partition.eof": False,
                "heartbeat.interval.ms": int(settings.session_seconds * 100),
                "max.poll.interval.ms": _UNHANDLED_MS,
            }
        )
        self._watch = join(
            settings, self._consumer, topic,
            on_assign=assigned, on_revoke=given_up(on_revoked), on_lost=given_up(on_lost),
        )  # fmt: skip

    def poll(self, seconds: float) -> str | None:
        """Serve the group for so long; return what the broker complains of, None if it does not.

        Raises:
            LogUnavailable: no broker answers, or partitions could not be taken over or given up: whose they
                are is not known any more, and the group is to be left.
        """
        self._watch.look()
        try:
            message = self._consumer.poll(seconds)
        except KafkaException as error:
            raise explained(self._settings, error) from error
        complaint = None if message is None else message.error()
        return None if complaint is None else str(complaint.str())

    def close(self) -> None:
        """Leave the group, which calls `on_revoked` for what is left."""
        with suppress(KafkaException):  # of a broker that is away; it is left all the same
            self._consumer.close()
