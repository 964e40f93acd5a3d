"""Outages of the broker under a connector, a worker and a sink: they recover unaided, and all is exact."""

import itertools
import json
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace

from domain.signal import Signal, write_signal
from infra.kafka.broker import free_ports
from infra.simulating import city_of, city_signals
from infra.supervision import Kept, Together
from projections.client import open_history
from streams.forwarder import Forwarder
from streams.kafka.ends import Ends
from streams.kafka.settings import KafkaSettings
from streams.kafka.target import KafkaTarget
from streams.kafka.topics import Topic, apply
from streams.log import Draft, LogUnavailable
from streams.partitioning import partition_of
from streams.spool import Spool
from tests.chaos.site import PASSWORD, Site, write_home
from tests.chaos.verdict import Progress, judge
from tests.endpoint_client import Endpoint
from tests.group_member import sinks_member
from tests.kafka_fixture import Kafka

PARTITIONS: Final = 3
TRANSACTION_SECONDS: Final = 6
SESSION_SECONDS: Final = 6
AWAY_SECONDS: Final = 80.0
"""More than the longest wait of any process, which is a worker's transaction, 60 s."""
WATCHED: Final = {"LIMEN_LOG_LEVEL": "debug", "LIMEN_METRICS_PORT": "0"}
HURRIED: Final = WATCHED | {
    "LIMEN_KAFKA_TRANSACTION_SECONDS": str(TRANSACTION_SECONDS),
    "LIMEN_KAFKA_WAIT_SECONDS": "2",
    "LIMEN_WORKER_BATCH_SIGNALS": "50",
    "LIMEN_WORKER_GATHER_MILLISECONDS": "150",
    "LIMEN_WORKER_SESSION_SECONDS": str(SESSION_SECONDS),
}


class Process:
    """One of the three, what it has said, and where it is asked."""

    def __init__(self, together: Together, folder: Path, site: Site, name: str, *arguments: str) -> None:
        home = write_home(folder / name, site)
        self._log = folder / f"{name}.log"
        variables = HURRIED if site.is_hurried else WATCHED
        self.kept: Kept = together.start(
            name, [name, *arguments, "--home", str(home)], folder, variables=variables
        )

    def said(self) -> list[dict[str, Any]]:
        """Return its log lines."""
        return [json.loads(line) for line in self._log.read_text().splitlines() if line.startswith("{")]

    def count(self, event: str) -> int:
        """Return how often it said this."""
        return sum(line["event"] == event and line.get("on") != "history" for line in self.said())

    @property
    def endpoint(self) -> Endpoint:
        """Where it serves its endpoints."""
        found = Endpoint.told_in(self._log.read_text())
        assert found is not None
        return found


def wait_for(what: Callable[[], object], seconds: float = 60) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


def write(file: Path, signals: list[Signal]) -> None:
    """Append signals to the file that the connector follows."""
    with file.open("ab") as opened:
        opened.writelines(write_signal(signal) + b"\n" for signal in signals)


def check_correlation(connector: Process, worker: Process, site: Site) -> None:
    """Check that each alert can be followed from the worker's line to the history and the connector's."""
    spooled = [line["correlation"] for line in connector.said() if line["event"] == "spooled"]
    alerts = {line["correlation"] for line in worker.said() if line["event"] == "alert raised"}
    assert alerts
    assert alerts <= {one for ids in spooled for one in ids}
    with open_history(site.history) as history:
        found = history.rows(
            "SELECT id FROM signals WHERE id IN {ids:Array(String)}", {"ids": sorted(alerts)}
        )
    assert {row["id"] for row in found} == alerts


def test_whoever_lives_on_may_forget_its_brokers() -> None:
    """All but a producer of transactions, which another takes the place of after any failure."""
    settings = KafkaSettings()
    for client in (settings.consumer(), settings.signal_producer(), settings.admin()):
        assert client["metadata.recovery.strategy"] == "rebootstrap"
        assert client["metadata.recovery.rebootstrap.trigger.ms"] <= 10_000
    assert settings.transactional_producer("x")["metadata.recovery.strategy"] == "none"


