"""Bad rows and files: a clear error or a quarantine row each, nothing lost, nothing read twice."""

import json
import os
import shlex
from base64 import b64decode
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from infra.answers.feed import import_files
from infra.home import PARTITION, OpenHome
from tests.command_line.calling import answer, limen
from tests.command_line.importing import GOOD, HEADER, import_given


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"when,who\n2016-05-31 08:00:00,earpa001\n",
        HEADER.encode("utf-16"),
        "时间,卡号\n".encode("gbk"),
        os.urandom(64) + b"\0" * 64,
    ],
    ids=["empty", "wrong header", "utf-16", "gbk header", "binary"],
)
def test_unusable_file_is_a_failure_and_changes_nothing(empty: Path, content: bytes) -> None:
    """A file of which nothing can be read is refused whole."""
    import_given(empty, content, exit_code=3)
    assert answer("status", home=empty)["quarantined"] == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2016-05-31 08:00:00,fixed-prox,earpa001,9,9", "unknown_point"),
        ("1970-01-01 00:00:00,fixed-prox,earpa001,1,1", "implausible_time"),
        ("2099-01-01 00:00:00,fixed-prox,earpa001,1,1", "implausible_time"),
        ("2016-03-27 03:30:00,fixed-prox,earpa001,1,1", "nonexistent_time"),
        ("at noon,fixed-prox,earpa001,1,1", "bad_time"),
        ("2016-05-31 08:00:00,fixed-prox", "wrong_columns"),
        ("2016-05-31 08:00:00,fixed-prox,e\0rpa001,1,1", "binary"),
        ("2016-05-31 08:00:00,fixed-prox," + "x" * 10_000_000 + ",1,1", "too_long"),
    ],
    ids=lambda given: given if len(given) < 30 else None,
)
def test_unreadable_row_goes_to_quarantine(empty: Path, row: str, reason: str) -> None:
    """The row is kept whole with its line and reason; the rows around it are read."""
    fed = import_given(empty, f"{HEADER}\n{GOOD}\n{row}\n{GOOD.replace('08:', '09:')}\n")
    assert (fed["accepted"], fed["quarantined"]) == (2, 1)
    entry = answer("quarantine", "show", "1", home=empty)
    assert (entry["reason"], entry["line"], entry["bytes"]) == (reason, 3, len(row.encode()))
    again = import_given(empty, (empty.parent / "given.csv").read_bytes())
    assert (again["duplicates"], again["quarantined"]) == (2, 1)
    assert len(answer("quarantine", "list", home=empty)) == 1


def test_where_to_see_what_was_refused_can_be_pasted(empty: Path) -> None:
    """The hint names the home, wherever it is: also one with a space in its name."""
    home = empty.rename(empty.parent / "our site")
    file = empty.parent / "given.csv"
    file.write_text(f"{HEADER}\n{GOOD}\nnever,fixed-prox,earpa001,1,1\n")
    shown = limen("import", file, "--source", "prox", "--home", home).stdout
    hint = shown[shown.index("limen quarantine list") :].strip()
    assert shlex.split(hint) == ["limen", "quarantine", "list", "--home", str(home)]
    assert "bad_time" in limen(*shlex.split(hint)[1:], "--json").stdout


def test_torn_last_line_goes_to_quarantine(empty: Path) -> None:
    """A file that was cut off gives everything before the cut."""
    fed = import_given(empty, f"{HEADER}\n{GOOD}\n2016-05-31 08:1")
    assert (fed["accepted"], fed["quarantined"]) == (1, 1)


def test_wrong_encoding_in_a_row_goes_to_quarantine(empty: Path) -> None:
    """Bytes that are not UTF-8 spoil their own row only; a byte-order mark spoils nothing."""
    row = "2016-05-31 08:00:00,门禁,earpa001,1,1".encode("gbk")
    fed = import_given(empty, b"\xef\xbb\xbf" + f"{HEADER}\n{GOOD}\n".encode() + row + b"\n")
    assert (fed["accepted"], fed["quarantined"]) == (1, 1)
    assert answer("quarantine", "list", home=empty)[0]["reason"] == "wrong_encoding"
    assert b64decode(answer("quarantine", "show", "1", home=empty)["raw_base64"]) == row
    assert "base64" not in limen("quarantine", "show", "1", home=empty).stdout


ROWS = st.one_of(
    st.builds(
        "2016-05-31 {:02}:{:02}:00,fixed-prox,{},{},1".format,
        st.integers(6, 25),
        st.integers(0, 3),
        st.sampled_from(["earpa001", "earpa002", "nobody001", ""]),
        st.integers(1, 4),
    ),
    st.sampled_from(["", "torn", '"an open quote', "a,b,c,d,e", "2016-05-31 08:00:00,fixed-prox,门禁,1,1"]),
)


