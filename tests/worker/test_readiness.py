"""Whether a worker is ready: what counts are the partitions it has now. No broker is asked."""

import asyncio
from pathlib import Path

from faust.types import TP

from infra.observability.endpoints import Health
from infra.worker_process import tell_readiness
from streams.worker.app import Worker
from tests.worker.without_broker import TOPIC, Log, a_worker


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
