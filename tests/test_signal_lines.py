"""Lines of a followed file: whatever stands in one, the lines behind it are read."""

import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from connectors.rejection import UnusableFile
from domain.signal import Signal, Time, write_signal
from domain.vocabulary import Action, Category
from infra.signal_lines import Begun, Read, read_lines
from streams.spool import taken_bytes

ROOM = 40_000
GOOD = Signal(
    id=f"{1:032x}", site="lab", device="d", category=Category.DEVICE, action=Action.ONLINE, time=Time(5, 5)
)


def read(path: Path, *lines: bytes, room_bytes: int = ROOM) -> list[Read]:
    """Return what is read of a file of these lines."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    return list(read_lines(path, 0, room_bytes=room_bytes, follow=False, stopping=threading.Event()))


def wire(**changes: object) -> bytes:
    """Return the good signal's line with changes."""
    return write_signal(msgspec.structs.replace(GOOD, **changes))


ODD = [
    (wire(data={"a": 1}).replace(b"1}}", b"[" * 5_000 + b"]" * 5_000 + b"}}"), "unreadable"),
    (wire(data={"a": 1}).replace(b"1}}", b"1e999}}"), "unreadable"),
    (wire(data={"a": 1}).replace(b"1}}", b"NaN}}"), "unreadable"),
    (wire().replace(b"signal:1", "signal:²".encode()), "unreadable"),
    (wire().replace(b"signal:1", b"signal:" + b"1" * 5_000), "unreadable"),
    (wire().replace(b'"occurred_at":5', b'"occurred_at":%d' % 2**62), "implausible_time"),
    (wire(seq=2**63), "bad_number"),
    (wire(id="42"), "unreadable"),
    (wire(site="no such site"), "unreadable"),
    (wire(person="x" * 300), "too_long"),
    (wire(raw="x" * ROOM), "too_long"),
    (b"\xff\x00", "unreadable"),
]


@pytest.mark.parametrize(("line", "reason"), ODD, ids=[f"{n}-{reason}" for n, (_, reason) in enumerate(ODD)])
def test_an_odd_line_is_set_aside_and_the_next_one_read(tmp_path: Path, line: bytes, reason: str) -> None:
    """No line stops the reader, now or at its next start: it is in quarantine, and the place is behind it."""
    path = tmp_path / "signals.jsonl"
    found = read(path, line, wire())
    assert [draft.id for one in found for draft in one.drafts] == [GOOD.id]
    assert [(str(odd.reason), odd.raw) for one in found for odd in one.rejections] == [(reason, line)]
    assert found[-1].place == path.stat().st_size


