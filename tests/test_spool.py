"""The spool: signals wait on disk, in order, bounded, and are neither lost nor repeated."""

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from streams.log import Draft, HomeInUse, LogCorrupt, LogUnavailable
from streams.spool import Spool, SpoolFull
from tests.small_disk import small_disk

ROOM = 1_000_000


def draft(number: int, length: int = 10) -> Draft:
    """Return the signal of this number."""
    return Draft(f"{number:032x}", "campus", b"x" * length)


def ids(spool: Spool, limit: int = 1_000) -> list[int]:
    """Return the numbers of the signals that wait."""
    return [int(one.id, 16) for one in spool.waiting(limit, ROOM)]


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    """An empty spool."""
    with Spool(tmp_path / "spool.sqlite", ROOM) as opened:
        yield opened


def test_what_is_appended_waits_in_order(spool: Spool) -> None:
    """The oldest come first, exactly as they were."""
    spool.append([draft(2), draft(1)])
    spool.append([draft(3)])
    assert ids(spool) == [2, 1, 3]
    assert ids(spool, 2) == [2, 1]
    first = spool.waiting(1, ROOM)[0]
    assert (first.id, first.site, first.wire) == (draft(2).id, "campus", b"x" * 10)


def test_what_the_log_has_is_removed_with_what_is_known_of_it(spool: Spool) -> None:
    """Removing and what is known of the log are one transaction."""
    spool.append([draft(number) for number in range(5)])
    spool.keep_reached({0: 7, 3: 1})
    spool.remove(spool.waiting(2, ROOM), {0: 9})
    assert (ids(spool), spool.reached(), spool.count) == ([2, 3, 4], {0: 9, 3: 1}, 3)


def test_a_full_spool_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """What does not fit is refused whole, with a remedy; when there is room again it fits."""
    with Spool(tmp_path / "spool.sqlite", 1_000) as spool:
        spool.append([draft(1, 300), draft(2, 300)], "file", 2)
        with pytest.raises(SpoolFull, match=r"2 signals wait.*raise the spool's limit"):
            spool.append([draft(3, 300), draft(4, 300)], "file", 4)
        assert (ids(spool), spool.place("file"), spool.bytes) == ([1, 2], 2, 800)
        spool.remove(spool.waiting(1, ROOM), {})
        spool.append([draft(3, 300)], "file", 3)
        assert (ids(spool), spool.place("file")) == ([2, 3], 3)


def test_a_page_is_bounded_in_bytes(spool: Spool) -> None:
    """However many there are, no more than so many bytes are taken into memory; one signal always is."""
    spool.append([draft(number, 1_000) for number in range(10)])
    assert [len(spool.waiting(100, most)) for most in (1, 2_200, 3_000, ROOM)] == [1, 2, 3, 10]
    spool.remove(spool.waiting(100, 1), {})
    assert ids(spool, 2) == [1, 2]


def test_a_full_disk_refuses_and_loses_nothing(tmp_path: Path) -> None:
    """Where SQLite itself has no room a signal is refused with a remedy; it fits when there is room again."""
    with Spool(tmp_path / "spool.sqlite", ROOM) as spool:
        spool.append([draft(1)], "file", 1)
        with small_disk(spool):
            with pytest.raises(LogUnavailable, match="disk is full"):
                spool.append([draft(number, 1_000) for number in range(2, 50)], "file", 50)
            assert (ids(spool), spool.place("file"), spool.count) == ([1], 1, 1)
            spool.remove(spool.waiting(1, ROOM), {0: 1})
        spool.append([draft(number, 1_000) for number in range(2, 50)], "file", 50)
        assert (ids(spool), spool.place("file"), spool.count) == ([*range(2, 50)], 50, 48)


def test_everything_is_there_after_reopening(tmp_path: Path) -> None:
    """Signals, places and what was reached outlive closing; a number is never given again."""
    with Spool(tmp_path / "spool.sqlite", ROOM) as spool:
        spool.append([draft(1), draft(2)], "file", 2)
        last = spool.waiting(2, ROOM)[1].number
        spool.remove(spool.waiting(2, ROOM), {1: 5})
    with Spool(tmp_path / "spool.sqlite", ROOM) as spool:
        assert (spool.count, spool.bytes, spool.place("file"), spool.reached()) == (0, 0, 2, {1: 5})
        spool.append([draft(3)])
        assert spool.waiting(1, ROOM)[0].number == last + 1


