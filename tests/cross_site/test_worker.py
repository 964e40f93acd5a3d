"""The second stage on a real broker: from the persons' log to the sites' signals."""

import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from domain.signal import Signal
from infra.kafka_quarantine import list_quarantined
from streams.cross_site.alarms import alarms
from streams.cross_site.rules import CrossSite, Limits
from streams.cross_site.uses import write_use
from streams.cross_site.worker import CrossSiteWorker, Unobserved
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic, topic_name
from streams.log import LogUnavailable
from tests.cross_site.rig import PATIENCE_SECONDS, ROOT, position, put, running, told, wait_for
from tests.cross_site.told import reading, sighting


def test_both_sites_are_told(log: KafkaSettings) -> None:
    """A cloned card and a person in two places: each site has its signal, and only that one."""
    put(log, [reading("berlin", 0), *(sighting(site, at) for site in ("berlin", "lisbon") for at in (0, 30))])
    with running(log):
        wait_for(lambda: len(told(log)) == 2)
        put(log, [reading("lisbon", 20)])
        wait_for(lambda: len(told(log)) == 4)
    signals = Counter((signal.site, str(signal.action)) for signal in told(log))
    assert signals == {
        (site, action): 1 for site in ("berlin", "lisbon") for action in ("impossible_travel", "two_sites")
    }


def test_what_is_kept_is_computed_again(log: KafkaSettings) -> None:
    """After a restart a new use meets an old one, and what was told before is not told again."""
    put(log, [reading("berlin", 0), reading("lisbon", 20), reading("berlin", 0, "c-2")])
    with running(log):
        wait_for(lambda: len(told(log)) == 2)
    before = position(log)
    put(log, [reading("lisbon", 20, "c-2"), reading("lisbon", 21)])
    with running(log):
        wait_for(lambda: len(told(log)) == 4)
        wait_for(lambda: position(log) > before)
    cards = Counter(signal.credential.hash for signal in told(log) if signal.credential)
    assert cards == {"c-1": 2, "c-2": 2}


def test_it_waits_for_the_log(log: KafkaSettings) -> None:
    """While the signals log refuses, nothing is committed; then everything is told, once."""
    telling, refusals = Telling(log), iter(range(3))

    def tell(signals: Sequence[Signal]) -> None:
        for _ in refusals:
            assert position(log) == 0
            raise LogUnavailable("away")
        telling(signals)

    put(log, [reading("berlin", 0), reading("lisbon", 20)])
    with running(log, tell):
        wait_for(lambda: position(log) > 0)
    assert len(told(log)) == 2
    telling.close()


def test_partitions_that_cannot_be_taken_over_are_taken_over_later(log: KafkaSettings) -> None:
    """The coordinator moves just when a partition is assigned: the stage says it, and joins anew."""
    client = {**log.client, "socket.timeout.ms": 5_000}
    hasty = msgspec.structs.replace(log, wait_seconds=0.0, client=client)  # no coordinator is so quick
    heard, stopping = Heard(), threading.Event()
    stage = CrossSiteWorker(hasty, Limits(), lambda _: None, heard)
    thread = threading.Thread(target=stage.run, args=(stopping,))
    thread.start()
    try:
        wait_for(lambda: sum("Failed to get committed offsets" in reason for reason in heard.reasons) > 1)
    finally:
        stopping.set()
        thread.join(PATIENCE_SECONDS)


class Heard(Unobserved):
    """Hears what the stage waits for."""

    def __init__(self) -> None:
        self.reasons: list[str] = []

    def waiting(self, reason: str | None) -> None:
        """Note it."""
        if reason is not None:
            self.reasons.append(reason)


def put_raw(log: KafkaSettings, *values: bytes) -> None:
    """Write what others might, into partition 0."""
    producer = Producer({"bootstrap.servers": log.bootstrap_servers})
    for value in values:
        producer.produce(topic_name(log, Topic.PERSONS), value, b"ann", 0)
    producer.flush(10)


def quarantined(log: KafkaSettings) -> list[tuple[Any, ...]]:
    """Return source, partition, offset, reason and bytes of what is in the quarantine."""
    names = ("source", "partition", "offset", "reason", "raw")
    return [tuple(one[name] for name in names) for one in list_quarantined(log, range(log.partitions))]


def test_what_is_no_use_goes_to_quarantine(log: KafkaSettings) -> None:
    """A record that this version does not read is kept with its place, and what comes behind is compared."""
    newer = msgspec.json.encode(msgspec.structs.replace(reading("berlin", 0), schema=9))
    put_raw(log, b'{"what":"heard"}', newer)
    put(log, [reading("berlin", 0), reading("lisbon", 20)])
    with running(log):
        wait_for(lambda: len(told(log)) == 2)
    put_raw(log, b"\xff")
    with running(log):
        wait_for(lambda: len(quarantined(log)) == 3)
    first, second, third = quarantined(log)
    assert first == ("persons", 0, 0, "unreadable", '{"what":"heard"}')
    assert second == ("persons", 0, 1, "unknown_schema", newer.decode())
    assert third[3:] == ("unreadable", "\\xff")
    assert len(told(log)) == 2


def test_what_stands_in_the_quarantine_is_not_put_there_again(log: KafkaSettings) -> None:
    """Ended between that and the commit of its position, the next owner reads it once more, and goes on."""
    refused = threading.Event()

    def tell(_: Sequence[Signal]) -> None:
        refused.set()
        raise LogUnavailable("away")

    put_raw(log, b"nothing", *map(write_use, (reading("berlin", 0), reading("lisbon", 20))))
    with running(log, tell):
        wait_for(refused.is_set)
    assert (position(log), len(quarantined(log))) == (0, 1)
    with running(log):
        wait_for(lambda: position(log) > 0)
    assert (len(told(log)), len(quarantined(log))) == (2, 1)


@pytest.mark.slow
def test_killed_anywhere_nothing_is_lost(log: KafkaSettings) -> None:
    """One killed between telling and committing, one of two at any time: every finding, the same ids."""
    uses = [
        use
        for n in range(300)
        for use in (reading("berlin", 0, f"c-{n}"), reading("lisbon", n % 100, f"c-{n}"))
    ]
    stage = CrossSite(Limits())
    findings = [finding for use in uses for finding in stage.see(use, 0)]
    expected = {signal.id for finding in findings for signal in alarms(finding, 0)}
    assert len(expected) == 600
    processes = [_start(log, 50)]
    try:
        put(log, uses[:240])
        processes[0].wait(PATIENCE_SECONDS)  # it kills itself: told, and not committed
        processes += [_start(log), _start(log)]
        put(log, uses[240:360])
        wait_for(lambda: len({signal.id for signal in told(log)}) > 300)
        processes[1].kill()
        put(log, uses[360:])
        wait_for(lambda: {signal.id for signal in told(log)} >= expected)
    finally:
        for process in processes[1:]:
            process.terminate()
        codes = [process.wait(PATIENCE_SECONDS) for process in processes]
    assert codes == [-9, -9, 0]
    ids = [signal.id for signal in told(log)]
    assert set(ids) == expected
    assert len(ids) > len(expected)  # what was told and not committed has been told again


def _start(log: KafkaSettings, *arguments: int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.cross_site.stage", log.bootstrap_servers, log.topic_prefix]
    return subprocess.Popen([*command, *map(str, arguments)], cwd=ROOT, stdout=subprocess.DEVNULL)
