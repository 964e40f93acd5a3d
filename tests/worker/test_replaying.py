"""Replay from a real broker: what workers decided is decided again, and what was not is found."""

import itertools
import json
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from domain.vocabulary import Action, Category, Topic
from infra.kafka_replay import replay_kafka
from infra.simulating import city_of, city_signals
from streams.runner import draft
from streams.worker.partition import PartitionDecider
from tests.kafka_fixture import Kafka
from tests.worker.messages import a_signal, bad_messages, message
from tests.worker.rig import LIMITS, PARTITIONS, Rig

pytestmark = pytest.mark.slow


def test_replay_is_what_workers_decided_and_finds_what_they_did_not(kafka: Kafka, tmp_path: Path) -> None:
    """Many sites, repeats and bad messages are decided again alike; an event that was changed is shown."""
    city = city_of(tmp_path / "nowhere", sites=6, persons=60, days=1, seed=5, start=None)
    messages = [message(one) for one in itertools.islice(city_signals(city), 4_000)]
    bad = [one for _, one in bad_messages()]
    with Rig(kafka, tmp_path) as rig:
        rig.produce([*messages[:2_000], *messages[1_900:2_000], *bad, *messages[2_000:]])
        worker = rig.start(batch_signals=700)
        rig.wait_until_decided()
        worker.terminate()
        worker.wait(30)
        found = replay_kafka(rig.settings, LIMITS, processes=2)
        events = [event for partition in range(PARTITIONS) for event in rig.events(partition)]
        assert any(event.topic is Topic.SIGNAL_REPEATED for event in events)
        assert found["signals"] == rig.decided() == 4_100 + len(bad)
        assert found["events"] == len(events)
        assert (found["identical"], found["first_difference"]) == (True, None)

        partition = _tamper(rig)
        found = replay_kafka(rig.settings, LIMITS, partition)
        assert found["identical"] is False
        shown = found["first_difference"]
        assert shown["partition"] == partition
        assert shown["offset"] == rig.log.events_head(partition) - 1
        assert json.loads(shown["logged"])["device"] == "somebody-else"
        assert json.loads(shown["replayed"])["device"] != "somebody-else"
        _check_command(rig, tmp_path, partition)


def _tamper(rig: Rig) -> int:
    """Produce a repeated signal, and commit its event with another device; return the partition."""
    before = [rig.log.head(partition) for partition in range(PARTITIONS)]
    twice = message(a_signal(1, site="tampered", category=Category.DEVICE, action=Action.ONLINE))
    rig.produce([twice, twice])
    after = [rig.log.head(partition) for partition in range(PARTITIONS)]
    (partition,) = (place for place in range(PARTITIONS) if after[place] > before[place])
    decided = PartitionDecider(LIMITS).decide(rig.log.messages(partition, 0, after[partition]))
    new = [event for event in decided.events if event.position >= before[partition]]
    changed = [*new[:-1], msgspec.structs.replace(new[-1], device="somebody-else")]
    rig.log.acquire(partition)
    rig.log.transact(
        partition,
        from_position=before[partition],
        to_position=after[partition],
        events=[draft(event) for event in changed],
    )
    rig.log.release(partition)
    return partition


def _check_command(rig: Rig, home: Path, partition: int) -> None:
    """`limen replay --kafka` reads the home's limen.toml, and answers with its exit code."""
    settings = rig.settings
    (home / "limen.toml").write_text(
        f'[kafka]\nbootstrap_servers = "{settings.bootstrap_servers}"\n'
        f'topic_prefix = "{settings.topic_prefix}"\ngroup = "{settings.group}"\n'
        f"partitions = {PARTITIONS}\nreplication_factor = 1\nmin_insync_replicas = 1\n"
    )
    command = [sys.executable, "-m", "infra.cli", "replay", "--kafka", "--json", "--home", str(home)]
    for other in (partition, (partition + 1) % PARTITIONS):
        done = subprocess.run(
            [*command, "--partition", str(other)], capture_output=True, text=True, check=False
        )
        assert done.returncode == (1 if other == partition else 0), done.stderr
        assert json.loads(done.stdout)["identical"] is (other != partition)
    wrong = subprocess.run([*command, "--partition", "99"], capture_output=True, text=True, check=False)
    assert wrong.returncode == 2
    assert "--partition 99" in wrong.stderr