@pytest.mark.slow
def test_clients_find_a_broker_again_that_stood_still(kafka: Kafka, tmp_path: Path) -> None:
    """It signs in anew and says meanwhile that there are no brokers; whoever believed it must ask again."""
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix, group=kafka.prefix, wait_seconds=2,
        partitions=PARTITIONS, replication_factor=1, min_insync_replicas=1, transaction_seconds=3,
        session_seconds=SESSION_SECONDS,
    )  # fmt: skip
    apply(replace(settings, wait_seconds=60))
    first, second = (Draft(digit * 32, "site", b"x") for digit in "01")
    assigned: list[int] = []

    with (
        Spool(tmp_path / "spool.sqlite", 1_000_000) as spool,
        closing(KafkaTarget(settings)) as target,
        closing(Ends(settings)) as ends,
    ):
        forwarder = Forwarder(spool, target, lambda *refused: pytest.fail(str(refused)))
        member = sinks_member(settings, assigned)

        def head() -> int:
            nonlocal member
            try:
                member.poll(0.05)
            except LogUnavailable:  # as a sink does
                member.close()
                assigned.clear()
                member = sinks_member(settings, assigned)
            try:
                forwarder.step()
                return ends.head(Topic.SIGNALS, partition_of("site", PARTITIONS))
            except LogUnavailable:
                return -1

        spool.append([first])
        wait_for(lambda: head() == 1 and assigned)
        kafka.broker.pause()
        spool.append([second])
        wait_for(lambda: head() == -1 and not assigned)
        kafka.broker.resume()
        wait_for(lambda: head() > 1 and assigned)  # else they never do
        ids = {first.id, second.id}
        assert target.find(target.partition_of("site"), 0, head(), ids) == ids
        member.close()


def a_morning(folder: Path) -> list[Signal]:
    """Return the first 3,000 signals of four sites."""
    city = city_of(folder, sites=4, persons=40, days=1, seed=3, start=None)
    return list(itertools.islice(city_signals(city), 3_000))


@contextmanager
def following(site: Site, file: Path, folder: Path) -> Iterator[tuple[Process, Process, Process]]:
    """Run a connector that follows a file, a worker, and a sink with its history; give the three."""
    with Together() as together:
        site.start_gateway(together, folder)
        site.apply_topics(folder)
        yield (
            Process(together, folder, site, "connect", str(file), "--follow", "--no-clock"),
            Process(together, folder, site, "worker"),
            Process(together, folder, site, "sink"),
        )


def check_exact(site: Site, file: Path, folder: Path) -> None:
    """See that logs and history are those of an undisturbed run over the file's 3,000 signals."""
    verdict = judge(site, [file], folder)
    found = tuple(verdict[name] for name in ("signals", "lost", "duplicated", "out_of_order", "identical"))
    assert found == (3_000, 0, 0, 0, True)


