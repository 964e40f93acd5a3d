"""What workers could not read is listed and shown from Kafka, to the byte."""

import hashlib
import json
import os
import subprocess
import sys
from base64 import b64decode
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer

from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, apply, topic_name
from streams.quarantine import Rejection, RejectionReason
from tests.kafka_fixture import Kafka
from tests.log_contract import fill

ROOT = Path(__file__).parents[1]
RAW = b"no signal \xff " * 40


class Asked:
    """The command line on a quarantine: in its second partition are two transactions, an entry each."""

    def __init__(self, kafka: Kafka, home: Path) -> None:
        self.settings = KafkaSettings(
            bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix, group=kafka.prefix,
            partitions=2, replication_factor=1, min_insync_replicas=1, max_message_bytes=1_000,
        )  # fmt: skip
        self._home = home
        apply(self.settings)
        (home / "limen.toml").write_text(
            f'[kafka]\nbootstrap_servers = "{kafka.bootstrap}"\ntopic_prefix = "{kafka.prefix}"\n'
            "partitions = 2\nreplication_factor = 1\nmin_insync_replicas = 1\n"
        )
        unread = Rejection(
            "log", "1", 0, RejectionReason.UNREADABLE, "no JSON", RAW, 1_500_000, key=b"r\xfdf"
        )
        long = Rejection("log", "1", 1, RejectionReason.TOO_LONG, "too long", b"x" * 5_000, 2_000_000)
        with closing(KafkaLog(self.settings)) as log:
            fill(log, 2, partition=1)
            log.transact(1, from_position=0, to_position=1, events=[], quarantined=[unread])
            log.transact(1, from_position=1, to_position=2, events=[], quarantined=[long])

    def run(self, *arguments: str, exit_code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run `limen quarantine`."""
        done = subprocess.run(
            [sys.executable, "-m", "infra.cli", "quarantine", *arguments, "--home", str(self._home)],
            cwd=ROOT, env=os.environ, capture_output=True, text=True, check=False, timeout=120,
        )  # fmt: skip
        assert done.returncode == exit_code, (done.stdout, done.stderr)
        assert "Traceback" not in done.stderr
        return done

    def answer(self, *arguments: str) -> Any:
        """Return the answer in JSON."""
        return json.loads(self.run(*arguments, "--kafka", "--json").stdout)


@pytest.fixture
def asked(kafka: Kafka, tmp_path: Path) -> Asked:
    """Return a quarantine with two entries."""
    return Asked(kafka, tmp_path)


def test_entries_are_listed_and_shown(asked: Asked) -> None:
    """A list has every entry once with what the worker said of it, `show` all the bytes that were kept."""
    listed = asked.answer("list")
    assert listed == asked.answer("list", "--status", "open", "--partition", "1")
    assert asked.answer("list", "--status", "retried") == asked.answer("list", "--partition", "0") == []
    unread, long = listed
    number = unread["number"]
    assert unread == {
        "partition": 1, "number": number, "status": "open", "source": "log", "offset": 0,
        "reason": "unreadable", "detail": "no JSON", "received_at": "1970-01-01T00:00:01.500000+00:00",
        "key": "r\\xfdf", "bytes": len(RAW), "digest": hashlib.blake2b(RAW, digest_size=16).hexdigest(),
        "raw": RAW[:200].decode(errors="backslashreplace"),
    }  # fmt: skip
    shown = asked.answer("show", str(number), "--partition", "1")
    assert b64decode(shown.pop("raw_base64")) == RAW
    assert shown == {**unread, "raw": RAW.decode(errors="backslashreplace")}
    cut = asked.answer("show", str(long["number"]), "--partition", "1")
    assert (cut["bytes"], len(b64decode(cut["raw_base64"])), cut["key"]) == (5_000, 1_000, None)
    for missing in (number + 1, 10**9):  # where a transaction ends, and where nothing is yet
        said = asked.run("show", str(missing), "--kafka", "--partition", "1", exit_code=2).stderr
        assert f"no entry {missing} in partition 1" in said
    assert "unreadable" in asked.run("list", "--kafka").stdout


def test_a_message_of_somebody_else_is_listed_as_what_it_is(asked: Asked) -> None:
    """Without headers nothing is known but the bytes, and the others are listed all the same."""
    producer = Producer(asked.settings.signal_producer())
    producer.produce(
        topic_name(asked.settings, Topic.QUARANTINE), b"what?", None, 0, headers=[("offset", b"-")]
    )
    assert producer.flush(20) == 0
    foreign, *others = asked.answer("list")
    assert (foreign["raw"], foreign["bytes"]) == ("what?", 5)
    assert {foreign[name] for name in ("source", "offset", "reason", "key", "received_at")} == {None}
    assert len(others) == 2
    assert "what?" in asked.run("show", "0", "--kafka", "--partition", "0").stdout
    asked.run("list", "--kafka")


def test_what_cannot_be_asked_is_wrong_use(asked: Asked) -> None:
    """A retry says why there is none; a partition is asked of Kafka's quarantine only, and must be there."""
    assert "send it as a new signal" in asked.run("retry", "--kafka", exit_code=2).stderr
    assert "only with --kafka" in asked.run("list", "--partition", "0", exit_code=2).stderr
    assert "partitions 0 to 1" in asked.run("list", "--kafka", "--partition", "2", exit_code=2).stderr
    assert "--partition" in asked.run("show", "1", "--kafka", exit_code=2).stderr
