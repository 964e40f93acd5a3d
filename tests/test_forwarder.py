"""The forwarder: what waits in the spool comes into the log once and in order, whatever happens."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.forwarder import Forwarder, NoAnswerYet
from streams.log import Draft, LogUnavailable
from streams.spool import Spool
from tests.fake_log import FakeLog

ROOM = 1_000_000


def draft(number: int) -> Draft:
    """Return the signal of this number; its site is one of three."""
    return Draft(f"{number:032x}", f"site-{number % 3}", b"x" * (number % 7))


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
