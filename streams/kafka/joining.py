"""How a consumer joins a group, so that what its callbacks raise can be caught."""

from collections.abc import Callable

from confluent_kafka import Consumer, KafkaException, TopicPartition

Told = Callable[[Consumer, list[TopicPartition]], None]
"""Is told, within `poll` and `close` and in their thread, which partitions it is about."""


def join(consumer: Consumer, topic: str, *, on_assign: Told, on_revoke: Told, on_lost: Told) -> None:
    """Join the group that shares out a topic's partitions. What a callback raises, `poll` or `close` raises.

    Before Python 3.12, confluent-kafka 2.16 raises the `KafkaException` of a call within a callback as the
    bare `KafkaError` in it, which is no exception: no `except` takes it, and the process ends. What Python
    has raised itself comes through as it is.
    """
    consumer.subscribe(
        [topic], on_assign=_raising(on_assign), on_revoke=_raising(on_revoke), on_lost=_raising(on_lost)
    )


def _raising(told: Told) -> Told:
    def callback(consumer: Consumer, partitions: list[TopicPartition]) -> None:
        try:
            told(consumer, partitions)
        except KafkaException as error:
            raise error  # anew, and not let through: see `join`

    return callback
