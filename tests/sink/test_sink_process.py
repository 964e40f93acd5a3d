"""`limen sink` with a real broker: several processes, killed and stalled, fill one history exactly."""

import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import pytest

from domain.event import write_event
from domain.signal import write_signal
from infra.initialising import initialise
from infra.kafka.broker import free_ports
from projections.client import History
from projections.verify import verify
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import apply
from streams.log import Draft, EventDraft
from tests.command_line.calling import answer
from tests.endpoint_client import Endpoint
from tests.kafka_fixture import Kafka
from tests.sink.partitioned_log import site_of, story

PARTITIONS = 4
KILLS = 5
STEPS = 160
PASSWORD = "tested"
SETTINGS = """
log_format = "json"
metrics_port = 0
[kafka]
bootstrap_servers = "{kafka.bootstrap_servers}"
topic_prefix = "{kafka.topic_prefix}"
group = "{kafka.group}"
partitions = {kafka.partitions}
replication_factor = 1
min_insync_replicas = 1
[clickhouse]
url = "{url}"
batch_rows = 80
batch_seconds = 0.1
session_seconds = 6
"""
ROOT = Path(__file__).parents[2]


@dataclass
class Running:
    """A process of ours and what it says."""

    process: subprocess.Popen[bytes]
    log: Path

    def told(self) -> list[dict[str, Any]]:
        """Return its log lines."""
        lines = [line for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [json.loads(line) for line in lines]

    def endpoint(self) -> Endpoint:
        """Return where it serves its endpoints, once it does."""
        wait_for(lambda: Endpoint.told_in(self.log.read_text()), 30)
        endpoint = Endpoint.told_in(self.log.read_text())
        assert endpoint is not None
        return endpoint

    def partitions(self) -> list[int]:
        """Return the partitions it last said to have."""
        return next((line["all"] for line in reversed(self.told()) if "all" in line), [])

    def send(self, number: signal.Signals) -> None:
        """Send it a signal."""
        os.kill(self.process.pid, number)

    def end(self) -> None:
        """Kill it, if it is still there."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()


@dataclass
class Place:
    """A broker, an engine behind HTTP, and the sinks between them."""

    kafka: KafkaSettings
    folder: Path
    port: int
    running: list[Running] = field(default_factory=list)
    server: Running | None = None

    @property
    def url(self) -> str:
        """Where the engine answers."""
        return f"http://limen:{PASSWORD}@127.0.0.1:{self.port}"

    def start_server(self) -> None:
        """Start the engine's gateway and wait until it answers."""
        environ = {"LIMEN_GATEWAY_WRITER_PASSWORD": PASSWORD}
        self.server = self._start("gateway", environ, "--port", str(self.port))
        wait_for(self._answers, 90)

    def _answers(self) -> bool:
        with socket.socket() as client:
            return client.connect_ex(("127.0.0.1", self.port)) == 0

    def rows(self) -> int:
        """Return how many signals the history has."""
        with History(self.url) as history:
            [there] = history.rows("SELECT count() AS n FROM signals")
        return int(there["n"])

    def start_sink(self, **environ: str) -> Running:
        """Start a sink with settings that differ, by the names of their variables.

        In a group of its own it need not wait until the group knows that others are dead.
        """
        return self._start("sink", environ)

    def _start(self, command: str, environ: dict[str, str], *options: str) -> Running:
        log = self.folder / f"{command}-{len(self.running)}.log"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [sys.executable, "-m", "infra.cli", command, "--home", str(self.folder / "home"), *options],
                cwd=ROOT, env=os.environ | environ, stdout=out, stderr=subprocess.STDOUT,
            )  # fmt: skip
        self.running.append(Running(process, log))
        return self.running[-1]


def wait_for(what: Callable[[], object], seconds: float) -> None:
    """Wait until something holds."""
    until = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < until, "it took too long"
        time.sleep(0.05)