def test_a_source_is_known_again_by_the_mark_of_its_place(tmp_path: Path) -> None:
    """A mark outlives closing; a spool from before there were marks has none, nor has a place without one."""
    path = tmp_path / "spool.sqlite"
    with Spool(path, ROOM) as spool:
        spool.append([draft(1)], "file", 3, b"abc")
    with closing(sqlite3.connect(path)) as file:
        file.execute("INSERT OR REPLACE INTO places VALUES ('other', 9)")
        file.commit()
    with Spool(path, ROOM) as spool:
        assert (spool.mark("file"), spool.mark("other"), spool.place("other")) == (b"abc", b"", 9)
    with closing(sqlite3.connect(path)) as file:  # by a program that knows no marks
        file.execute("INSERT OR REPLACE INTO places VALUES ('file', 5)")
        file.commit()
    with Spool(path, ROOM) as spool:
        assert (spool.mark("file"), spool.place("file")) == (b"", 5)
    with closing(sqlite3.connect(path)) as file:
        file.execute("DROP TABLE marks")
    with Spool(path, ROOM) as spool:
        assert (spool.mark("file"), spool.place("file"), ids(spool)) == (b"", 5, [1])


def test_one_process_at_a_time(spool: Spool, tmp_path: Path) -> None:
    """A second one is told who has it."""
    with pytest.raises(HomeInUse, match="process"):
        Spool(tmp_path / "spool.sqlite", ROOM)
    assert spool.count == 0


def test_the_sites_that_spoke_are_remembered(tmp_path: Path) -> None:
    """Also when all they said has left, and after a new start; what was refused does not count."""
    with Spool(tmp_path / "spool.sqlite", 1_000) as spool:
        spool.append([Draft(f"{number:032x}", f"site-{number % 2}", b"x") for number in range(3)])
        with pytest.raises(SpoolFull):
            spool.append([Draft(f"{9:032x}", "large", b"x" * 1_000)])
        spool.remove(spool.waiting(3, 1_000_000), {})
    with Spool(tmp_path / "spool.sqlite", 1_000) as spool:
        assert spool.sites == {"site-0", "site-1"}


def test_another_file_is_no_spool(tmp_path: Path) -> None:
    """A file of something else is refused, and may then be used for what it is."""
    path = tmp_path / "spool.sqlite"
    path.write_bytes(b"no database at all, but a letter of more than a hundred bytes" * 10)
    for _ in range(2):
        with pytest.raises(LogCorrupt):
            Spool(path, ROOM)


def test_a_closed_spool_says_so(tmp_path: Path) -> None:
    """Closing twice is harmless; using it afterwards is not silent."""
    spool = Spool(tmp_path / "spool.sqlite", ROOM)
    spool.close()
    spool.close()
    with pytest.raises(LogUnavailable, match="closed"):
        spool.append([draft(1)])


def test_one_thread_appends_while_another_removes(spool: Spool) -> None:
    """Nothing is lost between a connector's thread and the forwarder's."""
    moved: list[int] = []

    def forward() -> None:
        while len(moved) < 500:
            waiting = spool.waiting(7, ROOM)
            moved.extend(int(one.id, 16) for one in waiting)
            spool.remove(waiting, {})

    thread = threading.Thread(target=forward)
    thread.start()
    for start in range(0, 500, 5):
        spool.append([draft(number) for number in range(start, start + 5)])
    thread.join()
    assert moved == list(range(500))
    assert (spool.count, spool.bytes) == (0, 0)


@settings(max_examples=25)
@given(st.lists(st.integers(-4, 6), max_size=20))
def test_it_is_a_queue(tmp_path_factory: pytest.TempPathFactory, steps: list[int]) -> None:
    """Any appends (above 0), removals (below) and reopenings (0) leave what they leave in a list."""
    path = tmp_path_factory.mktemp("spool") / "spool.sqlite"
    spool, model, number = Spool(path, ROOM), [], 0
    for step in steps:
        if step > 0:
            spool.append([draft(number + n) for n in range(step)])
            model += range(number, number + step)
            number += step
        elif step < 0:
            spool.remove(spool.waiting(-step, ROOM), {})
            del model[:-step]
        else:
            spool.close()
            spool = Spool(path, ROOM)
        assert (ids(spool), spool.count) == (model, len(model))
    spool.close()
