"""Blocks read as columns hold what rows hold."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.csv_file.columns import plain_signals
from connectors.csv_file.mapping import Mapping
from connectors.rejection import Rejected
from tests.csv_file.reading import HEADER, PROX, RECEIVED_AT, ROW, SITE, hashed, read

_TIMES = st.sampled_from(
    ["2016-05-31 07:00:00", "2016-05-31T07:00:00.5", "2016-10-30 03:30:00", "2016-05-31 07:00:01+03:00"] * 4
    + ["2016-03-27 03:30:00", "1970-01-01 00:00:00", "x"]
)
_FIELDS = st.sampled_from(
    ["fixed-prox", "", " ", "é", '"a"', '"a,b"', '"', "a\0", "\r", "\ufeff"] + ["a"] * 30
)
_CARDS = st.sampled_from(["vawelon001", "pyoung002", "acampo001", "", "NA", "null", "1e5"])
_PLACES = st.sampled_from(["1,1", "1,2", "3,Server Room"] * 8 + ["9,9", "1", "1,1,1"])
_ROWS = st.one_of(
    [st.builds("{},{},{},{}".format, _TIMES, _FIELDS, _CARDS, _PLACES)] * 12
    + [st.sampled_from(["", " ", ",,,,", "é" * 40_000, '2016-05-31 07:00:00,"two', 'lines",vawelon001,1,1'])]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(_ROWS, max_size=12), ending=st.sampled_from(["\n", "\r\n"]), torn=st.booleans())
def test_blocks_hold_what_rows_hold(tmp_path: Path, rows: list[str], ending: str, torn: bool) -> None:
    """Read as columns or row by row, a file's signals and what is rejected are the same."""
    content = ending.join(rows) + ("" if torn else ending)
    read(HEADER + content.encode(), tmp_path)
    by_columns = PROX.model_copy(update={"signal_id": ("timestamp", "prox-id"), "direction": "{type}"})
    read(HEADER + content.encode(), tmp_path, by_columns)


def test_an_odd_row_in_a_large_block_changes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Large blocks that are not plain are read again in smaller ones: same signals, same lines."""
    monkeypatch.setattr("connectors.csv_file.reader._FIRST_ROWS", 4)
    rows = [f"2016-05-31 07:{minute:02}:00,fixed-prox,pyoung002,1,1\n" for minute in range(60)]
    rows[17] = rows[17].replace("1,1", "9,9")
    rows[41] = '2016-05-31 07:41:00,fixed-prox,"pyoung002",1,1\n'
    found = read(HEADER + "".join(rows).encode(), tmp_path)
    assert [row.line for row in found if isinstance(row, Rejected)] == [19]
    assert len(found) == 60


def test_plain_rows_are_read_as_columns() -> None:
    """The fast way is taken where it can be: every row of the example is plain."""
    mapping = Mapping(
        "prox", PROX, SITE, HEADER.decode().strip().split(","), received_at=RECEIVED_AT, known_persons=(),
        hash_credential=hashed,
    )  # fmt: skip
    assert plain_signals([ROW] * 3, mapping, 5) is not None
    assert plain_signals([ROW.replace(b"\n", b"\r\n")], mapping, 5) is not None
    assert plain_signals([ROW, b"\n"], mapping, 5) is None