@contextmanager
def a_place(kafka: Kafka, folder: Path) -> Iterator[Place]:
    """Make topics and start the engine; end everything."""
    (port,) = free_ports(1)
    settings = KafkaSettings(
        bootstrap_servers=kafka.bootstrap, topic_prefix=kafka.prefix, group=kafka.prefix,
        partitions=PARTITIONS, replication_factor=1, min_insync_replicas=1,
    )  # fmt: skip
    apply(settings)
    place = Place(settings, folder, port)
    initialise(folder / "home", "gastech")
    (folder / "home" / "limen.toml").write_text(
        SETTINGS.format(kafka=settings, url=place.url), encoding="utf-8"
    )
    try:
        place.start_server()
        yield place
    finally:
        for running in place.running:
            running.end()


def append(log: KafkaLog, partition: int, steps: int, seed: int) -> None:
    """Put a site's story into a partition: its signals, and its events in transactions."""
    told = story(site_of(f"site{seed}"), steps, seed)
    first = log.head(partition)
    drafts = [Draft(step.signal.id, step.signal.site, write_signal(step.signal)) for step in told]
    log.append(partition, drafts)
    log.acquire(partition)
    for start in range(0, steps, 37):
        events = [
            msgspec.structs.replace(
                event, position=event.position + first, causes=tuple(cause + first for cause in event.causes)
            )
            for step in told[start : start + 37]
            for event in step.events
        ]
        log.transact(
            partition,
            from_position=first + start,
            to_position=first + min(start + 37, steps),
            events=[
                EventDraft(event.id, event.site, event.topic, write_event(event), event.known_at)
                for event in events
            ],
        )


def wait_until_exact(place: Place, log: KafkaLog, seconds: float = 200) -> None:
    """Wait until the history has everything the log has; it must be exact then."""
    heads = {partition: (log.head(partition), log.events_head(partition)) for partition in range(PARTITIONS)}
    wanted = sum(signals + events for signals, events in heads.values())
    with History(place.url) as history:
        committed = (
            "SELECT sum(at) AS at FROM (SELECT max(offset) AS at FROM committed GROUP BY log, partition)"
        )
        wait_for(lambda: history.rows(committed)[0]["at"] == wanted, seconds)
        for partition, (signals, events) in heads.items():
            found = verify(history, log, partition, signals_head=signals, events_head=events)
            assert found["ok"], found


@pytest.mark.slow
def test_sinks_share_the_partitions_and_hand_them_over(kafka: Kafka, tmp_path: Path) -> None:
    """Two sinks have a part each; when one ends in order the other goes on with all; all is there once."""
    with a_place(kafka, tmp_path) as place, KafkaLog(place.kafka) as log:
        for partition in range(PARTITIONS):
            append(log, partition, 80, partition)
        first, second = place.start_sink(), place.start_sink()
        wait_for(lambda: first.partitions() and second.partitions(), 90)
        wait_for(lambda: sorted(first.partitions() + second.partitions()) == [0, 1, 2, 3], 90)
        first.send(signal.SIGTERM)
        assert first.process.wait(90) == 0
        wait_for(lambda: second.partitions() == [0, 1, 2, 3], 90)
        for partition in range(PARTITIONS):
            append(log, partition, 50, 10 + partition)
        wait_until_exact(place, log)
        endpoint = second.endpoint()
        assert not endpoint.waiting_for()
        assert endpoint.is_live()
        wait_for(lambda: endpoint.metric("limen_sink_lag_rows") == 0, 30)
        assert endpoint.metric("limen_sink_rows_total", log="signals", partition="3") >= 50
        second.send(signal.SIGTERM)
        assert second.process.wait(90) == 0
        assert second.told()[-1]["event"] == "drained"
        _verify_says_what_is_wrong(place, log)


def _verify_says_what_is_wrong(place: Place, log: KafkaLog) -> None:
    """What no sink has brought yet is behind, and no fault; a row that stands twice is one."""
    home = place.folder / "home"
    exact = answer("verify", "--kafka", home=home)
    assert (exact["ok"], exact["behind"]) == (True, {"signals": 0, "events": 0})
    assert exact["signals"]["log"] == sum(log.head(partition) for partition in range(PARTITIONS))
    append(log, 1, 20, 20)
    lagging = answer("verify", "--kafka", home=home)
    assert (lagging["ok"], lagging["behind"]["signals"]) == (True, 20)
    with History(place.url) as history:
        history.run("INSERT INTO events SELECT * FROM events WHERE partition = 1 AND offset = 0")
    twice = answer("verify", "--kafka", home=home, exit_code=1)
    assert (twice["ok"], twice["missing"], twice["extra"]) == (False, 0, 1)
    assert answer("verify", "--kafka", "--partition", "0", home=home)["ok"]


