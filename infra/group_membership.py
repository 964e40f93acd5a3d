"""Which partitions are ours: Kafka's consumer group shares them out, and that is all it is asked for."""

from collections.abc import Callable, Mapping
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

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
        client: Mapping[str, Any],
        group: str,
        topic: str,
        session_seconds: float,
        *,
        on_assigned: Callable[[list[int]], None],
        on_revoked: Callable[[list[int]], None],
        on_lost: Callable[[list[int]], None],
    ) -> None:
        """Join the group.

        Args:
            client: librdkafka's configuration: where the brokers are, TLS, SASL.
            group: its id; nothing else may use it.
            topic: whose partitions are shared out.
            session_seconds: a member that is not heard for so long loses its partitions.
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

        self._consumer = Consumer(
            {
                **client,
                "group.id": group,
                "enable.auto.commit": False,
                "enable.auto.offset.store": False,
                "auto.offset.reset": "latest",
                "partition.assignment.strategy": "cooperative-sticky",
                "session.timeout.ms": int(session_seconds * 1_000),
                "heartbeat.interval.ms": int(session_seconds * 100),
                "max.poll.interval.ms": _UNHANDLED_MS,
            }
        )
        self._consumer.subscribe(
            [topic], on_assign=assigned, on_revoke=given_up(on_revoked), on_lost=given_up(on_lost)
        )

    def poll(self, seconds: float) -> str | None:
        """Serve the group for so long; return what the broker complains of, None if it does not."""
        try:
            message = self._consumer.poll(seconds)
        except KafkaException as raised:
            return str(raised.args[0].str())
        error = None if message is None else message.error()
        return None if error is None else str(error.str())

    def close(self) -> None:
        """Leave the group, which calls `on_revoked` for what is left."""
        self._consumer.close()
