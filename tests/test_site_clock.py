"""The connector's clock: silent sites are told the time, behind everything that was said."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from domain.signal import Signal, Time, write_signal
from domain.vocabulary import Action, Category
from infra.clock import tick
from infra.connecting import Connecting
from infra.observability.endpoints import Health
from infra.observability.metrics import SpoolMetrics
from streams.forwarder import Forwarder
from streams.quarantine import Quarantine
from streams.spool import Spool
from tests.fake_log import FakeLog

NOON = 1_709_550_000
ROOM = 1_000_000


def _signal(number: int, site: str) -> Signal:
    return Signal(
        id=f"{number:032x}", site=site, device="d", category=Category.DEVICE, action=Action.ONLINE,
        time=Time(NOON * 1_000_000, NOON * 1_000_000),
    )  # fmt: skip


def _until(true: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not true():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


class _Run:
    """A connector that follows a file into a log in memory, at an hour that the test says."""

    def __init__(self, folder: Path) -> None:
        self.log, self.now = FakeLog(), float(NOON)
        self.log.too_large = 10_000
        self.health = Health()
        self._folder, self._file = folder, folder / "signals.jsonl"
        self._file.touch()
        self._stopping = threading.Event()
        self.start()

    def start(self) -> None:
        """Start it, again after `stop`."""
        self._stopping.clear()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def stop(self) -> None:
        """End it in order."""
        self._stopping.set()
        self._thread.join()

    def say(self, *signals: Signal) -> None:
        """Append signals to the file."""
        with self._file.open("ab") as file:
            file.writelines(write_signal(signal) + b"\n" for signal in signals)

    def told(self, site: str) -> list[str]:
        """Return the ids of the signals of a site's partition."""
        return [one for one in self.log.partitions[self.log.partition_of(site)] if one != "other"]

    def _run(self) -> None:
        quarantine = Quarantine.open(self._folder / "quarantine.sqlite")
        with Spool(self._folder / "spool.sqlite", ROOM) as spool:
            self.spool = spool
            Connecting(
                [self._file], follow=True, spool=spool, quarantine=quarantine,
                forwarder=lambda refuse: Forwarder(spool, self.log, refuse), stopping=self._stopping,
                health=self.health, metrics=SpoolMetrics(CollectorRegistry()), clock_seconds=10,
                clock=lambda: self.now,
            ).run()  # fmt: skip
        quarantine.close()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[_Run]:
    """A connector; stopped at the end."""
    run = _Run(tmp_path)
    yield run
    run.stop()


def test_silent_sites_are_told_the_time(run: _Run) -> None:
    """Each site that has spoken, each tick once, after a start as well; nobody else."""
    first, second = _signal(1, "site-0"), _signal(2, "site-1")
    run.say(first, second)
    ticks = [tick(site, NOON, 10).id for site in ("site-0", "site-1")]
    _until(lambda: ticks[0] in run.told("site-0") and ticks[1] in run.told("site-1"))
    assert run.told("site-0") == [first.id, ticks[0]]
    assert run.told("site-1") == [second.id, ticks[1]]
    run.stop()
    run.now += 25
    run.start()
    _until(lambda: tick("site-1", NOON + 20, 10).id in run.told("site-1"))
    assert tick("site-1", NOON + 10, 10).id not in run.told("site-1")
    assert len(run.told("site-0")) + len(run.told("site-1")) == 2 + 2 * 2


def test_time_does_not_overtake_what_waits(run: _Run) -> None:
    """While the log is away no time is told; when it is back, the time comes behind what was said."""
    run.say(_signal(1, "site-0"))
    _until(lambda: len(run.told("site-0")) == 2)
    run.log.away = True
    run.say(_signal(2, "site-0"))
    _until(lambda: not run.health.ready()[0])
    run.now += 10
    run.say(_signal(3, "site-0"))
    _until(lambda: run.spool.count == 2)
    run.now += 10
    run.log.away = False
    late = [tick("site-0", NOON + seconds, 10).id for seconds in (10, 20)]
    _until(lambda: late[1] in run.told("site-0"))
    told = run.told("site-0")
    assert told[2:] == [f"{2:032x}", f"{3:032x}", late[1]]


def test_a_log_that_is_away_is_noticed_while_nothing_waits(run: _Run) -> None:
    """With an empty spool nothing is sent: the log is asked all the same, at first and later."""
    _until(lambda: run.health.ready()[0])
    for first in (True, False):
        run.log.away = True
        _until(lambda: "kafka" in run.health.ready()[1]["waiting_for"])
        assert not (first and run.spool.count)
        run.log.away = False
        _until(lambda: run.health.ready()[0])
        if first:
            run.say(_signal(1, "site-0"))
            _until(lambda: len(run.told("site-0")) > 0 and not run.spool.count)
