"""The forwarder: what waits in the spool comes into the log once and in order, whatever happens."""

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.forwarder import Forwarder, NoAnswerYet, Sent
from streams.log import Draft, LogUnavailable
from streams.quarantine import RejectionReason
from streams.spool import Spool, Waiting

ROOM = 1_000_000


def draft(number: int) -> Draft:
    """Return the signal of this number; its site is one of three."""
    return Draft(f"{number:032x}", f"site-{number % 3}", b"x" * (number % 7))


class FakeLog:
    """A log of two partitions; when its patience ends, the connection is lost. It may be silent a while."""

    def __init__(self) -> None:
        self._sent = Sent()
        self.silent = 0
        self.partitions: dict[int, list[str]] = {0: ["other"] * 4, 1: []}
        self.patience: int | None = None
        self.away = False
        self.too_large = 100

    def partition_of(self, site: str) -> int:
        """Return 0 or 1."""
        return int(site[-1]) % 2

    def ask(self) -> None:
        """Answer, or not."""
        self._answer()

    def head(self, partition: int) -> int:
        """Return how many there are."""
        self._answer()
        return len(self.partitions[partition])

    def find(self, partition: int, from_offset: int, to_offset: int, ids: Collection[str]) -> set[str]:
        """Look."""
        self._answer()
        return set(self.partitions[partition][from_offset:to_offset]) & set(ids)

    def send(self, page: Sequence[Waiting]) -> None:
        """Take them one by one."""
        sent = self._sent = Sent()
        for one in page:
            self._answer()
            if self.patience is not None:
                if self.patience == 0:
                    self.patience = None
                    raise LogUnavailable("the connection was lost")
                self.patience -= 1
            if len(one.wire) > self.too_large:
                sent.refused.append((one, RejectionReason.TOO_LONG, "too large"))
                continue
            partition = self.partition_of(one.site)
            self.partitions[partition].append(one.id)
            sent.reached[partition] = len(self.partitions[partition])

    def arrived(self) -> Sent:
        """Tell what became of them, or nothing yet."""
        if self.silent:
            self.silent -= 1
            raise NoAnswerYet("the broker does not answer")
        return self._sent

    def _answer(self) -> None:
        if self.away:
            raise LogUnavailable("the broker does not answer")

    def numbers(self) -> list[int]:
        """Return the numbers of all ours, of one partition after another."""
        return [int(one, 16) for ids in self.partitions.values() for one in ids if one != "other"]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    with Spool(tmp_path / "spool.sqlite", ROOM) as opened:
        yield opened


def test_what_waits_is_moved_in_order(spool: Spool) -> None:
    """Page after page, each partition in the order of the spool, and the spool is empty afterwards."""
    log = FakeLog()
    spool.append([draft(number) for number in range(10)])
    forwarder = Forwarder(spool, log, lambda *_: None)
    assert [forwarder.step(4) for _ in range(4)] == [4, 4, 2, 0]
    assert log.numbers() == [0, 2, 3, 5, 6, 8, 9, 1, 4, 7]
    assert (spool.count, spool.reached()) == (0, {0: 11, 1: 3})


def test_what_the_log_will_never_take_is_kept_elsewhere(spool: Spool) -> None:
    """It does not stop what comes after it."""
    log, refused = FakeLog(), list[tuple[str, str]]()
    log.too_large = 5
    spool.append([draft(5), draft(6), draft(7)])
    Forwarder(spool, log, lambda one, _, why: refused.append((one.id, why))).step()
    assert (log.numbers(), spool.count) == ([5, 7], 0)
    assert refused == [(draft(6).id, "too large")]


def test_while_the_log_is_away_everything_waits(spool: Spool) -> None:
    """Nothing is lost, and it goes on by itself when the log is back."""
    log = FakeLog()
    log.away = True
    spool.append([draft(1), draft(2)])
    forwarder = Forwarder(spool, log, lambda *_: None)
    for _ in range(3):
        with pytest.raises(LogUnavailable):
            forwarder.step()
    assert spool.count == 2
    log.away = False
    assert (forwarder.step(), sorted(log.numbers())) == (2, [1, 2])


def test_what_is_under_way_is_waited_for_and_not_sent_again(spool: Spool) -> None:
    """A log that is silent is told of each time, and what it has taken meanwhile stands in it once."""
    log = FakeLog()
    log.silent = 2
    spool.append([draft(1), draft(2)])
    forwarder = Forwarder(spool, log, lambda *_: None)
    for _ in range(2):
        with pytest.raises(NoAnswerYet):
            forwarder.step()
    assert spool.count == 2
    assert (forwarder.step(), sorted(log.numbers())) == (2, [1, 2])
    assert (forwarder.step(), spool.count) == (0, 0)


@settings(max_examples=100)
@given(
    count=st.integers(1, 30),
    page=st.integers(1, 9),
    patience=st.lists(st.integers(0, 12), max_size=6),
    restarts=st.lists(st.booleans(), min_size=6, max_size=6),
)
def test_whenever_it_breaks_off_nothing_is_lost_or_twice(
    tmp_path_factory: pytest.TempPathFactory, count: int, page: int, patience: list[int], restarts: list[bool]
) -> None:
    """Connections lost and processes killed at any place leave each signal in the log once, in order."""
    log = FakeLog()
    path = tmp_path_factory.mktemp("spool") / "spool.sqlite"
    with Spool(path, ROOM) as spool:
        spool.append([draft(number) for number in range(count)])
    again = True
    while again:
        with Spool(path, ROOM) as spool:  # as after a kill: only what is on disk is known
            forwarder = Forwarder(spool, log, lambda *_: None)
            again = False
            while True:
                if patience and log.patience is None:
                    log.patience = patience.pop()
                try:
                    if not forwarder.step(page):
                        break
                except LogUnavailable:
                    if restarts and restarts.pop():
                        again = True
                        break
    for ids in log.partitions.values():
        mine = [int(one, 16) for one in ids if one != "other"]
        assert mine == sorted(mine)
    assert sorted(log.numbers()) == list(range(count))
