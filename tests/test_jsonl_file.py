"""Files of signals in JSON lines: signals come through unchanged, everything else is set aside."""

from pathlib import Path

import msgspec
import pytest

from connectors.jsonl_file import read_jsonl
from connectors.rejection import Rejected, UnusableFile
from domain.signal import Count, Signal, Time, signal_id, write_signal
from domain.site import Point, Site, Zone
from domain.vocabulary import Action, Category

NOON = 1_464_700_000_000_000
SITE = Site(id="lab", time_zone="UTC", zones=(Zone(id="hall"),), points=(Point(id="door", to_zone="hall"),))
GOOD = Signal(
    id=signal_id("reader", "1"),
    site="lab",
    device="reader",
    category=Category.COUNT,
    action=Action.COUNTED,
    time=Time(NOON, NOON),
    point="door",
    count=Count(3),
)


def read(content: bytes, folder: Path) -> list[Signal | Rejected]:
    """Return everything in a file of this content."""
    path = folder / "signals.jsonl"
    path.write_bytes(content)
    return list(read_jsonl(path, SITE, received_at=NOON))


def changed(**fields: object) -> bytes:
    """Return a line with the good signal's fields changed."""
    return write_signal(msgspec.structs.replace(GOOD, **fields)) + b"\n"


def test_signals_come_through_unchanged(tmp_path: Path) -> None:
    """A signal is read as it was written, empty lines and a byte-order mark passed over."""
    line = write_signal(GOOD)
    assert read(b"\xef\xbb\xbf" + line + b"\r\n\n" + line, tmp_path) == [GOOD, GOOD]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"{}\n", "unreadable"),
        (b"nonsense\n", "unreadable"),
        (changed(site="elsewhere"), "unreadable"),
        (changed(id="7"), "unreadable"),
        (changed(point="gate"), "unknown_point"),
        (changed(time=Time(0, NOON)), "implausible_time"),
        (changed(time=Time(NOON + 2 * 86_400_000_000, NOON)), "implausible_time"),
        (changed(count=Count(-1)), "negative_count"),
        (changed(count=Count(1, -1)), "negative_count"),
        (changed(count=Count(3_000_000_000)), "bad_number"),
        (changed(count=Count(1, 2**63)), "bad_number"),
        (changed(seq=2**63), "bad_number"),
        (changed(time=Time(NOON, NOON, offset_ms=-(2**63))), "bad_number"),
        (changed(person="x" * 257), "too_long"),
        (changed(device="门" * 86), "too_long"),
        (changed(action=Action.PLACED, data={"zone": "nowhere"}), "unknown_action"),
        (changed(category=Category.CONTROL, action=Action.LOADED, data={"kind": "site"}), "unknown_action"),
        (changed(category=Category.CONTROL, action=Action.PLACED, person="ann"), "unknown_action"),
        (changed(category=Category.CONTROL, action=Action.DECIDED), "unknown_action"),
        (changed(data={"a": 1}).replace(b"1}}", b"[" * 5_000 + b"]" * 5_000 + b"}}"), "unreadable"),
        (changed().replace(b"signal:1", "signal:²".encode()), "unreadable"),
        (changed(raw="x" * 70_000), "too_long"),
        (b'{"raw": "\x00"}\n', "binary"),
        ('{"raw": "门"}\n'.encode("gbk"), "wrong_encoding"),
        (changed()[:-20], "torn_line"),
    ],
)
def test_odd_line_is_rejected(tmp_path: Path, row: bytes, reason: str) -> None:
    """An odd line is set aside whole with its number and reason; the one before it is a signal."""
    before, found = read(write_signal(GOOD) + b"\n" + row, tmp_path)
    assert before == GOOD
    assert isinstance(found, Rejected)
    assert (found.line, found.reason, found.raw) == (2, reason, row.rstrip(b"\n"))


@pytest.mark.parametrize("content", [b"", b"\n\n", b"timestamp,card\n", b"\x89PNG\n"])
def test_unusable_file_is_refused(tmp_path: Path, content: bytes) -> None:
    """A file that has no signals at all is refused by name before anything is read."""
    with pytest.raises(UnusableFile, match=r"signals\.jsonl"):
        read(content, tmp_path)
