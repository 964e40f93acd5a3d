"""The connector with a real broker: what files say comes into Kafka once and in order, whatever happens."""

import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog
from msgspec.structs import replace
from prometheus_client import CollectorRegistry, generate_latest

from connectors.rejection import UnusableFile
from domain.signal import Signal, Time, write_signal
from domain.vocabulary import Action, Category
from infra.connecting import Connecting
from infra.observability.endpoints import Health
from infra.observability.metrics import SpoolMetrics
from streams.forwarder import Forwarder, NoAnswerYet
from streams.kafka import topics
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.target import KafkaTarget
from streams.quarantine import Quarantine
from streams.spool import Spool
from tests.kafka_fixture import Kafka
from tests.small_disk import small_disk

pytestmark = pytest.mark.slow
PARTITIONS = 3


def signal(number: int, raw: str | None = None) -> Signal:
    """Return the signal of this number, of one of five sites."""
    return Signal(
        id=f"{number:032x}", site=f"site-{number % 5}", device="d", category=Category.DEVICE,
        action=Action.ONLINE, time=Time(1_000_000 * number, 1_000_000 * number), raw=raw,
    )  # fmt: skip


class CountingForwarder(Forwarder):
    """A forwarder that counts how often the log was silent."""

    silences = 0

    def step(self, limit: int = 5_000) -> int:
        """Move a page."""
        try:
            return super().step(limit)
        except NoAnswerYet:
            type(self).silences += 1
            raise


class Connector:
    """One connector in this process: its spool, its thread, and what it says."""

    def __init__(self, settings: KafkaSettings, folder: Path, spool_bytes: int = 10_000_000) -> None:
        self.settings, self.folder, self.spool_bytes = settings, folder, spool_bytes
        self.file = folder / "signals.jsonl"
        self.registry, self.health = CollectorRegistry(), Health()
        self.metrics = SpoolMetrics(self.registry)
        self.stopping = threading.Event()
        self._thread: threading.Thread | None = None

    def write(self, *lines: bytes) -> None:
        """Append lines to the file."""
        with self.file.open("ab") as file:
            file.writelines(line + b"\n" for line in lines)

    def say(self, first: int, end: int) -> None:
        """Append the signals of these numbers."""
        self.write(*(write_signal(signal(number)) for number in range(first, end)))

    def run(self, *, follow: bool = False, files: list[Path] | None = None) -> int:
        """Run to its end; return what still waits."""
        target = KafkaTarget(self.settings, self.health.beat)
        quarantine = Quarantine.open(self.folder / "quarantine.sqlite")
        try:
            with Spool(self.folder / "spool.sqlite", self.spool_bytes) as spool:
                self.spool = spool
                return Connecting(
                    files or [self.file], follow=follow, spool=spool, quarantine=quarantine,
                    forwarder=lambda refuse: CountingForwarder(spool, target, refuse), stopping=self.stopping,
                    health=self.health, metrics=self.metrics,
                ).run()  # fmt: skip
        finally:
            quarantine.close()
            target.close()

    def start(self) -> None:
        """Follow the file in a thread."""
        self.stopping.clear()
        self._thread = threading.Thread(target=self.run, kwargs={"follow": True})
        self._thread.start()

    def stop(self) -> None:
        """End it in order."""
        self.stopping.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def metric(self, name: str) -> float:
        """Return a metric's value."""
        lines = generate_latest(self.registry).decode().splitlines()
        return next(float(line.split()[-1]) for line in lines if line.startswith(f"{name} "))

    def quarantined(self) -> list[tuple[str, bytes]]:
        """Return reason and raw bytes of what is in quarantine."""
        quarantine = Quarantine.open(self.folder / "quarantine.sqlite")
        try:
            return [(str(entry.rejection.reason), entry.rejection.raw) for entry in quarantine.list()]
        finally:
            quarantine.close()


