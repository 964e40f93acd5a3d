"""Local times: every instant is found again, what occurs twice is marked, and what cannot be is refused."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.csv_file.local_time import LocalTimes
from connectors.rejection import RefusedRow
from domain.signal import Signal
from domain.site import Device
from domain.vocabulary import Quality
from tests.csv_file.reading import HEADER, PROX, RECEIVED_AT, ROW, SITE, read


@pytest.mark.parametrize(
    ("times", "accepted"),
    [
        (["2016-05-31 07:00:00", "2016-05-31T07:00:59", "2016-05-31 07:01:30"], 3),
        (["2016-05-31T07+05:30", "2016-05-31T07+05:00"], 2),  # an offset, no seconds
        (["2016-10-30 03:30:15", "2016-10-30 03:30:45"], 2),  # twice in that night
        (["2016-03-27 02:59:59", "2016-03-27 03:00:01"], 1),  # in the gap
        (["2020-09-14 15:26:00", "2020-09-14 15:26:40", "2020-09-14 15:26:41"], 2),  # a day after the import
        (["1999-12-31 23:59:59", "2000-01-01 02:00:00"], 1),
        (["2016-05-31 07:00:60", "2016-05-31 07:00:00"], 1),
    ],
)
def test_times_of_a_block_are_those_of_its_rows(tmp_path: Path, times: list[str], accepted: int) -> None:
    """However a block of rows works its times out, each row has the time that it says."""
    rows = "".join(f"{time},fixed-prox,pyoung002,1,1\n" for time in times)
    signals = [one for one in read(HEADER + rows.encode(), tmp_path) if isinstance(one, Signal)]
    assert len(signals) == accepted
    raws = {signal.time.raw: signal.time.occurred_at for signal in signals}
    local = LocalTimes("Europe/Athens", RECEIVED_AT)
    assert raws == {raw: local.read(raw).occurred_at for raw in raws if raw is not None}


@pytest.mark.parametrize("zone", [None, "America/New_York"])
def test_a_devices_own_time_zone_comes_before_the_sources(tmp_path: Path, zone: str | None) -> None:
    """Times of a reader whose clock shows another zone are of that zone, those of its neighbour are not."""
    devices = (Device(id="north", time_zone="Asia/Shanghai"), Device(id="south"))
    source = PROX.model_copy(update={"device": "{type}", "time_zone": zone})
    rows = "".join(f"2016-05-31 07:00:00,{device},pyoung002,1,1\n" for device in ("north", "south", "north"))
    signals = read(HEADER + rows.encode(), tmp_path, source, SITE.model_copy(update={"devices": devices}))
    zones = [signal.time.zone for signal in signals if isinstance(signal, Signal)]
    assert zones == ["Asia/Shanghai", zone or "Europe/Athens", "Asia/Shanghai"]
    hours = [
        (signal.time.occurred_at // 3_600_000_000) % 24 for signal in signals if isinstance(signal, Signal)
    ]
    assert hours == [23, 11 if zone else 4, 23]


def test_time_that_occurs_twice_is_the_first_and_uncertain(tmp_path: Path) -> None:
    """In the hour that autumn repeats nobody can know: the first is taken, and marked."""
    rows = b"".join(
        ROW.replace(b"2016-05-31 07:00:00", b"2016-10-30 03:30:0%d" % second) for second in (0, 1)
    )
    for second, found in enumerate(read(HEADER + rows, tmp_path)):
        assert isinstance(found, Signal)
        expected = datetime(2016, 10, 30, 0, 30, second, tzinfo=UTC)
        assert found.time.occurred_at == expected.timestamp() * 1_000_000
        assert found.time.quality is Quality.UNCERTAIN


@given(
    moment=st.integers(946_800_000, 2_200_000_000) | st.integers(1_477_778_400, 1_477_800_000),
    zone=st.sampled_from(["Europe/Athens", "Australia/Lord_Howe", "Asia/Shanghai", "America/New_York"]),
    form=st.sampled_from(["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S.%f", "%Y-%m-%d %H:%M"]),
    seconds=st.lists(st.integers(0, 59), min_size=1, max_size=4),
)
def test_every_instant_is_found_again(moment: int, zone: str, form: str, seconds: list[int]) -> None:
    """Instant, to local text, to instant is the identity, but for the second of a repeated hour."""
    times = LocalTimes(zone, 3_000_000_000_000_000)
    for second in seconds:
        instant = datetime.fromtimestamp(moment, UTC).replace(second=second)
        local = instant.astimezone(ZoneInfo(zone))
        text = local.strftime(form)
        shown = datetime.strptime(text, form).replace(
            tzinfo=ZoneInfo(zone)
        )  # what the form leaves out is zero
        time = times.read(text)
        assert time.occurred_at == (shown - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        twice = shown.utcoffset() != shown.replace(fold=1).utcoffset()
        assert time.quality is (Quality.UNCERTAIN if twice else Quality.SYNCHRONISED)


@given(
    text=st.text(max_size=30) | st.from_regex(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d:?\d\d(\.\d+|Z|[+-]\d\d:\d\d)?")
)
def test_no_text_breaks_the_time(text: str) -> None:
    """Any text is a plausible time or a refused row; nothing else comes out."""
    times = LocalTimes("Europe/Athens", RECEIVED_AT)
    try:
        first = times.read(text)
    except RefusedRow as refused:
        assert refused.reason in {"bad_time", "implausible_time", "nonexistent_time"}
    else:
        assert times.read(text) == first


@pytest.mark.parametrize(
    ("zone", "day"), [("Europe/Athens", "2015-10-25"), ("Australia/Lord_Howe", "2016-04-03")]
)
def test_clocks_that_change_within_a_block_are_seen(zone: str, day: str, tmp_path: Path) -> None:
    """Half of an hour on Lord Howe comes twice: columns, read by the hour, say what rows say."""
    rows = [
        f"{day} {hour:02}:{minute:02}:07,fixed-prox,pyoung002,1,1\n"
        for hour in range(6)
        for minute in range(0, 60, 5)
    ]
    found = read(HEADER + "".join(rows).encode(), tmp_path, PROX.model_copy(update={"time_zone": zone}))
    qualities = [row.time.quality for row in found if isinstance(row, Signal)]
    assert len(qualities) == 72
    assert qualities.count(Quality.UNCERTAIN) == (12 if zone == "Europe/Athens" else 6)
