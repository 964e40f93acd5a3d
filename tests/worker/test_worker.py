"""Workers over a real broker: whatever happens to them, they write what an uninterrupted run decides."""

import itertools
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import msgspec
import pytest

from domain.signal import signal_id
from domain.vocabulary import Topic
from infra.simulating import city_of, city_signals
from streams.admission import Message
from streams.partitioning import partition_of
from streams.worker.defect import one_by_one, read_bundle, reproduce
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


def test_bad_messages_are_quarantined_and_the_others_decided(rig: Rig) -> None:
    """Every kind goes to quarantine with its offset, key and bytes; the signals around it are decided."""
    bad = [one for _, one in bad_messages()]
    far_ahead = message(a_signal(7, time=a_signal().time.__class__(2**52, 2**52)))
    messages = [message(a_signal(number)) for number in range(len(bad) + 1)]
    mixed = [one for pair in itertools.zip_longest(messages, [*bad, far_ahead]) for one in pair if one]
    # The broker's own time is now: what was far ahead of an older log is not ahead of this one.
    rig.produce(one for one in mixed if one.appended_at > 0)
    home = partition_of("alpha", PARTITIONS)
    rig.produce([message(a_signal(99))], partition=(home + 1) % PARTITIONS)
    rig.produce_with_odd_header(message(a_signal(100)))
    rig.produce([message(a_signal(101)), *(message(a_signal(0, site=f"site-{n}")) for n in range(9))])
    worker = rig.start()
    rig.wait_until_decided()
    rig.check_exact()
    kept = rig.quarantined()
    assert {reason for _, _, reason, _, _ in kept} == {reason for reason, _ in bad_messages()}
    strayed = [(place, key) for place, _, reason, key, _ in kept if reason == "foreign_key" and place != home]
    assert ((home + 1) % PARTITIONS, b"alpha") in strayed
    assert signal_id("alpha", "100") in {one.id for one in rig.expected(home).signals}
    assert f'"correlation": "{a_signal(99).id}", "partition": {(home + 1) % PARTITIONS}' in rig.said()
    worker.terminate()
    assert rig.ended(worker) == 0


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
    assert [rig.ended(worker) for worker in workers] == [0, 0]
    assert any(
        event.topic is Topic.SIGNAL_REPEATED
        for partition in range(PARTITIONS)
        for event in rig.events(partition)
    )


def test_draining_keeps_the_state_and_partitions_move_at_once(rig: Rig, city: list[Message]) -> None:
    """SIGTERM ends a worker with its state kept; the other goes on in seconds, without a session's wait."""
    rig.produce(city[:3_000])
    first = rig.start(session_seconds=40)
    rig.wait_until_decided()
    second = rig.start(session_seconds=40)
    rig.wait(lambda: rig.said().count("partitions assigned") >= 3, "sharing the partitions")
    first.terminate()
    assert rig.ended(first) == 0
    drained = time.monotonic()
    rig.produce(city[3_000:5_000])
    rig.wait_until_decided()
    assert time.monotonic() - drained < 20, "its session would have ended after 30 s: a heartbeat before 40"
    rig.check_exact()
    second.terminate()
    assert rig.ended(second) == 0
    for partition in range(PARTITIONS):
        snapshot = rig.log.snapshot(partition)
        position = rig.log.position(partition)
        assert position == 0 or (snapshot is not None and snapshot.position == position)


def test_a_stalled_worker_writes_nothing_when_it_wakes_up(rig: Rig, city: list[Message]) -> None:
    """One that stood still in a transaction while another took over is fenced, goes on, and is exact."""
    rig.produce(city[:5_000])
    stalled = rig.start(batch_signals=50, stalls_at=10)
    rig.wait_until_stalled(stalled)
    other = rig.start()
    rig.wait_until_decided()
    told = rig.said().count("partitions assigned")
    stalled.send_signal(signal.SIGCONT)
    rig.wait(lambda: "another worker has the partition" in rig.said(), "hearing it")
    rig.wait(lambda: rig.said().count("partitions assigned") >= told + 2, "sharing the partitions")
    rig.produce(city[5_000:6_000])
    rig.wait_until_decided()
    rig.check_exact()
    for worker in (stalled, other):
        worker.terminate()
    assert [rig.ended(worker) for worker in (stalled, other)] == [0, 0], rig.said()


