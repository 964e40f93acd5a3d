"""CSV files become signals; whatever is odd is set aside with its reason and nothing is lost."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from connectors.csv_file.columns import plain_signals
from connectors.csv_file.local_time import LocalTimes
from connectors.csv_file.mapping import Mapping, check_source
from connectors.csv_file.reader import read_csv, read_csv_lines
from connectors.rejection import RefusedRow, Rejected, UnusableFile, file_lines
from domain.columns import signals_of
from domain.signal import Signal, signal_id, write_signal
from domain.site import Device, Point, Site, Source, Zone
from domain.vocabulary import Action, Category, Delivery, Direction, Quality
from domain.wires import signal_wires

RECEIVED_AT = 1_600_000_000_000_000
SITE = Site(
    id="lab",
    time_zone="Europe/Athens",
    zones=tuple(Zone(id=name) for name in ("1-1", "1-2", "server-room")),
    points=tuple(Point(id=name, to_zone=name) for name in ("1-1", "1-2", "server-room")),
)
PROX = Source(
    time="{timestamp}",
    device="prox",
    point="{floor}-{zone}",
    points={"3-Server Room": "server-room"},
    credential="{prox-id}",
    person=r"^(?P<person>[a-z]+)\d{3}$",
)
HEADER = b"timestamp,type,prox-id,floor,zone\n"
ROW = b"2016-05-31 07:00:00,fixed-prox,vawelon001,1,1\n"


def hashed(form: str, value: str) -> str:
    """Stand in for a home's keyed hash."""
    return hashlib.blake2b(f"{form}/{value}".encode(), digest_size=16).hexdigest()


def read(content: bytes, folder: Path, source: Source = PROX, site: Site = SITE) -> list[Signal | Rejected]:
    """Return everything in a file of this content, in order, having seen that blocks hold the same."""
    path = folder / "prox.csv"
    path.write_bytes(content)
    given: dict[str, Any] = {
        "received_at": RECEIVED_AT,
        "known_persons": {"vawelon", "pyoung"},
        "hash_credential": hashed,
    }
    rows = list(read_csv_lines(file_lines(path), "prox", source, site, name=str(path), **given))
    for block_rows in (1, 3, 10_000):
        blocks = list(read_csv(path, "prox", source, site, block_rows=block_rows, **given))
        signals = [signal for block in blocks for signal in signals_of(block.signals)]
        assert signals == [row for row in rows if isinstance(row, Signal)]
        rejected = [row for block in blocks for row in block.rejected]
        assert rejected == [row for row in rows if isinstance(row, Rejected)]
        assert [signal_wires(block.signals) for block in blocks] == [
            [write_signal(signal) for signal in signals_of(block.signals)] for block in blocks
        ]
    return rows


def only_signal(rows: bytes, folder: Path, source: Source = PROX, header: bytes = HEADER) -> Signal:
    """Return the one signal of a file."""
    (found,) = read(header + rows, folder, source)
    assert isinstance(found, Signal), found
    return found


def rejected(rows: bytes, folder: Path) -> list[tuple[int, str]]:
    """Return line and reason of every rejected row."""
    return [(row.line, row.reason) for row in read(HEADER + rows, folder) if isinstance(row, Rejected)]


def test_row_becomes_a_granted_reading(tmp_path: Path) -> None:
    """A row is a grant at its point, in UTC, by its person, its own bytes kept."""
    signal = only_signal(ROW, tmp_path)
    raw = ROW.decode().strip()
    assert signal.id == signal_id("prox", raw)
    assert (signal.site, signal.device, signal.point) == ("lab", "prox", "1-1")
    assert (signal.category, signal.action) == (Category.CREDENTIAL, Action.GRANTED)
    assert signal.time.occurred_at == datetime(2016, 5, 31, 4, tzinfo=UTC).timestamp() * 1_000_000
    assert (signal.time.received_at, signal.time.raw) == (RECEIVED_AT, "2016-05-31 07:00:00")
    assert (signal.time.zone, signal.time.quality) == ("Europe/Athens", Quality.SYNCHRONISED)
    assert signal.credential is not None
    assert (signal.credential.format, signal.credential.hash) == ("card", hashed("card", "vawelon001"))
    assert (signal.person, signal.delivery, signal.raw) == ("vawelon", Delivery.BACKFILL, raw)


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


