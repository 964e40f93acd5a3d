"""How Limen uses Kafka, and what librdkafka is told for it."""

import logging
from collections.abc import Mapping
from typing import Any, Final

import msgspec

OURS: Final = frozenset(
    {
        "acks", "auto.offset.reset", "bootstrap.servers", "delivery.timeout.ms", "enable.auto.commit",
        "enable.auto.offset.store", "enable.idempotence", "enable.partition.eof", "error_cb", "group.id",
        "isolation.level", "linger.ms", "max.in.flight", "max.in.flight.requests.per.connection",
        "message.max.bytes", "message.timeout.ms", "partitioner", "queue.buffering.max.kbytes",
        "queue.buffering.max.messages", "request.required.acks", "retries", "session.timeout.ms",
        "transaction.timeout.ms", "transactional.id",
    }
)  # fmt: skip
"""What `client` may not say: exactly-once rests on it, or it has a setting of its own."""
QUEUED_KILOBYTES: Final = 8_192
"""What a consumer holds of messages fetched ahead, before it asks for no more. It may take twice that."""
QUEUED_MESSAGES: Final = 20_000
"""Likewise, of however small messages."""
OVERHEAD_BYTES: Final = 16_384
"""What headers, a quarantined message's reason, and the batch around a message may add to its size."""

_LOGGER: Final = logging.getLogger(__name__)
_LOGGER.addHandler(logging.NullHandler())


class KafkaSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Where Kafka is and what is asked of it.

    Attributes:
        bootstrap_servers: `host:port`, several with commas.
        topic_prefix: topics are `{prefix}.signals` and so on.
        group: the consumer group that holds the positions; also begins each transactional id.
        partitions: of the topics keyed by site; never changed once there are signals.
        replication_factor: copies of each message.
        min_insync_replicas: copies that must exist before a write is durable.
        signals_retention_days: how long signals are kept; 0: for ever. Likewise the others.
        max_message_bytes: of a signal's or event's key and bytes together.
        linger_milliseconds: how long signals are gathered into one request.
        queue_messages: messages the producer holds before it blocks.
        queue_megabytes: their size before it blocks.
        wait_seconds: how long a call waits for a broker before it gives up.
        transaction_seconds: after so long the broker aborts a transaction nobody ends.
        session_seconds: a member of a group that is not heard for so long loses its partitions.
        client: anything else librdkafka knows, above all TLS and SASL.

    Raises:
        ValueError: `client` holds a key of `OURS`, or a number makes no sense.
    """

    bootstrap_servers: str = "127.0.0.1:9092"
    topic_prefix: str = "limen"
    group: str = "limen"
    partitions: int = 12
    replication_factor: int = 3
    min_insync_replicas: int = 2
    signals_retention_days: float = 0
    events_retention_days: float = 0
    commands_retention_days: float = 0
    quarantine_retention_days: float = 0
    persons_retention_days: float = 7
    max_message_bytes: int = 1_000_000
    linger_milliseconds: float = 5
    queue_messages: int = 100_000
    queue_megabytes: int = 128
    wait_seconds: float = 15
    transaction_seconds: float = 60
    session_seconds: float = 10
    client: Mapping[str, str | int | float | bool] = {}

    def __post_init__(self) -> None:
        refused = sorted(OURS.intersection(self.client))
        if refused:
            raise ValueError(
                f"client: {', '.join(refused)} cannot be set: exactly-once rests on it, "
                "or it has a setting of its own"
            )
        if self.min_insync_replicas > self.replication_factor:
            raise ValueError(
                f"min_insync_replicas ({self.min_insync_replicas}) is more than replication_factor "
                f"({self.replication_factor}): nothing could ever be written"
            )

    def signal_producer(self, given_up_seconds: float = 0) -> dict[str, Any]:
        """Return librdkafka's configuration for producing signals: idempotent, not transactional."""
        return self._producer() | {
            "linger.ms": self.linger_milliseconds,
            # 0: never given up by itself, for what comes later must not overtake it.
            "message.timeout.ms": int(given_up_seconds * 1_000),
        }

    def transactional_producer(self, transactional_id: str) -> dict[str, Any]:
        """Return librdkafka's configuration for the one owner of a partition's decisions."""
        return self._producer() | {
            # Else librdkafka 2.16 forgets its brokers when all are away, and `send_offsets_to_transaction`
            # hangs, past its own timeout, on a coordinator that is gone (librdkafka issue 5511). What failed
            # is replaced by a new producer anyway.
            "metadata.recovery.strategy": "none",
            "transactional.id": transactional_id,
            "transaction.timeout.ms": int(self.transaction_seconds * 1_000),
            "message.timeout.ms": int(min(self.wait_seconds, self.transaction_seconds) * 1_000),
            "linger.ms": 1,
            # A transaction soon after another finds its end still being written; it asks again after so long.
            "retry.backoff.ms": 5,
        }

    def consumer(self) -> dict[str, Any]:
        """Return librdkafka's configuration for reading what is committed, at offsets we choose."""
        return self._common() | {
            "group.id": self.group,
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "isolation.level": "read_committed",
            # More ahead makes nothing faster, and what a reader may hold, every partition's may hold at once.
            "queued.max.messages.kbytes": QUEUED_KILOBYTES,
            "queued.min.messages": QUEUED_MESSAGES,
            "fetch.wait.max.ms": 10,
            "fetch.queue.backoff.ms": 5,
        }

    def member(self, name: str) -> dict[str, Any]:
        """Return librdkafka's configuration for reading as a member of the group `{group}-{name}`."""
        return self.consumer() | {
            "group.id": f"{self.group}-{name}",
            "partition.assignment.strategy": "cooperative-sticky",
            "session.timeout.ms": int(self.session_seconds * 1_000),
        }

    def admin(self) -> dict[str, Any]:
        """Return librdkafka's configuration for making and looking at topics."""
        return self._common()

    def _producer(self) -> dict[str, Any]:
        return {
            "compression.type": "lz4",
            **self._common(),
            "enable.idempotence": True,
            "acks": "all",
            # As the topics: their limit is one of batches, and so is this, however small the messages are.
            "message.max.bytes": self.max_message_bytes + OVERHEAD_BYTES,
            "queue.buffering.max.messages": self.queue_messages,
            "queue.buffering.max.kbytes": self.queue_megabytes * 1_024,
        }

    def _common(self) -> dict[str, Any]:
        return {
            # What it would print to standard error, its calls raise.
            "log_level": 0,
            "logger": _LOGGER,
            # A request to a broker that stands still is given up, whatever timeout its call was given.
            "socket.timeout.ms": int(min(self.wait_seconds, self.transaction_seconds) * 1_000),
            # A broker that comes back is found within a second.
            "reconnect.backoff.max.ms": 1_000,
            # A broker that wakes up may say for a moment that there is no broker at all. librdkafka 2.16 then
            # drops the ones it has. With this it mostly begins again at the bootstrap servers; where it does
            # not, another client takes its place (`streams.kafka.lookups`).
            "metadata.recovery.strategy": "rebootstrap",
            "metadata.recovery.rebootstrap.trigger.ms": 5_000,
            "client.id": "limen",
            **self.client,
            "bootstrap.servers": self.bootstrap_servers,
        }