def test_an_idle_worker_that_stood_still_takes_over_anew(rig: Rig) -> None:
    """Another had its partitions meanwhile: it goes on with what it is given, and does not end."""
    parts = [[message(a_signal(n, site=f"site-{n % 9}")) for n in range(k, k + 90)] for k in (0, 90, 180)]
    rig.produce(parts[0])
    stalled = rig.start()
    rig.wait_until_decided()
    stalled.send_signal(signal.SIGSTOP)
    other = rig.start()
    rig.produce(parts[1])
    rig.wait_until_decided()
    told = rig.said().count("partitions assigned")
    stalled.send_signal(signal.SIGCONT)
    rig.wait(lambda: rig.said().count("partitions assigned") >= told + 2, "sharing the partitions")
    rig.produce(parts[2])
    rig.wait_until_decided()
    rig.check_exact()
    for worker in (stalled, other):
        worker.terminate()
    assert [rig.ended(worker) for worker in (stalled, other)] == [0, 0], rig.said()


def test_a_broken_engine_stops_loudly_with_all_it_takes_to_see_it_again(rig: Rig) -> None:
    """With `exit` it ends with 3, the partition is where it was, the bundle fails again at that offset."""
    good = [message(a_signal(number)) for number in range(20)]
    explosive = message(a_signal(99, device="explode"))
    rig.produce(good)
    worker = rig.start(is_broken=True, on_defect="exit")
    rig.wait_until_decided()
    rig.produce([*good[:3], explosive, message(a_signal(100))])
    assert rig.ended(worker) == 3
    (bundle,) = (rig.folder / "defects").iterdir()
    assert bundle.name in rig.said()
    told = read_bundle(bundle)
    assert told.messages[told.failed_at - told.messages[0].offset].value == explosive.value
    assert "ZeroDivisionError" in told.traceback
    with pytest.raises(ZeroDivisionError):
        reproduce(told, broken_decider(told.limits), one_by_one)
    assert _reproduced(bundle) == (0, "it does not fail any more")  # an engine without the defect
    torn = rig.folder / "torn.bundle"
    torn.write_bytes(bundle.read_bytes()[:-100])
    code, said = _reproduced(torn)
    assert (code, "is no bundle of a defect" in said) == (2, True)
    assert rig.decided() <= told.failed_at
    mended = rig.start()
    rig.wait_until_decided()
    rig.check_exact()
    mended.terminate()
    assert rig.ended(mended) == 0


def test_broken_partitions_are_held_while_the_others_go_on(rig: Rig) -> None:
    """Where the engine fails, or decides what no log takes, it stands still, and the others go on.

    Its endpoints tell all of it: that it waits for the log, has no part in the group yet, and what lags.
    """
    sites = {partition_of(f"site-{number}", PARTITIONS): f"site-{number}" for number in range(20)}
    lost, swollen, whole = range(PARTITIONS)
    rig.produce([message(a_signal(0, site=sites[lost], device="explode"))])
    rig.produce([message(a_signal(0, site=sites[swollen], device="swell"))])
    rig.kafka.broker.pause()
    worker = rig.start(is_broken=True)
    endpoint = rig.endpoint()
    rig.wait(lambda: "kafka" in endpoint.waiting_for(), "missing the log")
    assert "group" in endpoint.waiting_for()
    assert endpoint.is_live()
    rig.kafka.broker.resume()
    rig.wait(lambda: rig.said().count("partition failed") == 2, "failing")
    rig.produce([message(a_signal(1, site=site)) for site in sites.values()])
    rig.wait(lambda: rig.log.position(whole) == 1, "deciding the other")
    assert rig.decided() == 1
    waiting = rig.log.head(lost)
    rig.wait(lambda: endpoint.metric("limen_lag_signals", partition=f"{lost}") == waiting, "lagging")
    rig.wait(lambda: (endpoint.metric("limen_lag_seconds", partition=f"{lost}") or 0) > 1, "growing older")
    assert endpoint.metric("limen_signals_decided_total") == rig.decided()
    assert endpoint.metric("limen_partition_stopped_total", partition=f"{lost}") == 1
    assert endpoint.waiting_for().keys() == {"partitions"}
    assert rig.said().count('"on": "kafka"') == 2, "an outage is told once, and its end"
    worker.terminate()
    assert rig.ended(worker) == 3
    bundles = sorted((rig.folder / "defects").iterdir())
    for bundle, error in zip(bundles, (ZeroDivisionError, ValueError), strict=True):
        told = read_bundle(bundle)
        with pytest.raises(error, match=r"is broken|the log takes 1,000,000"):
            reproduce(told, broken_decider(told.limits), one_by_one)


def _reproduced(bundle: Path) -> tuple[int, str]:
    """Return exit code and last line of `limen worker --reproduce`, called where no home is."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "worker", "--reproduce", str(bundle)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.returncode, (done.stdout + done.stderr).strip().splitlines()[-1]


def test_ids_are_what_makes_a_repeat() -> None:
    """The fixture's repeats are of the same id: without that, the tests above would show nothing."""
    first, second = message(a_signal(1)), message(a_signal(1))
    assert first == second
    assert signal_id("alpha", "1") in str(msgspec.json.decode(first.value or b""))
