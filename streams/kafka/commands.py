"""Ordering: how a service without a database of ours puts commands into the commands topic."""

from collections.abc import Sequence

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from domain.commands.case_command import SCHEMA_VERSION, CaseCommand, write_command
from streams.kafka.errors import explained
from streams.kafka.headers import Headers
from streams.kafka.producer import Sent, count_partitions, flush
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.partitioning import partition_of


def command_headers(command: CaseCommand) -> Headers:
    """Return the headers of a command."""
    return [("content-type", b"application/json"), ("schema", b"%d" % SCHEMA_VERSION), ("id", command.id)]


def send_commands(settings: KafkaSettings, commands: Sequence[CaseCommand]) -> list[Sent]:
    """Write commands to their sites' partitions, in order; return where they stand when all are durable.

    Raises:
        LogUnavailable: not all of them are, or nobody knows. Sent again, one may be there twice; with
            `if_version` the second changes nothing.
    """
    sent: list[Sent] = []
    failed: list[KafkaError] = []

    def delivered(error: KafkaError | None, message: Message) -> None:
        if error is not None:
            failed.append(error)
        else:
            sent.append(Sent(int(message.partition() or 0), int(message.offset() or 0)))

    producer = Producer(settings.signal_producer(settings.wait_seconds))
    partitions = count_partitions(settings, producer, Topic.COMMANDS)
    topic = topic_name(settings, Topic.COMMANDS)
    try:
        for command in commands:
            producer.produce(
                topic, write_command(command), command.site, partition_of(command.site, partitions),
                headers=command_headers(command), on_delivery=delivered,
            )  # fmt: skip
            producer.poll(0)
        flush(producer)  # each has its outcome after `wait_seconds`
    except KafkaException as error:
        raise explained(settings, error) from error
    if failed:
        raise explained(settings, failed[0])
    return sent