@pytest.fixture
def connector(kafka: Kafka, tmp_path: Path) -> Iterator[Connector]:
    """A connector with topics of its own; stopped at the end."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix, group=kafka.prefix,
        partitions=PARTITIONS, replication_factor=1, min_insync_replicas=1, wait_seconds=2,
    )  # fmt: skip
    topics.apply(replace(settings, wait_seconds=60))
    one = Connector(settings, tmp_path)
    yield one
    one.stop()


def numbers(settings: KafkaSettings) -> list[list[int]]:
    """Return the numbers of the signals in each partition, in order."""
    log = KafkaLog(settings)
    try:
        return [[int(one.id, 16) for one in log.read(n, 0, 1_000_000)] for n in range(PARTITIONS)]
    finally:
        log.close()


def once_and_in_order(settings: KafkaSettings, count: int) -> None:
    """Check that each of these signals is in Kafka once, each partition in the order of the file."""
    found = numbers(settings)
    assert all(one == sorted(one) for one in found)
    assert sorted(number for one in found for number in one) == list(range(count))


def until(true: Callable[[], bool], seconds: float = 90) -> None:
    """Wait until it is true."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


def test_a_file_is_brought_into_kafka_once(connector: Connector) -> None:
    """Every signal is there when the command ends; bringing the same file again adds only what is new."""
    connector.say(0, 12_000)
    assert connector.run() == 0
    once_and_in_order(connector.settings, 12_000)
    connector.say(12_000, 12_010)
    assert connector.run() == 0
    once_and_in_order(connector.settings, 12_010)


def test_what_is_no_signal_goes_to_quarantine(connector: Connector) -> None:
    """Lines nobody can read, and signals too large for the log, stop nothing and are kept whole."""
    large = write_signal(signal(1, raw="x" * 1_100_000))
    connector.write(write_signal(signal(0)), b"{no json", b"\xff\xfe", large, write_signal(signal(2)))
    connector.file.write_bytes(connector.file.read_bytes() + write_signal(signal(3))[:50])
    connector.run()
    assert sorted(number for one in numbers(connector.settings) for number in one) == [0, 2]
    assert connector.quarantined() == [
        ("unreadable", b"{no json"), ("unreadable", b"\xff\xfe"),
        ("torn_line", write_signal(signal(3))[:50]), ("too_long", large),
    ]  # fmt: skip


def test_a_followed_file_is_read_as_it_grows(connector: Connector) -> None:
    """Half a line waits for its other half."""
    connector.say(0, 3)
    connector.start()
    until(lambda: connector.metric("limen_signals_forwarded_total") == 3)
    three, four = (write_signal(signal(number)) + b"\n" for number in (3, 4))
    for part in (three + four[:40], four[40:]):
        with connector.file.open("ab") as file:
            file.write(part)
        time.sleep(0.5)
    until(lambda: connector.metric("limen_signals_forwarded_total") == 5)
    connector.stop()
    assert connector.quarantined() == []
    once_and_in_order(connector.settings, 5)


def test_while_the_broker_is_away_signals_wait_on_disk(connector: Connector, kafka: Kafka) -> None:
    """The connector says so once, reads on, and goes on by itself when the broker is back."""
    connector.say(0, 1_000)
    with structlog.testing.capture_logs() as lines:
        connector.start()
        until(lambda: connector.metric("limen_signals_forwarded_total") == 1_000)
        kafka.broker.kill()
        connector.say(1_000, 5_000)
        until(lambda: connector.metric("limen_log_away") == 1, 60)
        until(lambda: connector.metric("limen_spool_signals") == 4_000)
        assert connector.health.ready()[0] is False
        time.sleep(3)
        kafka.broker.start()
        until(lambda: connector.metric("limen_spool_signals") == 0, 60)
        connector.stop()
    assert connector.health.ready()[0]
    assert [line["event"] for line in lines if line.get("on") == "kafka"] == ["waiting", "going on"]
    once_and_in_order(connector.settings, 5_000)


def test_a_full_spool_stops_the_reading_and_loses_nothing(connector: Connector, kafka: Kafka) -> None:
    """There is an alarm, nothing more is read, and all of it arrives when there is room again."""
    connector.spool_bytes = 1_500_000  # one batch of 5,000 signals and not two
    kafka.broker.pause()
    connector.say(0, 20_000)
    with structlog.testing.capture_logs() as lines:
        connector.start()
        until(lambda: connector.metric("limen_spool_refuses") == 1, 60)
        assert "spool" in connector.health.ready()[1]["waiting_for"]
        kafka.broker.resume()
        until(lambda: connector.metric("limen_signals_forwarded_total") == 20_000, 90)
        connector.stop()
    assert connector.metric("limen_spool_refuses") == 0
    told = [line for line in lines if line["event"] == "waiting" and line["on"] == "spool"]
    assert told
    assert "raise the spool's limit" in told[0]["error"]
    once_and_in_order(connector.settings, 20_000)