@pytest.mark.slow
def test_a_long_outage_and_a_death_of_the_broker(kafka: Kafka, tmp_path: Path) -> None:
    """It stands still amid the work for longer than a transaction and a session last; later it dies.

    Each process says so once, is not ready, and goes on by itself; nothing is lost or told twice.
    """
    history = f"http://limen:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}"
    site = Site(kafka.bootstrap, history, PARTITIONS, kafka.prefix)
    file, signals = tmp_path / "city.jsonl", a_morning(tmp_path)
    write(file, signals[:1_500])
    with following(site, file, tmp_path) as three:
        connector, worker, sink = three
        progress = Progress(site)
        wait_for(lambda: progress.decided() > 0)
        wait_for(lambda: (worker.endpoint.metric("limen_signals_decided_total") or 0) > 100)
        kafka.broker.pause()
        outage_ends = time.monotonic() + max(TRANSACTION_SECONDS, SESSION_SECONDS) + 1
        write(file, signals[1_500:2_500])
        wait_for(lambda: all(one.endpoint.metric("limen_log_away") == 1 for one in three))
        wait_for(lambda: (connector.endpoint.metric("limen_spool_signals") or 0) >= 1_000)
        assert "kafka" in connector.endpoint.waiting_for()
        assert "kafka" in worker.endpoint.waiting_for()
        wait_for(lambda: "log" in sink.endpoint.waiting_for())
        wait_for(lambda: time.monotonic() > outage_ends)
        assert all(one.endpoint.is_live() for one in three)
        kafka.broker.resume()
        progress.wait_until(2_500, 150)
        wait_for(lambda: not any(one.endpoint.waiting_for() for one in three))
        kafka.broker.kill()
        write(file, signals[2_500:])
        wait_for(lambda: all(one.endpoint.metric("limen_log_away") == 1 for one in three))
        kafka.broker.start()
        progress.wait_until(3_000, 150)
        wait_for(lambda: not any(one.endpoint.waiting_for() for one in three))
        assert worker.endpoint.metric("limen_lag_signals") == 0
        # Requests from before the standstill may fence the worker that sent them (decision 0015).
        assert (connector.kept.restarts, sink.kept.restarts, set(worker.kept.codes) - {4}) == (0, 0, set())
        assert (connector.count("waiting"), connector.count("going on")) == (2, 2)
        # A broker that comes back may fail once more at once; it is not told again and again.
        assert 2 <= sink.count("waiting") == sink.count("going on") <= 4
        assert 2 <= worker.count("waiting") <= 2 + worker.kept.restarts
        assert 1 <= worker.count("log unavailable") <= 2 * PARTITIONS, "the first fell into transactions"
        check_correlation(connector, worker, site)
        check_exact(site, file, tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_broker_that_is_away_for_more_than_a_minute(kafka: Kafka, tmp_path: Path) -> None:
    """With the settings as they ship all three live on, while signals go on coming, and go on by themselves.

    That is longer than a request, a transaction, a hand-over or a join may take, and than a loop may stand.
    """
    history = f"http://limen:{PASSWORD}@127.0.0.1:{free_ports(1)[0]}"
    site = Site(kafka.bootstrap, history, PARTITIONS, kafka.prefix, is_hurried=False)
    file, signals = tmp_path / "city.jsonl", a_morning(tmp_path)
    write(file, signals[:1_000])
    with following(site, file, tmp_path) as three:
        connector, worker, sink = three
        progress = Progress(site)
        progress.wait_until(1_000, 150)
        write(file, signals[1_000:1_500])
        wait_for(lambda: progress.decided() > 1_000)
        kafka.broker.pause()
        outage_ends = time.monotonic() + AWAY_SECONDS
        coming = iter(signals[1_500:2_500])
        while time.monotonic() < outage_ends:
            write(file, list(itertools.islice(coming, 10)))
            assert all(one.endpoint.is_live() for one in three)
            time.sleep(1)
        assert [one.endpoint.metric("limen_log_away") for one in three] == [1, 1, 1]
        assert "kafka" in connector.endpoint.waiting_for()
        assert "kafka" in worker.endpoint.waiting_for()
        assert "log" in sink.endpoint.waiting_for()
        assert [one.kept.codes for one in three] == [[], [], []]
        kafka.broker.resume()
        write(file, list(coming))
        progress.wait_until(2_500, 150)
        wait_for(lambda: not any(one.endpoint.waiting_for() for one in three))
        write(file, signals[2_500:])
        progress.wait_until(3_000, 60)
        # Requests from before the standstill may fence the worker that sent them (decision 0015).
        assert (connector.kept.restarts, sink.kept.restarts, set(worker.kept.codes) - {4}) == (0, 0, set())
        assert (connector.count("waiting"), connector.count("going on")) == (1, 1)
        # A broker that comes back may fail once more at once; it is not told again and again.
        assert 1 <= sink.count("waiting") == sink.count("going on") <= 2
        assert 1 <= worker.count("waiting") <= 1 + worker.kept.restarts
        assert worker.count("log unavailable") <= PARTITIONS * (1 + worker.kept.restarts)
        check_correlation(connector, worker, site)
        check_exact(site, file, tmp_path)
