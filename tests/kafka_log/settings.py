"""Settings of a log of the test's own."""

from msgspec.structs import replace

from streams.kafka import topics
from streams.kafka.settings import KafkaSettings
from tests.kafka_fixture import Kafka


def settings_of(kafka: Kafka, **changes: object) -> KafkaSettings:
    """Return settings for a log of its own at the tests' broker; the topics are made."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap,
        topic_prefix=kafka.prefix,
        group=kafka.prefix,
        partitions=6,
        replication_factor=1,
        min_insync_replicas=1,
    )
    settings = replace(settings, **changes)
    topics.apply(settings)
    return settings