def test_a_full_disk_stops_the_reading_and_loses_nothing(connector: Connector, kafka: Kafka) -> None:
    """SQLite's own refusal is told like a full spool, and reading goes on when there is room."""
    connector.say(0, 1_000)
    connector.start()
    until(lambda: connector.metric("limen_signals_forwarded_total") == 1_000)
    kafka.broker.pause()
    with structlog.testing.capture_logs() as lines, small_disk(connector.spool):
        connector.say(1_000, 8_000)
        until(lambda: connector.metric("limen_spool_refuses") == 1, 60)
        assert "disk is full" in connector.health.ready()[1]["waiting_for"]["spool"]
    until(lambda: connector.metric("limen_spool_refuses") == 0, 60)
    kafka.broker.resume()
    until(lambda: connector.metric("limen_signals_forwarded_total") == 8_000, 90)
    connector.stop()
    assert [line["event"] for line in lines if line.get("on") == "spool"].count("waiting") == 1
    once_and_in_order(connector.settings, 8_000)


def test_a_silent_broker_is_waited_for_in_short_pieces(connector: Connector, kafka: Kafka) -> None:
    """What is under way arrives once, whether the silence ends first or the connector, which ends soon."""
    CountingForwarder.silences = 0
    connector.say(0, 1_000)
    connector.start()
    until(lambda: connector.metric("limen_signals_forwarded_total") == 1_000)
    kafka.broker.pause()
    connector.say(1_000, 2_000)
    until(lambda: CountingForwarder.silences > 2, 60)
    kafka.broker.resume()
    until(lambda: connector.metric("limen_signals_forwarded_total") == 2_000)
    connector.stop()

    connector.settings = replace(connector.settings, wait_seconds=600)
    connector.start()
    connector.say(2_000, 2_010)
    until(lambda: connector.metric("limen_signals_forwarded_total") == 2_010)
    kafka.broker.pause()
    connector.say(2_010, 3_000)
    until(lambda: connector.metric("limen_log_away") == 1, 60)
    assert connector.health.silent_seconds < 20
    began = time.monotonic()
    connector.stop()
    assert time.monotonic() - began < 20
    kafka.broker.resume()
    connector.start()
    until(lambda: connector.metric("limen_spool_signals") == 0, 60)
    connector.stop()
    once_and_in_order(connector.settings, 3_000)


def test_a_file_that_was_cut_is_refused_and_what_waits_is_sent(connector: Connector) -> None:
    """A file shorter than what was read of it is another file; a missing one is named."""
    connector.say(0, 10)
    connector.run()
    connector.file.write_bytes(b"")
    with pytest.raises(UnusableFile, match="cut or replaced"):
        connector.run()
    other = connector.folder / "other.jsonl"
    other.write_bytes(write_signal(signal(10)) + b"\n")
    with pytest.raises(UnusableFile, match=r"missing\.jsonl"):
        connector.run(files=[other, connector.folder / "missing.jsonl"])
    once_and_in_order(connector.settings, 11)


def test_a_rotated_file_is_followed(connector: Connector) -> None:
    """Renamed, cut, and cut while nobody reads: each signal arrives once; what may be lost is an alarm."""
    forwarded = partial(connector.metric, "limen_signals_forwarded_total")
    with structlog.testing.capture_logs() as lines:
        connector.say(0, 10)
        connector.start()
        until(lambda: forwarded() == 10)
        connector.file.rename(connector.folder / "signals.jsonl.1")
        connector.say(10, 20)
        until(lambda: forwarded() == 20)
        connector.file.write_bytes(b"")
        connector.say(20, 35)
        until(lambda: forwarded() == 35)
        connector.stop()
        connector.file.write_bytes(b"")
        connector.say(35, 60)
        connector.start()
        until(lambda: forwarded() == 60)
        connector.stop()
        connector.start()
        connector.stop()
    told = [(line["event"], line["log_level"]) for line in lines if line["event"].startswith("file ")]
    assert told == [("file renamed", "info"), ("file cut", "warning"), ("file cut", "error")]
    assert connector.metric('limen_file_cut_total{unread="unknown"}') == 1
    once_and_in_order(connector.settings, 60)
