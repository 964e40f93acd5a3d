"""Topics are made as the settings ask, twice is once, and nothing is ever made smaller."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from infra.invalid_settings import InvalidSettings
from infra.settings import Home, Settings
from infra.settings_file import load_settings
from streams.kafka.settings import OURS, KafkaSettings
from streams.kafka.topics import Difference, Topic, apply, check, topic_name, wanted_topics
from tests.kafka_fixture import Kafka

ROOT = Path(__file__).parents[1]


def settings_of(kafka: Kafka, **changes: Any) -> KafkaSettings:
    """Return settings for topics that are not there yet."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap,
        topic_prefix=kafka.prefix,
        partitions=2,
        replication_factor=1,
        min_insync_replicas=1,
    )
    return replace(settings, **changes)


def test_topics_are_made_once(kafka: Kafka) -> None:
    """The first apply makes all of them, the second does nothing; check agrees."""
    settings = settings_of(kafka)
    missing = check(settings)
    assert [one.topic for one in missing] == [topic_name(settings, topic) for topic in Topic]
    assert all(one.found is None and "missing" in str(one) for one in missing)
    assert list(apply(settings).done) == missing
    assert check(settings) == []
    assert (apply(settings).done, apply(settings).refused) == ((), ())


def test_configurations_are_put_right(kafka: Kafka) -> None:
    """What differs is listed by name with both values, and put right without touching the rest."""
    settings = settings_of(kafka)
    apply(settings)
    changed = replace(settings, signals_retention_days=2, max_message_bytes=500_000)
    signals = topic_name(settings, Topic.SIGNALS)
    differences = check(changed)
    assert Difference(signals, "retention.ms", "-1", "172800000") in differences
    assert {one.what for one in differences} == {"retention.ms", "max.message.bytes"}
    assert len(differences) == 1 + len(Topic)
    assert f"{signals}: retention.ms is -1, wanted 172800000" in map(str, differences)
    assert set(apply(changed).done) == set(differences)
    assert check(changed) == []


def test_partitions_and_copies_stay(kafka: Kafka) -> None:
    """Another number of partitions or copies is refused with the reason; everything else is still applied."""
    settings = settings_of(kafka)
    apply(settings)
    for partitions in (1, 4):
        wanted = replace(settings, partitions=partitions, replication_factor=2, persons_retention_days=1)
        applied = apply(wanted)
        assert {one.what for one in applied.refused} == {"partitions", "replication_factor"}
        assert len(applied.refused) == 2 * len(Topic)
        assert "a key's partition follows from their number" in str(applied.refused[0])
    assert check(replace(settings, persons_retention_days=1)) == []


def test_topics_are_what_exactly_once_needs() -> None:
    """Signals are never compacted and carry the broker's time; snapshots are never deleted."""
    config = {one.topic: one.config for one in wanted_topics(KafkaSettings())}
    assert config[Topic.SIGNALS]["cleanup.policy"] == "delete"
    assert config[Topic.SIGNALS]["message.timestamp.type"] == "LogAppendTime"
    assert config[Topic.SNAPSHOTS]["cleanup.policy"] == "compact"
    assert "retention.ms" not in config[Topic.SNAPSHOTS]
    assert {one["min.insync.replicas"] for one in config.values()} == {"2"}


def test_security_is_passed_through() -> None:
    """TLS and SASL reach every client as they are written; what exactly-once rests on cannot be set."""
    secure = {
        "security.protocol": "SASL_SSL",
        "ssl.ca.location": "/etc/ca.pem",
        "sasl.mechanism": "SCRAM-SHA-512",
        "sasl.username": "limen",
        "sasl.password": "secret",
    }
    settings = KafkaSettings(client={**secure, "compression.type": "zstd"})
    clients = (
        settings.signal_producer(),
        settings.transactional_producer("t"),
        settings.consumer(),
        settings.admin(),
    )
    for client in clients:
        assert secure.items() <= client.items()
    assert settings.signal_producer()["compression.type"] == "zstd"
    for name in OURS:
        with pytest.raises(ValueError, match=f"client: {name} cannot be set"):
            KafkaSettings(client={name: "1"})


def test_settings_come_from_the_home(tmp_path: Path) -> None:
    """The table [kafka] becomes librdkafka's configuration; a password may be a variable."""
    home = Home(tmp_path)
    home.settings.write_text(
        '[kafka]\nbootstrap_servers = "a:1,b:2"\npartitions = 48\nqueue_megabytes = 2\n'
        '[kafka.client]\nsecurity.protocol = "SASL_SSL"\n"sasl.username" = "limen"\nssl.ca.location = "/ca"\n'
    )
    environ = {"LIMEN_KAFKA_SASL_PASSWORD": "secret", "LIMEN_KAFKA_GROUP": "other"}
    settings = load_settings(home, environ).kafka
    assert "secret" not in repr(settings)
    made = settings.client_settings()
    assert (made.bootstrap_servers, made.partitions, made.group) == ("a:1,b:2", 48, "other")
    assert made.signal_producer()["queue.buffering.max.kbytes"] == 2_048
    assert {
        "security.protocol": "SASL_SSL",
        "sasl.username": "limen",
        "sasl.password": "secret",
        "ssl.ca.location": "/ca",
    }.items() <= made.admin().items()
    assert Settings().kafka.client_settings() == KafkaSettings()


def test_settings_that_cannot_be_are_told(tmp_path: Path) -> None:
    """What would break exactly-once, or could never be written, names its line and what to do."""
    home = Home(tmp_path)
    home.settings.write_text("[kafka]\npartitions = 0\n[kafka.client]\nenable.idempotence = false\n")
    with pytest.raises(InvalidSettings) as caught:
        load_settings(home, {})
    assert "limen.toml:2: kafka.partitions: " in str(caught.value)
    home.settings.write_text("[kafka]\nreplication_factor = 1\n")
    with pytest.raises(InvalidSettings, match=r"limen.toml:1: kafka: .*more than replication_factor"):
        load_settings(home, {})
    home.settings.write_text("[kafka.client]\nenable.idempotence = false\n")
    with pytest.raises(InvalidSettings, match=r"kafka: client: enable.idempotence cannot be set"):
        load_settings(home, {})


def _limen(kafka: Kafka, home: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        "LIMEN_KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap,
        "LIMEN_KAFKA_TOPIC_PREFIX": kafka.prefix,
        "LIMEN_KAFKA_REPLICATION_FACTOR": "1",
        "LIMEN_KAFKA_MIN_INSYNC_REPLICAS": "1",
        "LIMEN_KAFKA_PARTITIONS": "2",
    }
    return subprocess.run(
        [sys.executable, "-m", "infra.cli", "topics", *arguments, "--home", str(home)],
        cwd=ROOT, env={**os.environ, **environ}, capture_output=True, text=True, check=False, timeout=120,
    )  # fmt: skip


def test_the_command_line_applies_and_checks(kafka: Kafka, tmp_path: Path) -> None:
    """Check answers no while something differs; apply puts it right."""
    checked = _limen(kafka, tmp_path, "check", "--json")
    assert checked.returncode == 1, checked.stderr
    assert [one["what"] for one in json.loads(checked.stdout)] == ["topic"] * len(Topic)
    applied = _limen(kafka, tmp_path, "apply", "--json")
    assert applied.returncode == 0, applied.stderr
    assert (len(json.loads(applied.stdout)["done"]), json.loads(applied.stdout)["refused"]) == (
        len(Topic),
        [],
    )
    checked = _limen(kafka, tmp_path, "check")
    assert (checked.returncode, checked.stdout) == (0, "all topics are as they should be\n")