def test_importing_anything_twice_changes_nothing(empty: Path) -> None:
    """Whatever rows a file has, good, bad and repeated: the second time all of it is known already."""
    file = empty.parent / "given.csv"
    with OpenHome(empty) as home:

        @given(st.lists(ROWS, max_size=12), st.sampled_from(["\n", "\r\n", ""]))
        @settings(max_examples=15)
        def law(rows: list[str], end: str) -> None:
            file.write_text("\n".join([HEADER, *rows]) + end, encoding="utf-8", newline="")
            first = import_files(home, files=[str(file)], source="prox")
            before = (home.log.head(PARTITION), home.log.events_head(PARTITION), home.quarantine.count())
            again = import_files(home, files=[str(file)], source="prox")
            after = (home.log.head(PARTITION), home.log.events_head(PARTITION), home.quarantine.count())
            assert (again["read"], again["quarantined"]) == (first["read"], first["quarantined"])
            assert (again["accepted"], after) == (0, before)

        law()


def test_unknown_card_is_its_own_person(empty: Path) -> None:
    """A card nobody in the directory holds is read all the same."""
    import_given(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,nobody001,1,1\n")
    assert answer("visits", home=empty)[0]["person"] == "unknown:nobody001"


def test_rows_out_of_order_are_kept_and_counted_late(empty: Path) -> None:
    """A reading older than what its device showed is accepted and late."""
    fed = import_given(empty, f"{HEADER}\n{GOOD.replace('08:', '09:')}\n{GOOD}\n")
    assert (fed["accepted"], fed["late"]) == (2, 1)


def test_quarantine_is_read_again_when_the_site_is_corrected(empty: Path) -> None:
    """A row refused for a point that was missing is accepted once site.yaml has it."""
    row = "2016-05-31 08:00:00,fixed-prox,earpa001,9,9"
    import_given(empty, f"{HEADER}\n{row}\n")
    assert answer("quarantine", "retry", home=empty)["quarantined"] == 1
    site = empty / "site.yaml"
    text = site.read_text()
    site.write_text(text.replace("\npoints:\n", "\npoints:\n  - {id: 9-9, to_zone: 1-1}\n", 1))
    assert site.read_text() != text
    assert answer("quarantine", "retry", home=empty)["accepted"] == 1
    assert [entry["status"] for entry in answer("quarantine", "list", home=empty)] == ["retried"]
    assert answer("quarantine", "retry", home=empty)["read"] == 0
    assert answer("verify", home=empty)["ok"]
    assert answer("replay", home=empty)["identical"]


def test_the_quarantine_tells_time_as_the_site_does(empty: Path) -> None:
    """When a row came is told in the site's zone; while nobody can say which that is, in UTC."""
    import_given(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,earpa001,9,9\n")
    entries = answer("quarantine", "list", home=empty), [answer("quarantine", "show", "1", home=empty)]
    for entry in (one for told in entries for one in told):
        came = datetime.fromisoformat(entry["received_at"])
        assert came.utcoffset() == came.astimezone(ZoneInfo("Europe/Athens")).utcoffset()
    assert f"{came:%z}"[:3] in limen("quarantine", "show", "1", home=empty).stdout
    (empty / "site.yaml").write_text("nothing: of a site\n")
    again = datetime.fromisoformat(answer("quarantine", "list", home=empty)[0]["received_at"])
    assert (again, again.utcoffset()) == (came, timedelta(0))


def test_a_retry_says_that_a_source_is_gone(empty: Path) -> None:
    """Entries whose source was taken out of site.yaml stay, and the source is named."""
    import_given(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,earpa001,9,9\n")
    site = empty / "site.yaml"
    text = site.read_text()
    site.write_text(text.replace("\n  prox:\n", "\n  badges:\n", 1))
    assert site.read_text() != text
    done = limen("quarantine", "retry", "--json", home=empty)
    assert json.loads(done.stdout)["quarantined"] == 1
    assert "'prox' is not in site.yaml" in done.stderr


def test_a_last_line_without_an_end_is_told(empty: Path) -> None:
    """It is taken, for many programs write no last line end, and whoever imports it hears of it."""
    file = empty.parent / "given.csv"
    for end, told in (("\n", False), ("", True)):
        file.write_text(f"{HEADER}\n{GOOD}{end}")
        done = limen("import", file, "--source", "prox", "--json", home=empty)
        assert json.loads(done.stdout)["read"] == 1
        assert ("no end" in done.stderr) == told
