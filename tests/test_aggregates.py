"""The aggregates: given a history in the log, then a state."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from eventsourcing.domain import OriginatorVersionError

from domain.aggregates import Door, Fact, Step, Visit, ZoneOccupancy
from domain.event import Event
from domain.site import Point, Site, Zone
from domain.times import utc
from domain.vocabulary import Basis, Topic
from streams.aggregate_recorder import AggregateHistory, LogRecorder
from streams.log import Draft
from streams.runner import draft
from streams.sqlite_log import SqliteLog

SITE = Site(
    id="campus",
    time_zone="Europe/Athens",
    zones=(
        Zone(id="building"),
        Zone(id="lobby", parent="building"),
        Zone(id="floor", parent="building"),
        Zone(id="office", parent="floor"),
        Zone(id="lab", parent="floor"),
        Zone(id="yard"),
    ),
    points=(Point(id="gate", to_zone="lobby", from_zone="outside"),),
)
VISIT = "campus:visit:0"
Given = Callable[..., AggregateHistory]
ARCHITECTURE = Path(__file__).parents[1] / "docs" / "architecture.md"


@pytest.fixture
def given(tmp_path: Path) -> Iterator[Given]:
    """A function that writes a history to an empty log: `happened` events, in order."""
    log = SqliteLog.open(tmp_path / "log.sqlite")

    def write(*events: Event) -> AggregateHistory:
        positions = max((event.position for event in events), default=0) + 1
        log.append(0, [Draft(f"{position:032x}", SITE.id, b"") for position in range(positions)])
        drafts = [draft(event) for event in events]
        log.transact(0, from_position=0, to_position=positions, events=drafts)
        return AggregateHistory(log, 0)

    yield write
    log.close()


def happened(topic: Topic, position: int, at: int, **fields: Any) -> Event:
    """Return an event of the signal at this position, at this time, known at ten times its position."""
    fields = {"site": SITE.id, "known_at": 10 * position, **fields}
    return Event(
        id=f"campus:{position}:0", topic=topic, position=position, ordinal=0, occurred_at=at, **fields
    )


def moved(person: str, position: int, zone: str, maybe: str | None = None) -> Event:
    """Return `zone.entered`."""
    return happened(Topic.ZONE_ENTERED, position, position, person=person, zone=zone, maybe_zone=maybe)


ONE_VISIT = (
    happened(Topic.VISIT_STARTED, 0, 100, person="ada", zone="lobby", visit=VISIT, basis=Basis.ASSUMED),
    happened(Topic.ZONE_ENTERED, 0, 100, person="ada", zone="lobby", visit=VISIT, basis=Basis.ASSUMED),
    happened(Topic.VISIT_STARTED, 1, 120, person="bob", zone="lobby", visit="campus:visit:1"),
    happened(Topic.ZONE_ENTERED, 2, 200, person="ada", zone="office", visit=VISIT, basis=Basis.DETECTED),
    happened(Topic.DOOR_OPENED, 3, 250, point="gate"),
    happened(Topic.SITE_LEFT, 4, 300, person="ada", from_zone="office", visit=VISIT, basis=Basis.TIMEOUT),
    happened(Topic.VISIT_ENDED, 4, 300, person="ada", zone="office", visit=VISIT, basis=Basis.TIMEOUT),
)


def test_a_visit_is_told_by_its_events(given: Given) -> None:
    """A visit has its person, its times and bases, and a step for each zone entered, the first included."""
    visit = given(*ONE_VISIT).visit(VISIT)
    assert visit is not None
    assert (visit.person, visit.started_at, visit.ended_at) == ("ada", 100, 300)
    assert (visit.start_basis, visit.end_basis) == (Basis.ASSUMED, Basis.TIMEOUT)
    assert visit.steps == [
        Step("lobby", 100, 200, Basis.ASSUMED),
        Step("office", 200, 300, Basis.DETECTED),
    ]
    assert (visit.id, visit.version, visit.modified_on) == (VISIT, 4, utc(300))


def test_a_visit_nobody_made(given: Given) -> None:
    """Nothing is known of a visit that is not in the log, nor of one before it began."""
    history = given(*ONE_VISIT)
    assert history.visit("campus:visit:99") is None
    assert history.visit(VISIT, at_position=0) is None
    assert history.visit("campus:visit:1", known_at=9) is None


def test_a_visit_at_any_position_and_time(given: Given) -> None:
    """Looked at earlier, a visit is what it was then; a position bounds signals, and is exclusive."""
    history = given(*ONE_VISIT)
    for earlier in ({"at_position": 2}, {"at_position": 1}, {"known_at": 19}, {"known_at": 0}):
        visit = history.visit(VISIT, **earlier)
        assert visit is not None
        assert visit.steps == [Step("lobby", 100, None, Basis.ASSUMED)]
    for later in ({"at_position": 3}, {"at_position": 4}, {"known_at": 20}, {"known_at": 39}):
        visit = history.visit(VISIT, **later)
        assert visit is not None
        assert visit.steps[-1] == Step("office", 200, None, Basis.DETECTED)
        assert (visit.ended_at, visit.end_basis) == (None, Basis.NONE)
    assert history.visit(VISIT, at_position=5) == history.visit(VISIT, known_at=40) == history.visit(VISIT)


def test_a_repository_gives_versions(given: Given) -> None:
    """The library's repository rebuilds a visit at a version of its own."""
    repository = given(*ONE_VISIT).repository(Visit)
    first: Visit = repository.get(VISIT, version=1)
    assert (first.version, first.steps) == (1, [])
    third: Visit = repository.get(VISIT, version=3)
    assert [step.zone for step in third.steps] == ["lobby", "office"]
    assert VISIT in repository
    assert "nothing" not in repository


