"""What the first stage tells the second."""

import msgspec
import pytest

from domain.event import Event
from domain.signal import Credential, Signal, Time
from domain.site import Point, Site, Zone
from domain.vocabulary import Action, Category, Quality, Topic
from streams.cross_site.uses import UnreadableUse, Use, read_use, uses_of, write_use
from tests.cross_site.told import at

SITE = Site(
    id="berlin",
    time_zone="Europe/Berlin",
    latitude=52.52,
    longitude=13.405,
    zones=(Zone(id="hall"),),
    points=(Point(id="gate", to_zone="hall"),),
)
READING = Signal(
    id="0" * 32,
    site="berlin",
    device="reader",
    category=Category.CREDENTIAL,
    action=Action.DENIED,
    time=Time(at(1), at(2)),
    point="gate",
    credential=Credential("card", "c-1"),
)
ENTERED = Event(
    id="berlin:7:1",
    site="berlin",
    topic=Topic.ZONE_ENTERED,
    position=7,
    ordinal=1,
    occurred_at=at(3),
    known_at=at(4),
    person="ann",
    zone="hall",
    point="gate",
    visit="berlin:visit:7:ann",
)


def test_readings_are_told_by_their_card() -> None:
    """A reading, granted or not, is keyed by its credential, else by its person, and says where it was."""
    face = msgspec.structs.replace(READING, action=Action.GRANTED, credential=None, person="ann")
    (by_card, by_face) = uses_of(SITE, [READING, face], [])
    assert (by_card[0], by_face[0]) == (b"c-1", b"ann")
    use = read_use(by_card[1])
    assert (use.what, use.site, use.at, use.id, use.point) == ("reading", "berlin", at(1), "0" * 32, "gate")
    assert (use.latitude, use.longitude, use.key) == (52.52, 13.405, "c-1")


@pytest.mark.parametrize(
    "change",
    [
        {"category": Category.DOOR},
        {"action": Action.ACTIVATED},
        {"credential": None},
        {"point": None},
        {"time": Time(at(1), at(1), quality=Quality.RECEIPT)},
        {"time": Time(at(1), at(1), quality=Quality.UNCERTAIN)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_other_signals_are_not_told(change: dict[str, object]) -> None:
    """No reading, nobody, nowhere, or nobody knows when: nothing to compare."""
    assert uses_of(SITE, [msgspec.structs.replace(READING, **change)], []) == []


def test_a_site_without_coordinates_tells_its_visits_only() -> None:
    """Readings there have nothing to be compared with; sightings need no place on the map."""
    nowhere = SITE.model_copy(update={"latitude": None})
    for site in (nowhere, None):
        assert [read_use(value).what for _, value in uses_of(site, [READING], [ENTERED])] == ["visit"]


def test_sightings_are_told_by_their_person() -> None:
    """Who enters a zone, or ends a visit, was seen there; who started one is told by the entry."""
    events = [
        msgspec.structs.replace(ENTERED, topic=topic)
        for topic in (Topic.VISIT_STARTED, Topic.ZONE_ENTERED, Topic.SITE_LEFT, Topic.VISIT_ENDED)
    ]
    told = uses_of(SITE, [], [*events, msgspec.structs.replace(ENTERED, visit=None)])
    assert [key for key, _ in told] == [b"ann", b"ann"]
    use = read_use(told[0][1])
    assert (use.what, use.at, use.id, use.visit) == ("visit", at(3), "berlin:7:1", "berlin:visit:7:ann")


def test_a_clock_ahead_carries_nobody_forward() -> None:
    """A time after it was heard of, or known, is taken back to that."""
    ahead = msgspec.structs.replace(READING, time=Time(at(9), at(2)))
    late = msgspec.structs.replace(ENTERED, occurred_at=at(9))
    assert [read_use(value).at for _, value in uses_of(SITE, [ahead], [late])] == [at(2), at(4)]


def test_what_is_written_is_read() -> None:
    """A use comes back whole; what is none is refused, as is a schema of the future."""
    use = Use(what="visit", site="a", at=1, id="x", person="ann", visit="v")
    assert read_use(write_use(use)) == use
    newer = write_use(msgspec.structs.replace(use, schema=2))
    deep = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    for wire, reason in (
        (b"", "not a use"),
        (b'{"what":"seen"}', "not a use"),
        (deep, "not a use"),
        (newer, "unknown schema 2"),
    ):
        with pytest.raises(UnreadableUse, match=reason):
            read_use(wire)
