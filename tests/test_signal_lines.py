"""Lines of a followed file: whatever stands in one, the lines behind it are read."""

import threading
from pathlib import Path

import msgspec
import pytest

from domain.signal import Signal, Time, write_signal
from domain.vocabulary import Action, Category
from infra.signal_lines import Read, read_lines
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