def test_the_recorder_selects_by_version(given: Given, tmp_path: Path) -> None:
    """Bounds, order and limit of the recorder's selection, and our own topics on what it gives."""
    given(*ONE_VISIT)
    log = SqliteLog.open(tmp_path / "log.sqlite", writable=False)
    recorder = LogRecorder(log, 0, topics=Visit.FACTS, condition="visit", first_version=1)

    def versions(**bounds: Any) -> list[int]:
        return [stored.originator_version for stored in recorder.select_events(VISIT, **bounds)]

    assert [stored.topic for stored in recorder.select_events(VISIT)] == [
        "visit.started", "zone.entered", "zone.entered", "visit.ended",
    ]  # fmt: skip
    assert versions(gt=1) == [2, 3, 4]
    assert versions(gt=1, lte=3) == [2, 3]
    assert versions(lte=0) == versions(gt=4) == versions(limit=0) == []
    assert versions(desc=True, limit=2) == [4, 3]
    assert versions(gt=0, limit=1) == [1]
    with pytest.raises(TypeError, match="only the engine writes events"):
        recorder.insert_events([])
    log.close()


def occupancy(history: AggregateHistory, zone: str | None, **when: int) -> tuple[int, int, int]:
    """Return count, low and high of a zone."""
    found = history.zone(zone, SITE, **when)
    return (found.count, found.low, found.high)


def test_an_empty_zone(given: Given) -> None:
    """Where nothing happened nobody is."""
    history = given()
    assert occupancy(history, None) == occupancy(history, "office") == (0, 0, 0)
    assert history.zone("office", SITE).persons == frozenset()


def test_enclosing_zones_count_those_within(given: Given) -> None:
    """A person in an office is on its floor, in its building and on the site, and nowhere else (7.1)."""
    history = given(moved("ada", 0, "office"), moved("bob", 1, "lobby"), moved("eve", 2, "yard"))
    counts = {
        zone: occupancy(history, zone)
        for zone in ("office", "lab", "floor", "lobby", "building", "yard", None)
    }
    assert counts == {
        "office": (1, 1, 1), "lab": (0, 0, 0), "floor": (1, 1, 1), "lobby": (1, 1, 1),
        "building": (2, 2, 2), "yard": (1, 1, 1), None: (3, 3, 3),
    }  # fmt: skip
    assert history.zone("building", SITE).persons == {"ada", "bob"}


