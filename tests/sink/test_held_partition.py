"""A partition of the sink whose rows are gone from the log or damaged there."""

import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import structlog
from prometheus_client import CollectorRegistry

from infra import sink_process
from infra.observability.endpoints import Health
from infra.observability.metrics import SinkMetrics
from infra.settings import ClickHouse
from infra.sink_process import SinkProcess
from projections.client import History, open_history
from streams.log import LogCorrupt, SignalsGone
from tests.history_fixture import Entry
from tests.sink.partitioned_log import PartitionedLog, site_of, story, tell


class Log(PartitionedLog):
    """A log of which some partitions cannot be read from."""

    def __init__(self) -> None:
        super().__init__()
        self.gone: set[int] = set()
        self.damaged: set[int] = set()

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return signals, where they are there."""
        if partition in self.gone:
            raise SignalsGone("the topic's retention has passed them")
        return super().read(partition, from_offset, limit)

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return events, where they have their numbers."""
        if partition in self.damaged:
            raise LogCorrupt("an event without its number")
        return super().read_events(partition, from_offset, limit)

    def idle(self, partition: int) -> None:
        """Do nothing."""

    def release(self, partition: int) -> None:
        """Do nothing."""


class Group:
    """A group of one."""

    def __init__(self, partitions: list[int]) -> None:
        self._partitions = partitions

    def join(self, *, on_assigned: Callable[[list[int]], None], **_: object) -> "Group":
        """Give it all partitions."""
        on_assigned(self._partitions)
        return self

    def poll(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)

    def close(self) -> None:
        """Do nothing."""


def until(true: Callable[[], bool]) -> None:
    """Wait until it is so."""
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not come"
        time.sleep(0.02)


def test_what_cannot_be_read_is_said_once_and_holds_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line names the partition; the sink is not ready as long as it is so, and the others go on."""
    monkeypatch.setattr(sink_process, "FIRST_WAIT_SECONDS", 0.02)
    monkeypatch.setattr(sink_process, "LONGEST_WAIT_SECONDS", 0.02)
    log, health, stopping = Log(), Health(), threading.Event()
    for partition in range(3):
        tell(log, partition, [story(site_of(f"site{partition}"), 20, partition)], partition)
    log.gone, log.damaged = {1}, {2}
    opened: list[History] = []

    def history() -> History:
        opened.append(open_history(tmp_path / "history"))
        return opened[-1]

    def rows(table: str) -> list[int]:
        query = f"SELECT partition FROM {table} GROUP BY partition ORDER BY partition"
        return [row["partition"] for row in opened[-1].rows(query)] if opened else []

    metrics = SinkMetrics(CollectorRegistry())
    settings = ClickHouse(batch_seconds=0.05)
    process = SinkProcess(history, log, Group([0, 1, 2]).join, settings, health, metrics)
    thread = threading.Thread(target=process.run, args=(stopping,))
    with structlog.testing.capture_logs() as lines:
        thread.start()
        try:
            until(lambda: rows("signals") == [0, 2] and rows("events") == [0, 1])
            held = {"signals of partition 1", "events of partition 2"}
            until(lambda: health.ready()[1]["waiting_for"].keys() == held)
            for _ in range(30):  # the others are read meanwhile, many times
                assert health.ready()[1]["waiting_for"].keys() == held
                time.sleep(0.02)
            log.gone, log.damaged = set(), set()
            until(lambda: rows("signals") == rows("events") == [0, 1, 2] and health.ready()[0])
        finally:
            stopping.set()
            thread.join()
    said = sorted((line["event"], line["on"]) for line in lines if "on" in line)
    assert said == sorted((event, place) for event in ("going on", "waiting") for place in held)
