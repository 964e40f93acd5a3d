"""A worker over a log of empty partitions, which asks no broker until it runs."""

from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Any

from streams.admission import Limits, Message
from streams.log import LogCorrupt, Snapshot
from streams.messages import Messages
from streams.worker.app import Membership, Worker
from streams.worker.owner import Plan
from streams.worker.partition import PartitionDecider
from streams.worker.pump import Pace

TOPIC = "limen.signals"


class Log:
    """A log of empty partitions; what partition 1 needs is gone."""

    def acquire(self, partition: int) -> None:
        """Refuse the one."""
        if partition == 1:
            raise LogCorrupt("partition 1: signals are gone")

    def release(self, partition: int) -> None:
        """Do nothing."""

    def close_readers(self, partition: int) -> None:
        """Do nothing."""

    def position(self, partition: int) -> int:  # noqa: ARG002 - alike
        """Return the beginning."""
        return 0

    def snapshot(self, partition: int) -> Snapshot | None:  # noqa: ARG002 - alike
        """Return none."""
        return None

    def messages(self, partition: int, from_offset: int, limit: int) -> Sequence[Message]:  # noqa: ARG002
        """Return none."""
        return []

    def blocks(self, partition: int, from_offset: int, to_offset: int) -> Generator[Messages, None, None]:  # noqa: ARG002
        """Yield none."""
        yield from ()

    def transact(self, partition: int, **_: Any) -> None:
        """Take anything."""


class Nobody:
    """Observes nothing."""

    def decided(self, *_: Any) -> None:
        """Do nothing."""

    def quarantined(self, *_: Any) -> None:
        """Do nothing."""

    def stopped(self, *_: Any) -> None:
        """Do nothing."""


def a_worker(folder: Path, log: Log) -> Worker:
    """Return a worker over a log, whose group is asked nothing before it runs."""
    membership = Membership(
        bootstrap_servers="127.0.0.1:1", group="g", topic=TOPIC, session_seconds=6, fetch_bytes=1_000,
        threads=2, folder=str(folder),
    )  # fmt: skip
    plan = Plan(
        limits=Limits(), new_decider=PartitionDecider, snapshot_every=10, snapshot_after_seconds=10,
        bundles=str(folder),
    )  # fmt: skip
    return Worker(log, membership, plan, Pace(batch_signals=10, gather_seconds=0), Nobody())
