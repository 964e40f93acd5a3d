"""The quarantine topic: what a refused message looks like there, and how one gets there once."""

import hashlib
from collections.abc import Callable
from typing import Any, Final

from confluent_kafka import Consumer, KafkaException, Producer, TopicPartition

from streams.kafka.errors import explained, patiently
from streams.kafka.headers import Headers
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.transactions import abort, send_positions
from streams.quarantine import Rejection

_DETAIL_CHARACTERS: Final = 2_000
_KEY_BYTES: Final = 1_024
"""Of a quarantined message's key; a site's has at most 256."""


def quarantined(settings: KafkaSettings, rejection: Rejection) -> tuple[bytes | None, bytes, Headers]:
    """Return key, value and headers: what fits of a message that may be larger than any of ours.

    The headers `bytes` and `digest` (BLAKE2b, 16 bytes) tell of the whole.
    """
    key = None if rejection.key is None else rejection.key[:_KEY_BYTES]
    fields = {
        "content-type": "application/octet-stream",
        "source": rejection.source,
        "partition": rejection.file,
        "offset": "" if rejection.line is None else str(rejection.line),
        "reason": str(rejection.reason),
        "detail": rejection.detail[:_DETAIL_CHARACTERS],
        "received-at": str(rejection.received_at),
        "bytes": str(len(rejection.raw)),
        "digest": hashlib.blake2b(rejection.raw, digest_size=16).hexdigest(),
    }
    headers: Headers = [(name, value.encode(errors="replace")) for name, value in fields.items()]
    return key, rejection.raw[: settings.max_message_bytes], headers


class MessageQuarantine:
    """Puts messages of one topic into the quarantine, each once; for one thread.

    The message and a committed offset of a consumer group behind it are one transaction, so whoever
    comes to the same message later sees that it is there. Each partition has a transactional id of its own:
    who stood still meanwhile is fenced.
    """

    def __init__(
        self, settings: KafkaSettings, group: str, topic: Topic, metadata: Callable[[], Any]
    ) -> None:
        """Make one that connects when it is used.

        Args:
            settings: where Kafka is.
            group: whose offsets say what is in the quarantine, as `KafkaSettings.member` names it; nothing
                else may commit them.
            topic: where the messages come from.
            metadata: returns what a transaction is told of the group: a consumer's `consumer_group_metadata`.
        """
        self._settings, self._group, self._metadata = settings, group, metadata
        self._topic = topic_name(settings, topic)
        self._open: dict[int, tuple[Producer, int]] = {}

    def put(self, partition: int, offset: int, rejection: Rejection) -> None:
        """Put a message there, if it is not yet.

        Raises:
            LogUnavailable: the broker does not answer, or another process has the partition: do it again.
        """
        producer, behind = self._open[partition] if partition in self._open else self._opened(partition)
        self.release(partition)  # after an error only a new producer knows where it stands
        if behind <= offset:
            key, value, headers = quarantined(self._settings, rejection)
            try:
                producer.begin_transaction()
                producer.produce(
                    topic_name(self._settings, Topic.QUARANTINE), value, key, partition, headers=headers
                )
                done = [TopicPartition(self._topic, partition, offset + 1)]
                send_positions(self._settings, producer, done, self._metadata())
                producer.commit_transaction(self._settings.wait_seconds)
            except KafkaException as error:
                abort(self._settings, producer)
                raise explained(self._settings, error) from error
            behind = offset + 1
        self._open[partition] = producer, behind

    def release(self, partition: int) -> None:
        """Let go of a partition."""
        self._open.pop(partition, None)

    def _opened(self, partition: int) -> tuple[Producer, int]:
        who = f"{self._settings.group}-{self._topic}-{partition}"
        producer = Producer(self._settings.transactional_producer(who))
        asked = [TopicPartition(self._topic, partition)]
        consumer = Consumer(self._settings.member(self._group))
        try:
            producer.init_transactions(self._settings.wait_seconds)  # fences, and ends what is pending
            (found,) = patiently(self._settings, lambda seconds: consumer.committed(asked, seconds))
            if found.error is not None:
                raise KafkaException(found.error)
        except KafkaException as error:
            raise explained(self._settings, error) from error
        finally:
            consumer.close()
        return producer, max(0, found.offset)
