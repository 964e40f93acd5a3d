"""A worker that has nothing to ask the broker for, and one whose Faust gives the broker up."""

import asyncio
from contextlib import closing
from pathlib import Path

import pytest
from aiokafka.errors import KafkaConnectionError  # type: ignore[import-untyped]

from infra.settings import Settings
from infra.worker_process import worker_of
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import apply
from streams.log import LogUnavailable
from streams.worker.app import Worker
from tests.kafka_fixture import Kafka
from tests.worker.process import kafka_settings
from tests.worker.without_broker import Nobody

_DAY_SECONDS = 86_400
_SESSION_SECONDS = 6
_PATIENCE_SECONDS = 60


@pytest.mark.slow
def test_a_standby_takes_over_however_long_it_had_no_partition(kafka: Kafka, tmp_path: Path) -> None:
    """It stays in the group although it polls nothing, and has the partition when its owner has gone."""
    settings = kafka_settings(kafka.bootstrap, kafka.prefix, 1)
    apply(settings)
    with closing(KafkaLog(settings)) as log:
        asyncio.run(_owner_goes(settings, log, tmp_path))


async def _owner_goes(settings: KafkaSettings, log: KafkaLog, folder: Path) -> None:
    ours = Settings.model_validate({"worker": {"session_seconds": _SESSION_SECONDS}})
    workers = [worker_of(ours, settings, log, str(folder), folder, Nobody()) for _ in range(2)]
    running = {worker: asyncio.create_task(worker.run()) for worker in workers}
    try:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            while not (all(worker.has_joined for worker in workers) and _owners(workers) == 1):
                await asyncio.sleep(0.05)
            owner, standby = sorted(workers, key=lambda worker: not worker.partitions)
            # As if it had asked for nothing for a day: Faust's client looks at this before it joins anew.
            standby.app.consumer._thread._consumer._subscription._last_fetch_ended -= _DAY_SECONDS
            owner.stop()
            await running[owner]
            while not _owners([standby]):
                await asyncio.sleep(0.05)
    finally:
        for worker in workers:
            worker.stop()
        await asyncio.gather(*running.values())


@pytest.mark.slow
def test_a_broker_that_faust_gives_up_is_a_log_that_is_away(kafka: Kafka, tmp_path: Path) -> None:
    """Whenever Faust says so, and whether it raises that or not, the process may begin anew."""
    settings = kafka_settings(kafka.bootstrap, kafka.prefix, 1)
    apply(settings)
    with closing(KafkaLog(settings)) as log:
        failures = [
            asyncio.run(_crash(settings, log, tmp_path, error))
            for error in (KafkaConnectionError("hung up"), ValueError("odd"))
        ]
    assert [type(failure) for failure in failures] == [LogUnavailable, RuntimeError]


async def _crash(settings: KafkaSettings, log: KafkaLog, folder: Path, error: Exception) -> Exception | None:
    worker = worker_of(Settings(), settings, log, str(folder), folder, Nobody())
    running = asyncio.create_task(worker.run())
    async with asyncio.timeout(_PATIENCE_SECONDS):
        while not worker.has_joined:
            await asyncio.sleep(0.05)
        await worker.app.crash(error)
        await running
    return worker.failure


def _owners(workers: list[Worker]) -> int:
    return sum(worker.partitions == {0: True} for worker in workers)