def test_what_is_read_at_once_is_a_small_part_of_the_spool(tmp_path: Path) -> None:
    """Many lines come in pieces; one that is larger than a piece comes alone, up to the whole spool."""
    large = wire(id=f"{2:032x}", raw="x" * (ROOM // 2))
    found = read(tmp_path / "signals.jsonl", *[wire()] * 200, large, wire())
    sizes = [sum(map(taken_bytes, one.drafts)) for one in found]
    assert sum(len(one.drafts) for one in found) == 202
    alone = [one for one in found if any(draft.wire == large for draft in one.drafts)]
    assert [len(one.drafts) for one in alone] == [1]
    assert all(size <= ROOM // 4 for size in sizes if size != taken_bytes(alone[0].drafts[0]))


def test_a_line_without_end_is_not_waited_for_for_ever(tmp_path: Path) -> None:
    """Half a line of a followed file is waited for, but not one of 64 MiB: it comes in pieces."""
    path = tmp_path / "signals.jsonl"
    path.write_bytes(b"x" * (64 << 20) + b"\n" + wire() + b"\n" + wire()[:40])
    reader = read_lines(path, 0, room_bytes=ROOM, follow=True, stopping=threading.Event())
    first, second = next(reader), next(reader)
    assert [str(one.reason) for one in first.rejections] == ["too_long"]
    assert [draft.id for draft in second.drafts] == [GOOD.id]
    assert second.place == (64 << 20) + 1 + len(wire()) + 1


class Followed:
    """A file that is followed by hand: what was read of it, and what was told of files that were begun."""

    def __init__(self, path: Path) -> None:
        self.path, self.place, self.mark = path, 0, b""
        self.read: list[int] = []
        self.torn: list[bytes] = []
        self.begun: list[Begun] = []
        self.stopping = threading.Event()
        self._reads: Iterator[Read] | None = None

    def say(self, first: int, end: int, *, anew: bool = False) -> None:
        """Append the signals of these numbers to what is at the path, or write it anew with them."""
        with self.path.open("wb" if anew else "ab") as file:
            file.writelines(wire(id=f"{number:032x}") + b"\n" for number in range(first, end))

    def turn(self) -> Read:
        """Read once."""
        if self._reads is None:
            self._reads = read_lines(
                self.path, self.place, self.mark, room_bytes=ROOM, follow=True, stopping=self.stopping
            )
        read = next(self._reads)
        self.read += [int(draft.id, 16) for draft in read.drafts]
        self.torn += [rejection.raw for rejection in read.rejections]
        if read.begun is not None:
            self.begun.append(read.begun)
        if read.begun is not None or not read.is_empty:
            self.place, self.mark = read.place, read.mark
        return read

    def until(self, true: Callable[[], bool]) -> None:
        """Read on until it is so."""
        for _ in range(200):
            if true():
                return
            self.turn()
        raise AssertionError("it did not come")

    def restart(self) -> None:
        """Be killed, and begin at the place that was kept."""
        self._reads = None


@pytest.fixture
def followed(tmp_path: Path) -> Followed:
    """A followed file of which ten signals have been read."""
    one = Followed(tmp_path / "signals.jsonl")
    one.say(0, 10)
    one.until(lambda: len(one.read) == 10)
    return one


@pytest.mark.parametrize("more", [5, 10, 25])
@pytest.mark.parametrize("restarts", [False, True])
def test_a_followed_file_that_was_cut_is_begun_again(followed: Followed, more: int, restarts: bool) -> None:
    """However long it is when it is next looked at, all that stands in it is read, and the cut is told."""
    size = followed.path.stat().st_size
    followed.say(100, 100 + more, anew=True)
    if restarts:
        followed.restart()
    followed.until(lambda: len(followed.read) >= 10 + more)
    assert followed.read == [*range(10), *range(100, 100 + more)]
    assert followed.begun == [Begun(size, is_cut=True, unread_bytes=None if restarts else 0)]


def test_what_was_cut_before_it_was_read_is_told(followed: Followed) -> None:
    """Half a line that has been seen, and is not there any more, is lost, and counted."""
    with followed.path.open("ab") as file:
        file.write(b'{"half a')
    followed.turn()
    followed.path.write_bytes(b"")
    followed.until(lambda: bool(followed.begun))
    assert followed.begun[0].unread_bytes == len('{"half a')


@pytest.mark.parametrize("restarts", [False, True])
def test_a_renamed_file_is_read_to_its_end_first(followed: Followed, restarts: bool) -> None:
    """Also what was still written to it after it was renamed, and a last line whose end never came."""
    old = followed.path.rename(followed.path.with_name("signals.jsonl.1"))
    followed.say(20, 30)
    with old.open("ab") as file:
        file.write(b"".join(wire(id=f"{number:032x}") + b"\n" for number in range(10, 20)) + b'{"torn')
    if restarts:
        followed.restart()
    followed.until(lambda: len(followed.read) >= 30)
    assert (followed.read, followed.torn) == ([*range(30)], [b'{"torn'])
    assert followed.begun == [Begun(old.stat().st_size, is_cut=False)]
    followed.say(30, 31)
    followed.until(lambda: len(followed.read) == 31)


def test_time_does_not_pass_while_a_new_file_waits(followed: Followed) -> None:
    """At the end of the renamed file the end is not reached: what the new one says is older than now."""
    assert followed.turn().at_end
    followed.path.rename(followed.path.with_name("signals.jsonl.1"))
    assert followed.turn().at_end, "nothing stands at the path yet"
    followed.say(10, 11)
    while not followed.begun:
        assert not followed.turn().at_end


def test_a_copy_of_a_file_that_was_cut_is_read_to_its_end(followed: Followed) -> None:
    """Copied and cut while nobody read it: nothing is lost, and nothing read twice."""
    followed.say(10, 15)
    followed.path.with_name("signals-1.jsonl").write_bytes(followed.path.read_bytes())
    followed.say(15, 40, anew=True)
    followed.restart()
    followed.until(lambda: len(followed.read) >= 40)
    assert followed.read == list(range(40))
    assert [begun.is_cut for begun in followed.begun] == [False]


def test_a_file_that_was_at_the_path_in_between_is_named(followed: Followed) -> None:
    """Renamed twice while nobody read: the first is read to its end, the second is named, the third begun."""
    first, second = (followed.path.with_name(f"signals.jsonl.{number}") for number in (2, 1))
    followed.path.rename(first)
    followed.say(10, 20)
    followed.path.rename(second)
    os.utime(first, (1, 1))
    followed.say(20, 30)
    followed.restart()
    followed.until(lambda: len(followed.read) >= 20)
    assert followed.read == [*range(10), *range(20, 30)]
    assert followed.begun[0].passed_over == (second.name,)


def test_a_file_that_is_not_followed_and_was_replaced_is_refused(followed: Followed) -> None:
    """Also where the new one is longer: its beginning would never be read."""
    followed.say(100, 120, anew=True)
    reads = read_lines(
        followed.path,
        followed.place,
        followed.mark,
        room_bytes=ROOM,
        follow=False,
        stopping=followed.stopping,
    )
    with pytest.raises(UnusableFile, match="cut or replaced"):
        list(reads)
