"""Whether a worker is ready: what counts are the partitions it has now. No broker is asked."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from faust.types import TP

from infra.observability.endpoints import Health
from infra.worker_process import tell_readiness
from streams.admission import Limits, Message
from streams.log import LogCorrupt, Snapshot
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


async def _given(worker: Worker, *partitions: int) -> dict[str, str]:
    """Let the group give it these partitions; return what it waits for when all is said."""
    health = Health()
    health.started()
    taken = {TP(TOPIC, partition) for partition in partitions}
    await worker._revoked(worker.app, taken)
    await worker._assigned(worker.app, taken)
    async with asyncio.timeout(10):
        while not all(is_live or one in worker.held for one, is_live in worker.partitions.items()):
            await asyncio.sleep(0.001)
    tell_readiness(worker, health)
    waiting: dict[str, str] = health.ready()[1]["waiting_for"]
    return waiting


async def _moved(folder: Path) -> list[dict[str, str]]:
    worker = a_worker(folder, Log())
    told = [await _given(worker, 0, 1), await _given(worker, 0), await _given(worker, 0, 1)]
    told.append(await _given(worker))
    return told


def test_a_worker_is_ready_again_when_a_held_partition_has_gone(tmp_path: Path) -> None:
    """It is not ready for a partition that it has and cannot decide, and for none that others have."""
    held = {"partitions": "partition 1: signals are gone"}
    assert asyncio.run(_moved(tmp_path)) == [held, {}, held, {}]
