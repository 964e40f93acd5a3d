"""The demonstration at scale: a simulated city on Kafka and Faust workers, on one machine.

Everything is real and its own process: a broker, two workers, the second stage, a sink, a gateway with the
history behind it, and a connector that follows the file the city is written into.
"""

import os
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Final

from connectors.simulation import City
from domain.signal import write_signal
from infra.failure import Failure
from infra.initialising import fresh_folder, initialise
from infra.kafka.broker import Broker, free_ports
from infra.language import Language
from infra.progress import shown
from infra.rendering import say, table
from infra.settings import Home
from infra.settings_file import load_settings
from infra.simulating import city_of, city_signals
from infra.supervision import Together
from projections.client import History, open_history
from projections.errors import HistoryError
from streams.kafka.log import KafkaLog

SEED: Final = 7
PARTITIONS: Final = 8
WORKERS: Final = 2
_MARK: Final = ".limen-demo-kafka"
_PATIENCE_SECONDS: Final = 300.0
_SITES_SHOWN: Final = 10
_BAR_CELLS: Final = 30
_SETTINGS: Final = """\
log_format = "json"

[kafka]
bootstrap_servers = "{broker}"
partitions = {partitions}
replication_factor = 1
min_insync_replicas = 1

[worker]
second_stage = true

[clickhouse]
url = "{history}"
batch_seconds = 0.5
"""

_PROGRESS: Final = """
SELECT sumIf(at, log = 'signals') AS signals, sumIf(at, log = 'events') AS events
FROM (SELECT log, partition, toUInt64(max(offset)) AS at FROM committed GROUP BY log, partition)
"""
_BUSIEST: Final = """
SELECT minute, sum(persons) AS inside FROM
(
    SELECT site, minute, persons FROM occupancy_per_minute
    WHERE (site, zone) IN (SELECT site, zone FROM zones WHERE parent = '')
)
GROUP BY minute ORDER BY inside DESC, minute LIMIT 1
"""
_INSIDE: Final = """
SELECT site, sum(persons) AS inside FROM
(
    SELECT site, zone, argMax(persons, minute) AS persons FROM occupancy_per_minute
    WHERE (site, zone) IN (SELECT site, zone FROM zones WHERE parent = '') AND minute <= {at:DateTime}
    GROUP BY site, zone
)
GROUP BY site ORDER BY inside DESC, site LIMIT {limit:UInt16}
"""
_ALERTS: Final = """
SELECT rule, count() AS alerts, uniqExact(site) AS sites
FROM alerts WHERE topic = 'alert.raised' GROUP BY rule ORDER BY alerts DESC, rule
"""


def demonstrate_kafka(root: Path, sites: int, persons: int) -> None:
    """Play the demonstration in a folder of its own: a city of so many sites with so many persons each.

    Raises:
        Failure: the folder holds something else, a process did not come up, or something got stuck.
        BrokerUnavailable: there is no Java, or the broker does not start.
    """
    fresh_folder(root, _MARK)
    language = Language.of(root)
    say(f"\n{language.say('A city of {n} sites on Kafka, on this machine', n=sites)}\n", "bold")
    with Broker(root / "broker") as broker, Together() as together:
        url = _start_gateway(together, root)
        settings = _SETTINGS.format(broker=broker.bootstrap, partitions=PARTITIONS, history=url)
        (root / "limen.toml").write_text(settings)
        home = ["--home", str(root)]
        _run(["topics", "apply", *home])
        file = root / "city.jsonl"
        file.touch()
        for number in range(WORKERS):
            together.start(f"worker-{number + 1}", ["worker", *home], root)
        together.start("cross-site", ["cross-site", *home], root)
        together.start("sink", ["sink", *home], root)
        together.start("connect", ["connect", str(file), "--follow", "--no-clock", *home], root)
        say(
            language.say("started: broker, gateway, {n} workers, second stage, sink, connector", n=WORKERS),
            "dim",
        )
        city = city_of(root, sites=sites, persons=persons, days=1, seed=SEED, start=None)
        began = time.monotonic()
        kafka = load_settings(Home(root), os.environ).kafka.client_settings()
        with open_history(url) as history, closing(KafkaLog(kafka)) as log:
            with shown(wanted=True) as progress:
                count = _write(city, file, lambda done: progress("signals said", done, None))
                _until_there(log, history, count, progress)
            _summarise(history, city, count, time.monotonic() - began, language)


def _start_gateway(together: Together, root: Path) -> str:
    """Start the gateway with a history of its own; return its address when it answers."""
    home, port, password = root / "history", free_ports(1)[0], secrets.token_urlsafe(12)
    initialise(home, "campus")
    gateway = together.start(
        "gateway",
        ["gateway", "--home", str(home), "--port", str(port)],
        root,
        variables={"LIMEN_GATEWAY_WRITER_PASSWORD": password},
    )
    until = time.monotonic() + _PATIENCE_SECONDS
    while not _answers(port):
        if time.monotonic() > until or gateway.restarts > 2:
            raise Failure(f"the gateway does not come up: see {root / 'gateway.log'}")
        time.sleep(0.1)
    return f"http://limen:{password}@127.0.0.1:{port}"


def _answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _write(city: City, file: Path, told: Callable[[int], None]) -> int:
    count = 0
    with file.open("wb") as out:
        for signal in city_signals(city):
            out.write(write_signal(signal) + b"\n")
            count += 1
            if count % 1_000 == 0:
                told(count)
    return count


def _until_there(
    log: KafkaLog, history: History, count: int, progress: Callable[[str, int, int | None], None]
) -> None:
    """Wait until every signal is decided, and everything decided is in the history."""
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        decided = sum(log.position(partition) for partition in range(PARTITIONS))
        told = sum(log.events_head(partition) for partition in range(PARTITIONS))
        try:
            there = history.rows(_PROGRESS)[0]
        except HistoryError:  # its tables are not made yet
            there = {"signals": 0, "events": 0}
        progress("signals decided", min(decided, count), count)
        if decided >= count:
            progress("signals and events in history", there["signals"] + there["events"], decided + told)
            if there["signals"] >= count and there["events"] >= told:
                return
        time.sleep(0.3)
    raise Failure("the signals did not all arrive: look at the .log files in the demonstration's folder")


def _summarise(history: History, city: City, count: int, seconds: float, language: Language) -> None:
    say(
        language.say(
            "{n:,} signals of {sites} sites became visits and alerts in {s:.0f} seconds: {rate:,} a second.",
            n=count,
            sites=len(city.simulations),
            s=seconds,
            rate=round(count / seconds),
        )
    )
    minute = history.rows(_BUSIEST)[0]["minute"]
    inside = history.rows(_INSIDE, {"at": minute, "limit": _SITES_SHOWN})
    most = max(row["inside"] for row in inside)
    say("")
    table(
        language,
        ("site", "people", ""),
        [(row["site"], row["inside"], "█" * round(_BAR_CELLS * row["inside"] / most)) for row in inside],
        title=language.say("The fullest sites at {at:%H:%M} UTC", at=minute),
    )
    say("")
    table(
        language,
        ("rule", "alerts", "sites"),
        [(language.name("rule", row["rule"]), row["alerts"], row["sites"]) for row in history.rows(_ALERTS)],
        title=language.say("Alerts by rule"),
    )
    say("")
    say(
        language.say(
            "{n} cards were cloned from one site to another in this city: see impossible_travel.",
            n=len(city.incidents),
        ),
        "dim",
    )


def _run(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Failure((done.stderr or done.stdout).strip())