def test_an_assumed_move_widens_both_zones(given: Given) -> None:
    """Who moved on an assumption is counted in one zone and possible in both; certain around both (7.1)."""
    history = given(moved("ada", 0, "office"), moved("ada", 1, "lab", "office"))
    assert occupancy(history, "lab") == (1, 0, 1)
    assert occupancy(history, "office") == (0, 0, 1)
    assert occupancy(history, "floor") == occupancy(history, None) == (1, 1, 1)


def test_coming_in_on_an_assumption(given: Given) -> None:
    """Somebody assumed to have come in may still be outside (5.5d)."""
    history = given(moved("ada", 0, "lobby", "outside"))
    assert occupancy(history, "lobby") == occupancy(history, None) == (1, 0, 1)


def test_leaving_and_settling(given: Given) -> None:
    """After an assumed exit one is possible until settled (5.7); a repeat may settle it too (5.5b)."""
    history = given(
        moved("ada", 0, "office"),
        happened(Topic.SITE_LEFT, 1, 1, person="ada", from_zone="office", maybe_zone="office"),
        happened(Topic.PRESENCE_SETTLED, 2, 2, person="ada"),
        moved("bob", 3, "lab", "office"),
        happened(Topic.PRESENCE_SETTLED, 4, 4, person="bob", zone="lab", basis=Basis.DETECTED),
        happened(Topic.SITE_LEFT, 5, 5, person="bob", from_zone="lab"),
    )
    assert occupancy(history, "office", at_position=1) == (1, 1, 1)
    assert occupancy(history, "office", at_position=2) == (0, 0, 1)
    assert occupancy(history, "office", at_position=3) == (0, 0, 0)
    assert occupancy(history, "lab", at_position=4) == (1, 0, 1)
    assert occupancy(history, "lab", known_at=40) == (1, 1, 1)
    assert occupancy(history, "office", known_at=40) == (0, 0, 0)
    assert occupancy(history, None) == (0, 0, 0)


def test_unregistered_passages_widen_until_settled(given: Given) -> None:
    """Uncounted people may be where they led and may be missing where they came from (7.2, 7.3)."""
    sides = {"point": "gate", "from_zone": "lobby", "zone": "office"}
    history = given(
        moved("ada", 0, "lobby"),
        happened(Topic.PASSAGE_UNREGISTERED, 1, 1, value=2, **sides),
        happened(Topic.PASSAGE_UNREGISTERED, 2, 2, value=3, point="gate", zone="lobby"),
        happened(Topic.PASSAGE_SETTLED, 3, 3, value=2, **sides),
    )
    assert occupancy(history, "lobby", at_position=2) == (1, 0, 1)
    assert (
        occupancy(history, "office", at_position=2) == occupancy(history, "floor", at_position=2) == (0, 0, 2)
    )
    assert occupancy(history, "building", at_position=2) == (1, 1, 1)
    assert occupancy(history, "lobby", at_position=3) == (1, 0, 4)
    assert (
        occupancy(history, "lobby") == occupancy(history, "building") == occupancy(history, None) == (1, 1, 4)
    )
    assert occupancy(history, "office") == (0, 0, 0)


def test_corrections_leave_the_present_alone(given: Given) -> None:
    """A correction of the past changes no count (5.8b)."""
    history = given(
        moved("ada", 0, "office"), happened(Topic.PRESENCE_CORRECTED, 1, 0, person="ada", zone="lab")
    )
    assert occupancy(history, "lab") == (0, 0, 0)


def test_other_sites_in_the_partition(given: Given) -> None:
    """A zone is one site's, whatever else shares its partition."""
    elsewhere = happened(Topic.ZONE_ENTERED, 1, 1, person="eve", zone="office", site="annex")
    assert occupancy(given(moved("ada", 0, "office"), elsewhere), "office") == (1, 1, 1)


