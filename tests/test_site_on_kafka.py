"""A site on Kafka: its documents are loaded, and time passes while it is silent."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from domain.event import Event
from domain.policy import Policy, Rule
from domain.signal import Signal, Time, signal_id, write_signal
from domain.vocabulary import Action, Category, Topic
from infra.initialising import initialise
from infra.kafka_loading import documents_of, load_into_kafka
from infra.settings import Home
from tests.kafka_fixture import Kafka
from tests.worker.rig import PARTITIONS, Rig

pytestmark = pytest.mark.slow
ROOT = Path(__file__).parents[1]
SITE = "campus"


@pytest.fixture
def rig(kafka: Kafka, tmp_path: Path) -> Iterator[Rig]:
    """Give the topics of one test."""
    with Rig(kafka, tmp_path) as rig:
        yield rig


@pytest.fixture
def home(rig: Rig, tmp_path: Path) -> Path:
    """Give a campus whose doors may stand open for a second, with the test's topics."""
    home = tmp_path / "home"
    initialise(home, SITE)
    kafka = rig.settings
    (home / "limen.toml").write_text(
        f'log_format = "json"\n[kafka]\nbootstrap_servers = "{kafka.bootstrap_servers}"\n'
        f'topic_prefix = "{kafka.topic_prefix}"\ngroup = "{kafka.group}"\npartitions = {PARTITIONS}\n'
    )
    _held_after(home, seconds=1, before=30)
    return home


def _held_after(home: Path, *, seconds: int, before: int) -> None:
    policy = home / "policy.yaml"
    said = policy.read_text()
    assert f"held_open_seconds: {before}" in said
    policy.write_text(said.replace(f"held_open_seconds: {before}", f"held_open_seconds: {seconds}"))


def _limen(*arguments: str) -> Any:
    command = [sys.executable, "-m", "infra.cli", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _events(rig: Rig) -> list[Event]:
    return [event for partition in range(PARTITIONS) for event in rig.events(partition)]


def test_documents_come_into_force_and_time_passes(rig: Rig, home: Path) -> None:
    """A door opens at a site that was loaded, nothing more is said by anybody: it is told to be held open."""
    everything = ["site", "policy", "directory"]

    def load(wait_seconds: float = 60) -> Any:
        return load_into_kafka(*documents_of(Home(home)), rig.settings, wait_seconds)

    first = _limen("load", "--wait", "0", "--json", "--home", str(home))
    assert (first["loaded"], first["decided"]) == (everything, False)
    assert load(0) == first  # as if it had been killed: nobody has answered yet
    rig.start()
    rig.wait_until_decided()
    topics = [event.topic for event in _events(rig)]
    applied = [Topic.SITE_APPLIED, Topic.POLICY_APPLIED, Topic.DIRECTORY_APPLIED]
    assert topics == [*applied, *[Topic.SIGNAL_REPEATED] * 3]
    assert load() == {**first, "loaded": [], "decided": True}

    _held_after(home, seconds=2, before=1)
    assert load()["loaded"] == ["policy"]
    _held_after(home, seconds=1, before=2)
    assert load() == {**first, "loaded": ["policy"], "decided": True}  # an older one, once more
    policy = Policy(rules={"no_such_rule": Rule()})
    for _ in range(2):
        answer = load_into_kafka(SITE, {"policy": policy}, rig.settings, 60)
        assert [one["document"] for one in answer["refused"]] == ["policy"]
        assert "no_such_rule" in answer["refused"][0]["reason"]
    assert load()["loaded"] == []
    assert {event.known_at for event in _events(rig)} == {0}  # nothing of this has moved the site's time

    file, now = home.parent / "signals.jsonl", time.time_ns() // 1_000
    opened = Signal(
        id=signal_id("door", "1"), site=SITE, device="gates-north", category=Category.DOOR,
        action=Action.OPENED, point="gate-north-1", time=Time(now, now),
    )  # fmt: skip
    file.write_bytes(write_signal(opened) + b"\n")
    command = [sys.executable, "-m", "infra.cli", "connect", str(file), "--follow", "--home", str(home)]
    connector = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
    try:
        rig.wait(lambda: any(event.topic is Topic.DOOR_HELD for event in _events(rig)), "holding the door")
    finally:
        connector.terminate()
    assert connector.wait(30) == 0
    (held,) = (event for event in _events(rig) if event.topic is Topic.DOOR_HELD)
    assert (held.point, held.occurred_at) == ("gate-north-1", now + 1_000_000)
    rig.wait_until_decided()
    rig.check_exact()