@pytest.mark.parametrize(
    ("card", "person"),
    [
        ("pyoung002", "pyoung"),
        ("acampo001", "unknown:acampo001"),
        ("pyoung02", "unknown:pyoung02"),
        ("", None),
    ],
)
def test_card_belongs_to_a_known_person_or_to_itself(tmp_path: Path, card: str, person: str | None) -> None:
    """A card whose person the directory lacks is its own person, and a reading without card nobody's."""
    signal = only_signal(f"2016-05-31 07:00:00,fixed-prox,{card},1,1\n".encode(), tmp_path)
    assert signal.person == person
    assert (signal.credential is None) == (card == "")


def test_spelling_of_a_point_is_translated(tmp_path: Path) -> None:
    """What the source's map names is taken for our point."""
    assert (
        only_signal(b"2016-05-31 07:00:00,fixed-prox,a001,3,Server Room\n", tmp_path).point == "server-room"
    )


def test_other_columns_carry_action_direction_device_and_id(tmp_path: Path) -> None:
    """Templates and maps of a source reach every field; its id columns alone make the id."""
    source = Source(
        time="{day}T{clock}",
        device="reader-{reader:0>3}",
        point="{place}",
        action="{result}",
        actions={"OK": "granted", "NO": "denied", "open": "opened"},
        direction="{way}",
        directions={"进": Direction.IN},
        credential="{card.no}",
        credential_format="hid",
        signal_id=("reader", "number"),
    )
    header = b"day,clock,reader,place,result,way,card.no,number\n"
    first = only_signal("2016-05-31,07:00:00.5Z,7,1-1,NO,进,99,41\n".encode(), tmp_path, source, header)
    assert (first.device, first.action, first.direction) == ("reader-007", Action.DENIED, Direction.IN)
    assert first.time.occurred_at == datetime(2016, 5, 31, 7, 0, 0, 500_000, UTC).timestamp() * 1_000_000
    assert (first.time.zone, first.person, first.id) == (None, None, signal_id("prox", "7", "41"))
    door = only_signal(b"2016-05-31,07:00:00,7,1-1,open,,,42\n", tmp_path, source, header)
    assert (door.category, door.action, door.direction) == (Category.DOOR, Action.OPENED, Direction.UNKNOWN)
    assert door.credential is None


def test_line_ends_do_not_change_the_id(tmp_path: Path) -> None:
    """A file whose line ends were converted holds the same signals."""
    unix, dos = only_signal(ROW, tmp_path), only_signal(ROW.replace(b"\n", b"\r\n"), tmp_path)
    assert unix == dos


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


def test_last_line_without_end_is_read_when_complete(tmp_path: Path) -> None:
    """A missing last line end alone is no damage."""
    assert only_signal(ROW.rstrip(), tmp_path).person == "vawelon"


def test_quoted_fields_may_hold_commas_quotes_and_line_ends(tmp_path: Path) -> None:
    """RFC 4180: a record may span lines; its number is its first line's, and those below count on."""
    rows = b'2016-05-31 07:00:00,"a ""b"",\r\nc",vawelon001,1,1\r\n\r\n' + ROW + b"x\n"
    first, second, third = read(HEADER + rows, tmp_path)
    assert isinstance(first, Signal) and isinstance(second, Signal) and isinstance(third, Rejected)
    assert first.raw == '2016-05-31 07:00:00,"a ""b"",\r\nc",vawelon001,1,1'
    assert third.line == 6


def test_stray_quote_does_not_swallow_the_rows_below(tmp_path: Path) -> None:
    """Of rows after a quote that is never closed none is lost."""
    found = read(HEADER + b'2016-05-31 07:00:00,"fixed,vawelon001,1,1\n' + ROW * 3_000, tmp_path)
    assert isinstance(found[0], Rejected) and found[0].reason == "unreadable"
    assert len(found) == 3_001 and all(isinstance(row, Signal) for row in found[1:])


def test_rows_keep_their_order(tmp_path: Path) -> None:
    """Rows out of order stay so: whether one is late is not for the file to say."""
    rows = b"".join(ROW.replace(b"07:00", minute) for minute in (b"09:00", b"07:30", b"08:00"))
    times = [row.time.raw for row in read(HEADER + rows, tmp_path) if isinstance(row, Signal)]
    assert times == ["2016-05-31 09:00:00", "2016-05-31 07:30:00", "2016-05-31 08:00:00"]