def test_a_zone_that_is_not(given: Given) -> None:
    """Asking for an unknown zone is an error that names those there are."""
    with pytest.raises(KeyError, match="no zone 'attic'; its zones are building, floor"):
        given().zone("attic", SITE)


def door_state(door: Door) -> tuple[int | None, bool, bool, int, int, int]:
    """Return everything a door says of itself."""
    return (door.opened_at, door.held, door.forced, door.openings, door.held_count, door.forced_count)


def test_a_door_through_its_day(given: Given) -> None:
    """A door opens, is held, closes, and is forced, before or by its opening (9.1 to 9.4)."""
    history = given(
        happened(Topic.DOOR_OPENED, 0, 100, point="gate"),
        happened(Topic.DOOR_HELD, 1, 130, point="gate", value=30),
        happened(Topic.DOOR_OPENED, 1, 131, point="other"),
        happened(Topic.DOOR_CLOSED, 2, 140, point="gate", value=40),
        happened(Topic.DOOR_OPENED, 3, 200, point="gate"),
        happened(Topic.DOOR_FORCED, 3, 200, point="gate"),
        happened(Topic.DOOR_CLOSED, 4, 210, point="gate", value=10),
        happened(Topic.DOOR_FORCED, 5, 300, point="gate"),
    )
    days = [door_state(history.door("gate", at_position=position)) for position in range(7)]
    assert days == [
        (None, False, False, 0, 0, 0),
        (100, False, False, 1, 0, 0),
        (100, True, False, 1, 1, 0),
        (None, False, False, 1, 1, 0),
        (200, False, True, 2, 1, 1),
        (None, False, False, 2, 1, 1),
        (300, False, True, 3, 1, 2),
    ]
    assert history.door("gate", known_at=10) == history.door("gate", at_position=2)
    assert history.door("gate").is_open
    assert not history.door("unheard-of").is_open


def test_the_lines_in_the_architecture_work(
    given: Given, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What docs/architecture.md shows of the aggregates is all that is needed."""
    given(
        happened(Topic.DOOR_OPENED, 499, 499, point="door-vault"),
        happened(Topic.DOOR_CLOSED, 500, 500, point="door-vault"),
    )
    (tmp_path / "limen-home").mkdir()
    (tmp_path / "limen-home" / "log.sqlite").symlink_to(tmp_path / "log.sqlite")
    monkeypatch.chdir(tmp_path)
    (lines,) = re.findall(r"^```python\n(.*?)^```", ARCHITECTURE.read_text(), re.MULTILINE | re.DOTALL)
    names: dict[str, Any] = {"AggregateHistory": AggregateHistory, "Path": Path, "SqliteLog": SqliteLog}
    exec(lines, names)
    door = names["door"]
    assert (door.is_open, door.opened_at) == (True, 499)


def test_facts_fold_without_a_log() -> None:
    """An aggregate may be folded from facts alone, and takes no fact out of its turn."""
    door = Door.closed("gate")
    opened = happened(Topic.DOOR_OPENED, 0, 100, point="gate")
    Door.Opened("gate", 2, utc(100), opened).mutate(door)
    assert door.opened_at == 100
    with pytest.raises(OriginatorVersionError):
        Door.Opened("gate", 2, utc(100), opened).mutate(door)


@pytest.mark.parametrize("kind", [Visit, ZoneOccupancy, Door])
def test_facts_read_no_clock(kind: type[Visit] | type[ZoneOccupancy] | type[Door]) -> None:
    """Every fact must be told its time: none is made up."""
    for fact_class in kind.FACTS.values():
        assert issubclass(fact_class, Fact)
        with pytest.raises(TypeError, match="timestamp"):
            fact_class(originator_id="x", originator_version=1, event=ONE_VISIT[0])  # type: ignore[call-arg]
