"""An odd row is set aside whole, with its line and its reason, and takes no other with it."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.csv_file.reader import read_csv_lines
from connectors.rejection import Rejected
from domain.signal import Signal, signal_id
from domain.vocabulary import Action, Direction
from tests.csv_file.reading import HEADER, PROX, RECEIVED_AT, ROW, SITE, hashed, read


def rejected(rows: bytes, folder: Path) -> list[tuple[int, str]]:
    """Return line and reason of every rejected row."""
    return [(row.line, row.reason) for row in read(HEADER + rows, folder) if isinstance(row, Rejected)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b"2016-05-31 07:00:00,fixed-prox,vawelon001,1\n", "wrong_columns"),
        (b"2016-05-31 07:00:00,fixed-prox,vawelon001,1,1,\n", "wrong_columns"),
        (b"31/05/2016 07:00,fixed-prox,vawelon001,1,1\n", "bad_time"),
        (b"2016-05-31,fixed-prox,vawelon001,1,1\n", "bad_time"),
        (b"2016-05-31 07:00:60,fixed-prox,vawelon001,1,1\n", "bad_time"),
        (b",fixed-prox,vawelon001,1,1\n", "bad_time"),
        (b"1970-01-01 00:00:00,fixed-prox,vawelon001,1,1\n", "implausible_time"),
        (b"2099-01-01 00:00:00,fixed-prox,vawelon001,1,1\n", "implausible_time"),
        (b"0001-01-01 00:00:00,fixed-prox,vawelon001,1,1\n", "implausible_time"),
        (b"9999-12-31 23:59:59,fixed-prox,vawelon001,1,1\n", "implausible_time"),
        (b"0001-01-01T00:00:00+14:00,fixed-prox,vawelon001,1,1\n", "implausible_time"),
        (b"2016-03-27 03:30:00,fixed-prox,vawelon001,1,1\n", "nonexistent_time"),
        (b"2016-05-31 07:00:00,fixed-prox,vawelon001,9,9\n", "unknown_point"),
        (b"2016-05-31 07:00:00,fixed-prox,vawelon001,1,-1\n", "unknown_point"),
        (b"2016-05-31 07:00:00,fixed\x00prox,vawelon001,1,1\n", "binary"),
        ("2016-05-31 07:00:00,固定,vawelon001,1,1\n".encode("gbk"), "wrong_encoding"),
        (b"2016-05-31 07:00:00," + b"x" * 10_000_000 + b",vawelon001,1,1\n", "too_long"),
        (b'2016-05-31 07:00:00,"' + b"x" * 10_000_000 + b'",vawelon001,1,1\n', "too_long"),
        (b'2016-05-31 07:00:00,"fixed"-prox,vawelon001,1,1\n', "unreadable"),
    ],
)
def test_odd_row_is_rejected_and_its_neighbours_are_not(tmp_path: Path, row: bytes, reason: str) -> None:
    """An odd row is set aside whole with line and reason; the rows around it become signals."""
    before, found, after = read(HEADER + ROW + row + ROW.replace(b"07:00", b"07:01"), tmp_path)
    assert isinstance(before, Signal) and isinstance(after, Signal)
    assert isinstance(found, Rejected)
    assert (found.line, found.reason, found.raw, found.header) == (
        3,
        reason,
        row.rstrip(b"\n"),
        HEADER.strip(),
    )
    assert found.detail


@pytest.mark.parametrize(
    ("column", "word", "known", "meaning"),
    [("action", "counted", "denied", Action.DENIED), ("direction", "sideways", "out", Direction.OUT)],
)
def test_a_word_without_a_meaning_is_rejected(
    tmp_path: Path, column: str, word: str, known: str, meaning: Action | Direction
) -> None:
    """A word that is no action or direction, or an action that no row can have, is set aside."""
    source = PROX.model_copy(update={column: "{type}"})
    rows = f"2016-05-31 07:00:00,{word},a001,1,1\n2016-05-31 07:00:00,{known},a001,1,1\n"
    first, second = read(HEADER + rows.encode(), tmp_path, source)
    assert isinstance(first, Rejected) and first.reason == f"unknown_{column}"
    assert isinstance(second, Signal) and getattr(second, column) is meaning


@pytest.mark.parametrize(
    "end",
    [
        b"2016-05-31 07:01:00,fixed-pr",
        b'2016-05-31 07:01:00,"fixed-pr',
        "2016-05-31 07:01:00,固".encode()[:-1],
    ],
)
def test_torn_last_line_is_rejected(tmp_path: Path, end: bytes) -> None:
    """A file cut in the middle of its last row loses that row to the quarantine, and no other."""
    assert rejected(ROW + end, tmp_path) == [(3, "torn_line")]


def test_stray_quote_does_not_swallow_the_rows_below(tmp_path: Path) -> None:
    """Of rows after a quote that is never closed none is lost."""
    found = read(HEADER + b'2016-05-31 07:00:00,"fixed,vawelon001,1,1\n' + ROW * 3_000, tmp_path)
    assert isinstance(found[0], Rejected) and found[0].reason == "unreadable"
    assert len(found) == 3_001 and all(isinstance(row, Signal) for row in found[1:])


def test_rejected_row_can_be_read_again(tmp_path: Path) -> None:
    """With its header and a corrected site a row from the quarantine is the signal it would have been."""
    (found,) = read(HEADER + ROW.replace(b"1,1\n", b"1,2b\n"), tmp_path)
    assert isinstance(found, Rejected)
    corrected = PROX.model_copy(update={"points": {"1-2b": "1-2"}})
    (again,) = read_csv_lines(
        [found.header + b"\n", found.raw + b"\n"],
        "prox",
        corrected,
        SITE,
        received_at=RECEIVED_AT,
        known_persons=(),
        hash_credential=hashed,
    )
    assert isinstance(again, Signal) and again.point == "1-2"
    assert again.id == signal_id("prox", found.raw)


@given(
    rows=st.lists(
        st.binary(max_size=40).filter(lambda row: b"\r" not in row)
        | st.sampled_from([ROW.strip(), b'"', b'2016-05-31 07:00:00,"a","b",1,1', b""]),
        max_size=12,
    ),
    torn=st.booleans(),
)
def test_no_bytes_are_lost(rows: list[bytes], torn: bool) -> None:
    """Whatever stands in a file comes out again, in order, as the raw of a signal or of a rejected row."""
    content = b"\n".join(rows) + (b"" if torn else b"\n")
    lines = [HEADER, *io.BytesIO(content)]
    found = read_csv_lines(
        lines, "prox", PROX, SITE, received_at=RECEIVED_AT, known_persons=(), hash_credential=hashed
    )
    raws = [(row.raw or "").encode() if isinstance(row, Signal) else row.raw for row in found]
    kept = b"\n".join(raws).split(b"\n")
    assert [row for row in kept if row.strip()] == [row for row in content.split(b"\n") if row.strip()]
