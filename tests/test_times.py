"""Times that people give: read in the site's zone, and refused where there is no such time."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from infra.failure import WrongUse
from infra.simulating import simulate_to_file
from infra.times import instant, span

ATHENS = ZoneInfo("Europe/Athens")


@pytest.mark.parametrize(
    ("text", "at_us"),
    [
        ("2016-06-02T10:30", 1_464_852_600_000_000),
        ("2016-06-02T07:30Z", 1_464_852_600_000_000),
        ("2016-10-30T03:30", 1_477_787_400_000_000),
        ("2016-10-30T03:30+02:00", 1_477_791_000_000_000),
        ("0001-06-02T00:00Z", -62_122_464_000_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000),
    ],
)
def test_a_time_is_the_sites_unless_it_says_otherwise(text: str, at_us: int) -> None:
    """One that occurs twice is the first."""
    assert instant("--at", text, ATHENS) == at_us


@pytest.mark.parametrize(
    "text", ["noon", "2016-03-27T03:30", "0001-01-01T00:00", "9999-12-31T23:59-05:00", "10000-01-01T00:00"]
)
def test_what_is_no_time_is_wrong_use(text: str) -> None:
    """What cannot be read, what the clocks leave out, and what lies beyond the calendar."""
    with pytest.raises(WrongUse, match="--at: "):
        instant("--at", text, ATHENS)


@pytest.mark.parametrize(
    ("zone", "text", "told"),
    [
        (
            "Europe/Athens",
            "2016-03-27T03:30",
            "2016-03-27T03:30:00+02:00, which is 2016-03-27T04:30:00+03:00",
        ),
        (
            "America/New_York",
            "2024-03-10T02:15",
            "2024-03-10T02:15:00-05:00, which is 2024-03-10T03:15:00-04:00",
        ),
    ],
)
def test_a_time_that_the_clocks_leave_out_is_told_with_its_offset(zone: str, text: str, told: str) -> None:
    """What is proposed is the time that was asked for, in this zone, and it is one."""
    with pytest.raises(WrongUse, match=re.escape(told)):
        instant("--at", text, ZoneInfo(zone))
    before, after = told.split(", which is ")
    assert instant("--at", before, ZoneInfo(zone)) == instant("--at", after, ZoneInfo(zone))


def test_a_span_may_be_open_and_empty_but_not_turned_round() -> None:
    """What counts is when the two are, not how they are written."""
    assert span(None, None, ATHENS) == (None, None)
    early, late = "2016-06-02T10:30", "2016-06-02T08:30Z"
    assert span(early, late, ATHENS) == (1_464_852_600_000_000, 1_464_856_200_000_000)
    assert span(early, early, ATHENS) == (1_464_852_600_000_000, 1_464_852_600_000_000)
    assert span(None, early, ATHENS) == (None, 1_464_852_600_000_000)
    with pytest.raises(WrongUse, match="--from, --to: the span ends"):
        span(late, early, ATHENS)


@pytest.mark.parametrize(
    ("start", "days"), [("1999-12-31", 1), ("9999-12-31", 1), ("0001-01-01", 1), ("2026-03-02", 10**9)]
)
def test_days_out_of_range_are_not_simulated(tmp_path: Path, start: str, days: int) -> None:
    """Days whose signals nothing would accept are wrong use, and no file is written."""
    out = tmp_path / "day.jsonl"
    with pytest.raises(WrongUse, match="--start"):
        simulate_to_file(tmp_path, out, persons=2, days=days, seed=1, start=start, truth=None)
    assert not out.exists()
