"""The topics there are, and making the broker's agree with them."""

import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, Final

import msgspec
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import (  # type: ignore[attr-defined] # all of it is public, if not marked so
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    NewTopic,
    ResourceType,
    TopicMetadata,
)

from streams.kafka.errors import explained
from streams.kafka.settings import OVERHEAD_BYTES, KafkaSettings
from streams.log import LogUnavailable

_DAY_MS: Final = 86_400_000
_PAUSE_SECONDS: Final = 0.02
_DYNAMIC_TOPIC_CONFIG: Final = 1
"""Where a configuration comes from: set on the topic itself, and not the broker's default."""


class Topic(StrEnum):
    """The topics. Each has as many partitions as the signals have."""

    SIGNALS = "signals"
    """Keyed by site."""
    EVENTS = "events"
    """Keyed by site; each event in the partition of its signal."""
    COMMANDS = "commands"
    """Keyed by site."""
    SNAPSHOTS = "snapshots"
    """The engine's state in chunks, keyed `{partition}/{chunk}`, in that partition."""
    QUARANTINE = "quarantine"
    """What was no signal, keyed as it was, in the partition it came from; `quarantining` says what is cut."""
    PERSONS = "persons"
    """Keyed by person: what the rules across sites look at."""


class Wanted(msgspec.Struct, frozen=True):
    """How a topic must be. `config` holds the broker's own names and values."""

    topic: Topic
    name: str
    partitions: int
    replication_factor: int
    config: Mapping[str, str]


class Difference(msgspec.Struct, frozen=True):
    """Something about a topic that is not as the settings ask.

    `what` is `topic`, `partitions`, `replication_factor` or a configuration's name; `found` is None for a
    topic that is missing. `remedy` is None where `apply` puts it right.
    """

    topic: str
    what: str
    found: str | None
    wanted: str
    remedy: str | None = None

    def __str__(self) -> str:
        found = "missing" if self.found is None else f"{self.what} is {self.found}, wanted {self.wanted}"
        return f"{self.topic}: {found}" + (f"; {self.remedy}" if self.remedy else "")


class Applied(msgspec.Struct, frozen=True):
    """What `apply` did, and what it leaves to people."""

    done: tuple[Difference, ...]
    refused: tuple[Difference, ...]


def topic_name(settings: KafkaSettings, topic: Topic) -> str:
    """Return a topic's name at the broker."""
    return f"{settings.topic_prefix}.{topic}"


def wanted_topics(settings: KafkaSettings) -> tuple[Wanted, ...]:
    """Return how every topic must be."""
    retention_days: dict[Topic, float] = {
        Topic.SIGNALS: settings.signals_retention_days,
        Topic.EVENTS: settings.events_retention_days,
        Topic.COMMANDS: settings.commands_retention_days,
        Topic.QUARANTINE: settings.quarantine_retention_days,
        Topic.PERSONS: settings.persons_retention_days,
    }
    found = []
    for topic in Topic:
        config = {
            "cleanup.policy": "delete",
            "max.message.bytes": str(settings.max_message_bytes + OVERHEAD_BYTES),
            # The broker's time decides whether a device's clock is far ahead.
            "message.timestamp.type": "LogAppendTime" if topic is Topic.SIGNALS else "CreateTime",
            "min.insync.replicas": str(settings.min_insync_replicas),
        }
        if topic is Topic.QUARANTINE:  # whatever the signals' topic took, with the reason beside it
            config["max.message.bytes"] = str(settings.max_message_bytes + 2 * OVERHEAD_BYTES)
        if topic is Topic.SNAPSHOTS:
            # What a reader has just looked up stays until it has read it.
            config |= {"cleanup.policy": "compact", "min.compaction.lag.ms": "600000"}
        else:
            days = retention_days[topic]
            config["retention.ms"] = str(int(days * _DAY_MS)) if days else "-1"
            config["retention.bytes"] = "-1"
        found.append(
            Wanted(
                topic, topic_name(settings, topic), settings.partitions, settings.replication_factor, config
            )
        )
    return tuple(found)


def check(settings: KafkaSettings) -> list[Difference]:
    """Return everything that is not as the settings ask, topic by topic.

    Raises:
        LogUnavailable: the broker does not answer, or refuses.
    """
    with _admin(settings) as admin:
        return _differences(admin, settings)


