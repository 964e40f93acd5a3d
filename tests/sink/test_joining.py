"""A sink whose group does not share out the partitions."""

import threading
from collections.abc import Callable, Sequence

import pytest
from prometheus_client import CollectorRegistry

from infra import sink_process
from infra.observability.endpoints import Health
from infra.observability.metrics import CopyingMetrics
from infra.settings import ClickHouse
from infra.sink_process import SinkProcess
from projections.client import History
from projections.errors import HistoryError
from tests.sink.partitioned_log import PartitionedLog


class Group:
    """A group that has forgotten its first member: only the second hears of partitions."""

    def __init__(self, partitions: Sequence[int] = ()) -> None:
        self.members = self.closed = 0
        self.partitions = partitions

    def join(
        self, *, on_assigned: Callable[[list[int]], None], **_: Callable[[list[int]], object]
    ) -> "Group":
        """Count a member, and tell all but the first that it has none of the partitions."""
        self.members += 1
        if self.members > 1:
            on_assigned(list(self.partitions))
        return self

    def poll(self, seconds: float) -> None:
        """Wait."""
        threading.Event().wait(seconds)

    def close(self) -> None:
        """Count it."""
        self.closed += 1


class Log(PartitionedLog):
    """A log that keeps nothing open, and notes which partitions are not read on."""

    def __init__(self) -> None:
        super().__init__()
        self.idled: list[int] = []

    def idle(self, partition: int) -> None:
        """Note it."""
        self.idled.append(partition)

    def release(self, partition: int) -> None:
        """Do nothing."""


def nowhere() -> History:
    """Refuse to open a history."""
    raise HistoryError("it is away")


def test_a_member_that_hears_nothing_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    """After long enough the sink leaves the group and joins it anew; then it is ready, and stays a member."""
    monkeypatch.setattr(sink_process, "_JOIN_SECONDS", 0.2)
    group, health, stopping = Group(), Health(), threading.Event()
    metrics = CopyingMetrics(CollectorRegistry(), "sink")
    process = SinkProcess(nowhere, Log(), group.join, ClickHouse(), health, metrics)
    thread = threading.Thread(target=process.run, args=(stopping,))
    thread.start()
    try:
        until = threading.Event()
        for _ in range(500):
            if health.ready()[0]:
                break
            until.wait(0.02)
        until.wait(0.5)  # more than twice as long as it waited before: now it has no reason to leave
        assert (group.members, group.closed) == (2, 1)
    finally:
        stopping.set()
        thread.join()
    assert group.closed == 2


def test_between_its_turns_nothing_is_read_ahead() -> None:
    """After each turn of a partition, whatever came of it, the log is told to hold nothing for it."""
    group, log, stopping = Group([2, 5]), Log(), threading.Event()
    group.members = 1
    metrics = CopyingMetrics(CollectorRegistry(), "sink")
    process = SinkProcess(nowhere, log, group.join, ClickHouse(), Health(), metrics)
    thread = threading.Thread(target=process.run, args=(stopping,))
    thread.start()
    until = threading.Event()
    for _ in range(500):
        if set(log.idled) == {2, 5}:
            break
        until.wait(0.02)
    stopping.set()
    thread.join()
    assert set(log.idled) == {2, 5}
