"""A worker as a process for tests: `python -m tests.worker.process JSON`.

Its engine can be broken: it then fails at every signal of the device `explode`, and makes an event that is
too large for any log of every signal of the device `swell`. And it can be told to stand still: it stops
itself with all of a transaction written but its end, and goes on when somebody continues it.
"""

import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

import msgspec  # noqa: E402 - the cache comes first

from domain.event import Event  # noqa: E402
from domain.signal import Signal  # noqa: E402
from domain.vocabulary import Topic  # noqa: E402
from infra import worker_process  # noqa: E402
from infra.settings import Home, Settings  # noqa: E402
from streams.admission import Limits  # noqa: E402
from streams.engine import Engine  # noqa: E402
from streams.kafka import log as kafka_log  # noqa: E402
from streams.kafka.settings import KafkaSettings  # noqa: E402
from streams.kafka.writer import PartitionWriter  # noqa: E402
from streams.worker.partition import PartitionDecider  # noqa: E402


class BrokenEngine(Engine):
    """Fails at signals of some devices, as a mistake in a rule would."""

    def decide(self, signals: Any, offsets: Any = None) -> list[Event]:
        """Decide, or fail."""
        if any(signal.device == "explode" for signal in signals):
            raise ZeroDivisionError("the engine is broken")
        events = super().decide(signals, offsets)
        return events + [_swollen(signal) for signal in signals if signal.device == "swell"]


def _swollen(signal: Signal) -> Event:
    return Event(
        id=f"{signal.site}:swollen",
        site=signal.site,
        topic=Topic.SIGNAL_LATE,
        position=0,
        ordinal=0,
        occurred_at=0,
        known_at=0,
        detail={"of": "x" * 1_100_000},
    )


def broken_decider(limits: Limits) -> PartitionDecider:
    """Return a decider whose engines are broken."""
    return PartitionDecider(limits, new=BrokenEngine, restore=BrokenEngine.restore)


class StallingWriter(PartitionWriter):
    """Stands still in its process's `stalls_at`-th transaction, before it is committed."""

    stalls_at = 0
    _begun = 0

    def _commit(self) -> None:
        StallingWriter._begun += 1
        if StallingWriter._begun == StallingWriter.stalls_at:
            os.kill(os.getpid(), signal.SIGSTOP)
        super()._commit()


class Arguments(msgspec.Struct):
    """What the process is told."""

    home: str
    bootstrap: str
    prefix: str
    partitions: int
    worker: dict[str, Any]
    is_broken: bool = False
    stalls_at: int = 0
    client: dict[str, str] = {}


def kafka_settings(
    bootstrap: str, prefix: str, partitions: int, client: Mapping[str, str] | None = None
) -> KafkaSettings:
    """Return the settings of a test's log."""
    return KafkaSettings(
        bootstrap_servers=bootstrap,
        topic_prefix=prefix,
        group=prefix,
        partitions=partitions,
        replication_factor=1,
        min_insync_replicas=1,
        client=client or {},
        wait_seconds=60,  # on a busy machine nothing but the session decides who has stood still for too long
    )


def main() -> int:
    """Run a worker; return its exit code."""
    told = msgspec.json.decode(sys.argv[1], type=Arguments)
    settings = Settings.model_validate({"log_format": "json", "metrics_port": 0, "worker": told.worker})
    if told.is_broken:
        worker_process.decider_maker = lambda **_: broken_decider  # type: ignore[assignment]
    if told.stalls_at:
        StallingWriter.stalls_at = told.stalls_at
        kafka_log.PartitionWriter = StallingWriter  # type: ignore[misc]
    kafka = kafka_settings(told.bootstrap, told.prefix, told.partitions, told.client)
    return worker_process.run_worker(Home(Path(told.home)), settings, kafka)


if __name__ == "__main__":
    sys.exit(main())
