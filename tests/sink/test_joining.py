"""A sink whose group does not share out the partitions, or takes them back."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import structlog.testing
from prometheus_client import CollectorRegistry

from infra.observability.endpoints import Health
from infra.observability.metrics import SinkMetrics
from infra.settings import ClickHouse
from infra.sink_process import SinkProcess
from projections.client import History
from projections.errors import HistoryError
from streams.log import LogUnavailable
from tests.sink.partitioned_log import PartitionedLog


class Group:
    """A group that has forgotten its first member: only the second hears of partitions."""

    def __init__(self, partitions: Sequence[int] = ()) -> None:
        self.members = self.closed = 0
        self.partitions = partitions
        self.polls = 0
        self.tells: list[Callable[[], object]] = []
        """What it tells at the next poll."""

    def join(
        self,
        *,
        on_assigned: Callable[[list[int]], None],
        on_lost: Callable[[list[int]], None],
        **_: Callable[[list[int]], object],
    ) -> "Group":
        """Count a member, and tell all but the first that it has none of the partitions."""
        self.members += 1
        self.assign, self.lose = (lambda: on_assigned([])), (lambda: on_lost([]))
        if self.members > 1:
            on_assigned(list(self.partitions))
        return self

    def poll(self, seconds: float) -> None:
        """Wait."""
        while self.tells:
            self.tells.pop()()
        self.polls += 1
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


def wait_for(what: Callable[[], object]) -> None:
    """Wait until something holds."""
    for _ in range(500):
        if what():
            return
        threading.Event().wait(0.02)
    raise TimeoutError


@contextmanager
def running(group: Group, log: Log, health: Health) -> Iterator[SinkProcess]:
    """Run a sink, which ends with the block."""
    stopping = threading.Event()
    metrics = SinkMetrics(CollectorRegistry())
    process = SinkProcess(nowhere, log, group.join, ClickHouse(), health, metrics)
    thread = threading.Thread(target=process.run, args=(stopping,))
    thread.start()
    try:
        yield process
    finally:
        stopping.set()
        thread.join()


def test_a_member_that_has_to_leave_is_replaced() -> None:
    """It says why, leaves the group and joins it anew; then it is ready, and stays a member."""
    group, health = Group(), Health()
    group.members = 1

    def fail() -> None:
        raise LogUnavailable("the coordinator has moved")

    with structlog.testing.capture_logs() as lines, running(group, Log(), health):
        wait_for(lambda: health.ready()[0])
        group.tells.append(fail)
        wait_for(lambda: group.members == 3 and health.ready()[0])
        polls = group.polls
        wait_for(lambda: group.polls > polls + 2)
        assert (group.members, group.closed) == (3, 1)
    said = [line["error"] for line in lines if line["event"] == "waiting" and line["on"] == "log"]
    assert said == ["the coordinator has moved"]


def test_between_its_turns_nothing_is_read_ahead() -> None:
    """After each turn of a partition, whatever came of it, the log is told to hold nothing for it."""
    group, log = Group([2, 5]), Log()
    group.members = 1
    with running(group, log, Health()):
        wait_for(lambda: set(log.idled) == {2, 5})


def test_who_lost_the_partitions_says_that_the_log_is_away() -> None:
    """Nobody reads it then, so whoever looks at its ends says it, once; joining again is the end of it."""
    group, health = Group(), Health()
    group.members = 1

    def waiting_for() -> object:
        return health.ready()[1]["waiting_for"].get("log")

    with structlog.testing.capture_logs() as lines, running(group, Log(), health) as process:
        wait_for(lambda: health.ready()[0])
        group.tells.append(group.lose)
        process.looked("it does not answer")
        wait_for(lambda: waiting_for() == "it does not answer")
        process.looked("it still does not answer")
        wait_for(lambda: waiting_for() == "it still does not answer")
        process.looked(None)
        group.tells.append(group.assign)
        wait_for(lambda: health.ready()[0])
        process.looked("one leader does not answer")
        polls = group.polls
        wait_for(lambda: group.polls > polls + 2)
        assert health.ready()[0], "who reads the log knows better"
        process.looked(None)
        group.tells.append(group.lose)
        wait_for(lambda: not health.ready()[0])
        polls = group.polls
        wait_for(lambda: group.polls > polls + 2)
        assert waiting_for() is None
    told = [line["event"] for line in lines if line.get("on") == "log"]
    assert told == ["waiting", "going on"]
