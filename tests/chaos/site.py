"""Where everything of a run is: addresses, homes, and the parts that are not killed."""

import os
import subprocess
import sys
import time
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from infra.initialising import initialise
from infra.supervision import Kept, Together
from streams.kafka.settings import KafkaSettings

PASSWORD: Final = "chaos"
_GATEWAY_SECONDS: Final = 60.0
_SETTINGS: Final = """\
log_format = "json"
kafka.bootstrap_servers = "{bootstrap}"
kafka.topic_prefix = "{prefix}"
kafka.group = "{prefix}"
kafka.partitions = {partitions}
kafka.replication_factor = 1
kafka.min_insync_replicas = 1
clickhouse.url = "{history}"
"""
_HURRIED: Final = """\
kafka.wait_seconds = 5
worker.session_seconds = 6
worker.snapshot_every_signals = 20000
clickhouse.session_seconds = 6
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The addresses of a run, and whether its processes wait less for each other than as they ship."""

    bootstrap: str
    history: str
    partitions: int
    prefix: str = "limen"
    is_hurried: bool = True

    def kafka(self) -> KafkaSettings:
        """Return the settings by which the run's logs are read."""
        return KafkaSettings(
            bootstrap_servers=self.bootstrap,
            topic_prefix=self.prefix,
            group=self.prefix,
            partitions=self.partitions,
            replication_factor=1,
            min_insync_replicas=1,
        )

    def start_gateway(self, together: Together, folder: Path) -> Kept:
        """Start the gateway that serves the history, and return when it answers."""
        home, port = folder / "history", int(self.history.rpartition(":")[2])
        initialise(home, "campus")
        gateway = together.start(
            "gateway",
            ["gateway", "--home", str(home), "--port", str(port)],
            folder,
            variables={"LIMEN_GATEWAY_WRITER_PASSWORD": PASSWORD},
        )
        until = time.monotonic() + _GATEWAY_SECONDS
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/ping", timeout=2):
                    return gateway
            except OSError:
                assert time.monotonic() < until, "the gateway does not come up"
                time.sleep(0.1)

    def apply_topics(self, folder: Path) -> None:
        """Make the topics."""
        home = write_home(folder / "topics", self)
        subprocess.run(
            [sys.executable, "-m", "infra.cli", "topics", "apply", "--home", str(home)],
            check=True,
            stdout=subprocess.DEVNULL,
            env=os.environ | {"LIMEN_KAFKA_WAIT_SECONDS": "60"},  # a broker just started takes its time
        )


def write_home(folder: Path, site: Site) -> Path:
    """Make a home that holds settings only."""
    folder.mkdir(parents=True, exist_ok=True)
    text = (_SETTINGS + _HURRIED * site.is_hurried).format(
        bootstrap=site.bootstrap, prefix=site.prefix, partitions=site.partitions, history=site.history
    )
    (folder / "limen.toml").write_text(text)
    return folder
