"""Joining a group on a real broker."""

from contextlib import closing

import pytest
from confluent_kafka import Consumer, KafkaException, TopicPartition

from streams.kafka.joining import join
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, apply, topic_name


def test_what_a_callback_raises_can_be_caught(settings: KafkaSettings) -> None:
    """A broker that does not answer within a callback, which polling raises as any other call does."""
    apply(settings)
    topic = topic_name(settings, Topic.SIGNALS)

    def too_hasty(consumer: Consumer, _: list[TopicPartition]) -> None:
        consumer.committed([TopicPartition(topic, 0)], 0)

    with closing(Consumer(settings.member("hasty"))) as consumer:
        join(settings, consumer, Topic.SIGNALS, on_assign=too_hasty, on_revoke=ignore, on_lost=ignore)
        with pytest.raises(KafkaException, match="committed offsets"):
            while True:
                consumer.poll(0.1)


def ignore(_: Consumer, __: list[TopicPartition]) -> None:
    """Do nothing."""
