"""Workers over a real broker: whatever happens to them, they write what an uninterrupted run decides."""

import itertools
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from domain.signal import signal_id
from domain.vocabulary import Topic
from infra.simulating import city_of, city_signals
from streams.worker.admission import Message
from streams.worker.defect import read_bundle, reproduce
from streams.worker.partition import PartitionDecider
from tests.kafka_fixture import Kafka
from tests.worker.messages import a_signal, bad_messages, message
from tests.worker.process import broken_decider
from tests.worker.rig import PARTITIONS, Rig

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> list[Message]:
    """Give a morning of six sites, long past, as messages; the same device sends some of it twice."""
    simulated = city_of(tmp_path_factory.mktemp("nowhere"), sites=6, persons=60, days=1, seed=5, start=None)
    messages = [message(one) for one in itertools.islice(city_signals(simulated), 9_000)]
    random = Random(3)
    for place in sorted(random.sample(range(100, len(messages)), 60), reverse=True):
        messages.insert(place, messages[place - random.randint(1, 50)])
    return messages


@pytest.fixture
def rig(kafka: Kafka, tmp_path: Path) -> Iterator[Rig]:
    """Give the topics of one test."""
    with Rig(kafka, tmp_path) as rig:
        yield rig


def _ended(worker: "subprocess.Popen[bytes]") -> int:
    return worker.wait(30)


def test_bad_messages_are_quarantined_and_the_others_decided(rig: Rig) -> None:
    """Every kind of bad message goes to quarantine with its offset and bytes; the signals around it count."""
    bad = [one for reason, one in bad_messages() if reason != "too_long"]
    far_ahead = message(a_signal(7, time=a_signal().time.__class__(2**52, 2**52)))
    messages = [message(a_signal(number)) for number in range(len(bad) + 1)]
    mixed = [one for pair in itertools.zip_longest(messages, [*bad, far_ahead]) for one in pair if one]
    # The broker's own time is now: what was far ahead of an older log is not ahead of this one.
    rig.produce(one for one in mixed if one.appended_at > 0)
    worker = rig.start()
    rig.wait_until_decided()
    rig.check_exact()
    reasons = {reason for _, _, reason, _ in rig.quarantined()}
    assert reasons == {
        "unknown_schema", "unreadable", "wrong_encoding", "foreign_key", "implausible_time", "bad_number",
        "unknown_action",
    }  # fmt: skip
    worker.terminate()
    assert _ended(worker) == 0


def test_workers_are_killed_and_nothing_is_lost_or_told_twice(rig: Rig, city: list[Message]) -> None:
    """Signals flow, workers are killed at random and started again: the events are those of one calm run."""
    random = Random(11)
    workers = [rig.start(), rig.start()]
    parts = [city[start : start + 1_000] for start in range(0, len(city), 1_000)]
    for number, part in enumerate(parts):
        rig.produce(part)
        time.sleep(0.3)
        if number % 2:
            victim = random.randrange(len(workers))
            workers[victim].kill()
            workers[victim] = rig.start()
    rig.wait_until_decided()
    events = rig.check_exact()
    assert events > 1_000
    for worker in workers:
        worker.terminate()
    assert [_ended(worker) for worker in workers] == [0, 0]
    assert any(
        event.topic is Topic.SIGNAL_REPEATED
        for partition in range(PARTITIONS)
        for event in rig.events(partition)
    )


def test_draining_keeps_the_state_and_partitions_move_at_once(rig: Rig, city: list[Message]) -> None:
    """SIGTERM ends a worker with its state kept; the other goes on in seconds, without a session's wait."""
    rig.produce(city[:3_000])
    first = rig.start(session_seconds=60)
    rig.wait_until_decided()
    second = rig.start(session_seconds=60)
    rig.wait(lambda: rig.said().count("partitions assigned") >= 3, "sharing the partitions")
    first.terminate()
    assert _ended(first) == 0
    drained = time.monotonic()
    rig.produce(city[3_000:5_000])
    rig.wait_until_decided()
    assert time.monotonic() - drained < 20
    rig.check_exact()
    second.terminate()
    assert _ended(second) == 0
    for partition in range(PARTITIONS):
        snapshot = rig.log.snapshot(partition)
        position = rig.log.position(partition)
        assert position == 0 or (snapshot is not None and snapshot.position == position)


def test_a_stalled_worker_writes_nothing_when_it_wakes_up(rig: Rig, city: list[Message]) -> None:
    """One that stood still at work while another took over is fenced: it ends with 4, the log is exact."""
    rig.produce(city[:5_000])
    stalled = rig.start(batch_signals=50, gather_milliseconds=50)
    rig.wait(lambda: rig.decided() > 200, "deciding some")
    stalled.send_signal(signal.SIGSTOP)
    other = rig.start()
    rig.wait_until_decided()
    stalled.send_signal(signal.SIGCONT)
    assert _ended(stalled) == 4
    rig.check_exact()
    other.terminate()
    assert _ended(other) == 0


def test_a_broken_engine_stops_loudly_with_all_it_takes_to_see_it_again(rig: Rig) -> None:
    """The process ends with 3, the partition is where it was, and the bundle fails again at that offset."""
    good = [message(a_signal(number)) for number in range(20)]
    explosive = message(a_signal(99, device="explode"))
    rig.produce(good)
    worker = rig.start(is_broken=True)
    rig.wait_until_decided()
    rig.produce([*good[:3], explosive, message(a_signal(100))])
    assert _ended(worker) == 3
    (bundle,) = (rig.folder / "defects").iterdir()
    assert bundle.name in rig.said()
    told = read_bundle(bundle)
    assert told.messages[told.failed_at - told.messages[0].offset].value == explosive.value
    assert "ZeroDivisionError" in told.traceback
    with pytest.raises(ZeroDivisionError):
        reproduce(told, broken_decider(told.limits))
    reproduce(told, PartitionDecider(told.limits))  # an engine without the defect does not fail
    assert rig.decided() <= told.failed_at
    mended = rig.start()
    rig.wait_until_decided()
    rig.check_exact()
    mended.terminate()
    assert _ended(mended) == 0


def test_a_broken_partition_is_held_while_the_others_go_on(rig: Rig) -> None:
    """With `hold` the process keeps the partition undecided, decides the others, and ends with 3."""
    sites = [f"site-{number}" for number in range(8)]
    rig.produce([message(a_signal(0, site="alpha", device="explode"))])
    worker = rig.start(is_broken=True, on_defect="hold")
    rig.wait(lambda: "partition failed" in rig.said(), "failing")
    (lost,) = (one for one in range(PARTITIONS) if rig.log.head(one))
    rig.produce([message(a_signal(1, site=site)) for site in sites])
    others = [one for one in range(PARTITIONS) if one != lost]
    rig.wait(lambda: all(rig.log.position(one) == rig.log.head(one) for one in others), "deciding the others")
    assert rig.log.position(lost) == 0
    worker.terminate()
    assert _ended(worker) == 3


def test_ids_are_what_makes_a_repeat() -> None:
    """The fixture's repeats are of the same id: without that, the tests above would show nothing."""
    first, second = message(a_signal(1)), message(a_signal(1))
    assert first == second
    assert signal_id("alpha", "1") in str(msgspec.json.decode(first.value or b""))