@pytest.mark.slow
def test_killed_sinks_and_a_killed_server_lose_and_repeat_nothing(kafka: Kafka, tmp_path: Path) -> None:
    """Sinks are killed, and the engine once, while they write: everything is there once, told once."""
    chance = random.Random(4)
    with a_place(kafka, tmp_path) as place, KafkaLog(place.kafka) as log:
        for partition in range(PARTITIONS):
            append(log, partition, STEPS, partition)
        for kill in range(KILLS):
            rows = place.rows()
            sink = place.start_sink(
                LIMEN_KAFKA_GROUP=f"{kafka.prefix}-{kill}", LIMEN_CLICKHOUSE_BATCH_ROWS="30"
            )
            wait_for(partial(_has_more, place, rows), 90)
            time.sleep(chance.uniform(0, 0.2))  # anywhere in a batch
            if kill == KILLS // 2:
                assert place.server is not None
                endpoint = sink.endpoint()
                # Rows may come from its predecessor; only what it wrote itself tells it how far it is.
                wait_for(partial(endpoint.metric, "limen_sink_rows_total"), 90)
                place.server.end()
                wait_for(partial(_waiting, sink), 90)
                assert endpoint.waiting_for().keys() == {"history"}
                assert endpoint.metric("limen_sink_target_away") == 1
                wait_for(partial(_lags, endpoint), 30)
                place.start_server()
                wait_for(partial(_goes_on, sink), 90)
                assert not endpoint.waiting_for()
            sink.send(signal.SIGKILL)
        assert place.rows() < STEPS * PARTITIONS, "the kills did not fall into the writing"
        place.start_sink(LIMEN_KAFKA_GROUP=f"{kafka.prefix}-last", LIMEN_CLICKHOUSE_BATCH_ROWS="1000")
        wait_until_exact(place, log)
        for running in place.running:
            assert len(_waiting(running)) <= 1, "an outage is told once"


def _has_more(place: Place, rows: int) -> bool:
    return place.rows() > rows


def _lags(endpoint: Endpoint) -> bool:
    """Return whether it tells that rows wait, and that they grow older."""
    rows, seconds = endpoint.metric("limen_sink_lag_rows"), endpoint.metric("limen_sink_lag_seconds")
    return bool(rows) and bool(seconds)


def _goes_on(sink: Running) -> bool:
    return any(line["event"] == "going on" and line["on"] == "history" for line in sink.told())


def _waiting(sink: Running) -> list[dict[str, Any]]:
    return [line for line in sink.told() if line["event"] == "waiting" and line["on"] == "history"]


@pytest.mark.slow
def test_a_sink_that_lost_its_partitions_while_it_was_stopped_repeats_nothing(
    kafka: Kafka, tmp_path: Path
) -> None:
    """Stopped while they write until another has all partitions, two sinks wake up and write on."""
    with a_place(kafka, tmp_path) as place, KafkaLog(place.kafka) as log:
        for partition in range(PARTITIONS):
            append(log, partition, 250, partition)
        stopped = [place.start_sink(), place.start_sink()]
        wait_for(lambda: all(sink.partitions() for sink in stopped), 60)
        time.sleep(0.5)
        for sink in stopped:
            sink.send(signal.SIGSTOP)
        other = place.start_sink()
        wait_for(lambda: other.partitions() == [0, 1, 2, 3], 60)
        time.sleep(1)
        for sink in stopped:
            sink.send(signal.SIGCONT)
        for partition in range(PARTITIONS):
            append(log, partition, 50, 10 + partition)
        wait_until_exact(place, log)
        assert all(sink.process.poll() is None for sink in (*stopped, other))