def apply(settings: KafkaSettings) -> Applied:
    """Make the topics that are missing and put configurations right. Nothing is deleted or made smaller.

    Partitions are never added: a site's signals would go on in another partition than its past.

    Raises:
        LogUnavailable: the broker does not answer, or refuses; what was done until then stays.
    """
    with _admin(settings) as admin:
        differences = _differences(admin, settings)
        missing = {one.topic for one in differences if one.found is None}
        new = [
            NewTopic(one.name, one.partitions, one.replication_factor, config=dict(one.config))
            for one in wanted_topics(settings)
            if one.name in missing
        ]
        if new:
            _create(admin, settings, new)
        changed: dict[str, list[ConfigEntry]] = {}
        for one in differences:
            if one.found is not None and one.remedy is None:
                entry = ConfigEntry(one.what, one.wanted, incremental_operation=AlterConfigOpType.SET)
                changed.setdefault(one.topic, []).append(entry)
        if changed:
            resources = [
                ConfigResource(ResourceType.TOPIC, name, incremental_configs=entries)
                for name, entries in changed.items()
            ]
            _results(settings, admin.incremental_alter_configs(resources))
        if new or changed:
            _wait_until_known(admin, settings)
    return Applied(
        tuple(one for one in differences if one.remedy is None),
        tuple(one for one in differences if one.remedy is not None),
    )


def _differences(admin: AdminClient, settings: KafkaSettings) -> list[Difference]:
    there = admin.list_topics(timeout=settings.wait_seconds).topics
    wanted = wanted_topics(settings)
    resources = [ConfigResource(ResourceType.TOPIC, one.name) for one in wanted if one.name in there]
    described = _results(settings, admin.describe_configs(resources)) if resources else {}
    configs = {resource.name: entries for resource, entries in described.items()}
    found: list[Difference] = []
    for one in wanted:
        if one.name not in there:
            found.append(Difference(one.name, "topic", None, f"{one.partitions} partitions"))
            continue
        found += _compared(one, there[one.name].partitions, configs[one.name])
    return found


def _compared(
    wanted: Wanted, partitions: Mapping[int, Any], config: Mapping[str, Any]
) -> Iterator[Difference]:
    if len(partitions) != wanted.partitions:
        yield Difference(
            wanted.name, "partitions", str(len(partitions)), str(wanted.partitions),
            "a key's partition follows from their number, so it cannot change: set `partitions` to what is "
            "there, or begin anew under another topic_prefix and import the old signals into it",
        )  # fmt: skip
    copies = min(len(partition.replicas) for partition in partitions.values())
    if copies != wanted.replication_factor:
        yield Difference(
            wanted.name, "replication_factor", str(copies), str(wanted.replication_factor),
            "reassign the partitions with Kafka's own tools, or set `replication_factor` to what is there",
        )  # fmt: skip
    for name, value in wanted.config.items():
        entry = config[name]
        if entry.value != value or entry.source != _DYNAMIC_TOPIC_CONFIG:
            yield Difference(wanted.name, name, str(entry.value), value)


def _create(admin: AdminClient, settings: KafkaSettings, new: list[NewTopic]) -> None:
    for future in admin.create_topics(new, operation_timeout=settings.wait_seconds).values():
        try:
            future.result(settings.wait_seconds + 5)
        except KafkaException as error:
            # Somebody else applies at the same time, or the answer to our own first try was lost.
            if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                raise


def _wait_until_known(admin: AdminClient, settings: KafkaSettings) -> None:
    """Wait until brokers answer as the controller has decided, and each partition has a leader."""
    until = time.monotonic() + settings.wait_seconds
    while time.monotonic() < until:
        if all(one.remedy is not None for one in _differences(admin, settings)):
            there = admin.list_topics(timeout=settings.wait_seconds).topics
            if all(one.name in there and _has_leaders(there[one.name]) for one in wanted_topics(settings)):
                return
        time.sleep(_PAUSE_SECONDS)
    raise LogUnavailable(
        f"Kafka at {settings.bootstrap_servers}: what was changed has not reached the brokers within "
        f"{settings.wait_seconds:g} s; `limen topics check` says when it has"
    )


def _has_leaders(topic: TopicMetadata) -> bool:
    return all(partition.leader >= 0 for partition in topic.partitions.values())


@contextmanager
def _admin(settings: KafkaSettings) -> Iterator[AdminClient]:
    try:
        yield AdminClient(settings.admin())
    except KafkaException as error:
        raise explained(settings, error) from error


def _results(settings: KafkaSettings, futures: Mapping[Any, Future[Any]]) -> dict[Any, Any]:
    return {key: future.result(settings.wait_seconds + 5) for key, future in futures.items()}