def test_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """What spreadsheets write before UTF-8 is not taken for part of a column's name."""
    (found,) = read(b"\xef\xbb\xbf" + HEADER + ROW, tmp_path)
    assert isinstance(found, Signal)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "empty"),
        (b"\r\n\r\n", "empty"),
        (b"time,card\n", "lacks timestamp, floor, zone, prox-id; it has time, card"),
        (b"timestamp;prox-id;floor;zone\n", "commas"),
        (b"timestamp,prox-id,floor,floor,zone\n", "floor twice"),
        ("时间,类型\n".encode("gbk"), "GBK"),
        ("timestamp,type\n".encode("utf-16"), "UTF-16"),
        (b"\x89PNG\r\n\x1a\n", "not UTF-8"),
        (b"PK\x03\x04\0\0\n", "binary"),
        (b"x" * 100_000, "longer"),
        (b"timestamp,type,prox-id,floor,zone\r2016-05-31 08:00:00,x,y,1,1\r" * 3_000, "CR alone"),
        (b'{"specversion":"1.0","id":"a"}\n', "--source signals"),
        (b'timestamp,"prox-id\n', "quotes"),
    ],
)
def test_unusable_file_says_why(tmp_path: Path, content: bytes, said: str) -> None:
    """A file of which nothing can be read is refused before the first row, by name and with a remedy."""
    path = tmp_path / "prox.csv"
    path.write_bytes(content)
    with pytest.raises(UnusableFile, match=said) as caught:
        read_csv(path, "prox", PROX, SITE, received_at=RECEIVED_AT, known_persons=(), hash_credential=hashed)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(("name", "said"), [("missing.csv", "no such file"), (".", "folder")])
def test_file_that_cannot_be_opened_says_why(tmp_path: Path, name: str, said: str) -> None:
    """A name that is no file is refused with a remedy."""
    with pytest.raises(UnusableFile, match=said):
        read_csv(tmp_path / name, "prox", PROX, SITE, received_at=0, known_persons=(), hash_credential=hashed)


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


def test_plain_rows_are_read_as_columns() -> None:
    """The fast way is taken where it can be: every row of the example is plain."""
    mapping = Mapping(
        "prox", PROX, SITE, HEADER.decode().strip().split(","), received_at=RECEIVED_AT, known_persons=(),
        hash_credential=hashed,
    )  # fmt: skip
    assert plain_signals([ROW] * 3, mapping, 5) is not None
    assert plain_signals([ROW.replace(b"\n", b"\r\n")], mapping, 5) is not None
    assert plain_signals([ROW, b"\n"], mapping, 5) is None


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"time": "{timestamp"}, "time"),
        ({"point": "{}"}, "point"),
        ({"point": "{zone:d}"}, "point"),
        ({"person": "("}, "person"),
        ({"person": "^[a-z]+"}, "person"),
        ({"credential": None}, "person"),
        ({"actions": {"x": "loaded"}}, "actions.x"),
    ],
)
def test_source_that_cannot_work_is_told(change: dict[str, object], field: str) -> None:
    """Templates, expressions and actions are looked at before any file is."""
    assert [name for name, _ in check_source(PROX.model_copy(update=change))] == [field]
    assert check_source(PROX) == []


def test_recording_is_read_whole() -> None:
    """The recorded fortnight: 29,763 rows, all accepted, one twice, 29 of them at the server room."""
    from infra.directory_file import read_directory
    from infra.site_file import load_site

    template = Path(str(resources.files("infra"))) / "templates" / "gastech"
    site = load_site(template / "site.yaml")
    known = {person.id for person in read_directory(template / "directory.csv").persons}
    blocks = list(
        read_csv(
            Path(__file__).parents[1] / "examples/gastech/prox.csv",
            "prox",
            site.sources["prox"],
            site,
            received_at=RECEIVED_AT,
            known_persons=known,
            hash_credential=hashed,
        )
    )
    assert not any(block.rejected for block in blocks)
    signals = [signal for block in blocks for signal in signals_of(block.signals)]
    assert (len(signals), len({signal.id for signal in signals})) == (29_763, 29_762)
    assert sum(signal.point == "server-room" for signal in signals) == 29
    persons = {signal.person or "" for signal in signals}
    assert sorted(person for person in persons if person.startswith("unknown:")) == [
        "unknown:acampo001", "unknown:jsanjorge001", "unknown:malinai001", "unknown:morlunv001",
        "unknown:morlunv002", "unknown:rfaralso001", "unknown:rparade001", "unknown:wvasco001",
    ]  # fmt: skip
    assert len(persons) == 115
