"""What a row says becomes a signal: point, person, action, id, and the row itself."""

from datetime import UTC, datetime
from importlib import resources
from pathlib import Path

import pytest

from connectors.csv_file.reader import read_csv
from connectors.rejection import Rejected
from domain.columns import signals_of
from domain.signal import Signal, signal_id
from domain.site import Source
from domain.vocabulary import Action, Category, Delivery, Direction, Quality
from tests.csv_file.reading import HEADER, RECEIVED_AT, ROW, hashed, only_signal, read


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


def test_rows_keep_their_order(tmp_path: Path) -> None:
    """Rows out of order stay so: whether one is late is not for the file to say."""
    rows = b"".join(ROW.replace(b"07:00", minute) for minute in (b"09:00", b"07:30", b"08:00"))
    times = [row.time.raw for row in read(HEADER + rows, tmp_path) if isinstance(row, Signal)]
    assert times == ["2016-05-31 09:00:00", "2016-05-31 07:30:00", "2016-05-31 08:00:00"]


def test_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    """What spreadsheets write before UTF-8 is not taken for part of a column's name."""
    (found,) = read(b"\xef\xbb\xbf" + HEADER + ROW, tmp_path)
    assert isinstance(found, Signal)


def test_recording_is_read_whole() -> None:
    """The recorded fortnight: 29,763 rows, all accepted, one twice, 29 of them at the server room."""
    from infra.directory_file import read_directory
    from infra.site_file import load_site

    template = Path(str(resources.files("infra"))) / "templates" / "gastech"
    site = load_site(template / "site.yaml")
    known = {person.id for person in read_directory(template / "directory.csv").persons}
    blocks = list(
        read_csv(
            Path(__file__).parents[2] / "examples/gastech/prox.csv",
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
