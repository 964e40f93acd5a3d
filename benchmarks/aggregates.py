"""The same load, one event at a time, with aggregates of the `eventsourcing` library.

Three small aggregates decide by themselves: a person (grants, moves, visits), a door (which grants wait for
it) and a zone (how many are in it, and in all zones around it). They follow docs/rules.md 5.2, 5.3, 6.1, 6.2
and the count of 7.1: less than the engine, which in the same time also bounds every count and looks for
lateness, device health, deadlines, held and forced doors, and alerts. Everything stays in memory: nothing is
saved. The load must end before the first absence is due (7,200 s, 360,000 signals), for nobody leaves here.

Both are given the same signals, and must come to the same visits, entries and counts.
"""

import argparse
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from eventsourcing.domain import BaseAggregate, CanInitAggregate, CanMutateAggregate  # noqa: E402

from benchmarks.engine import BATCH  # noqa: E402
from benchmarks.engine_load import loaded_engine, make_signals  # noqa: E402
from benchmarks.figure import Figure, Spent, medians, spent, tell  # noqa: E402
from domain.kernels import Records  # noqa: E402
from domain.records import CLOSED, CREDENTIAL, DOOR, GRANTED, NOWHERE, OPENED, TOPIC  # noqa: E402
from domain.vocabulary import Topic  # noqa: E402
from streams.engine import Engine  # noqa: E402

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DETECT_WITHIN_US: Final = 10_000_000


@dataclass(frozen=True)
class Fact(CanMutateAggregate[str]):
    """A change of one aggregate."""

    originator_id: str
    originator_version: int
    timestamp: datetime


class Person(BaseAggregate[str]):
    """Where somebody is, and in which visit."""

    class Event(Fact):
        """Something the person did."""

    @dataclass(frozen=True)
    class Known(Event, CanInitAggregate[str]):
        """A person who is outside."""

        originator_topic: str

    @dataclass(frozen=True)
    class VisitStarted(Event):
        """Came in from outside."""

        visit: int

        def apply(self, aggregate: "Person") -> None:
            """Begin the visit."""
            aggregate.visit = self.visit

    @dataclass(frozen=True)
    class ZoneEntered(Event):
        """Moved to another zone."""

        zone: int

        def apply(self, aggregate: "Person") -> None:
            """Be there."""
            aggregate.zone = self.zone

    def __init__(self) -> None:
        self.zone = NOWHERE
        self.visit = -1

    def move(self, zone: int, position: int, at: datetime) -> bool:
        """Decide a move; say whether it is one."""
        if zone == self.zone:
            return False
        if self.zone == NOWHERE:
            self.trigger_event(self.VisitStarted, timestamp=at, visit=position)
        self.trigger_event(self.ZoneEntered, timestamp=at, zone=zone)
        return True


class Door(BaseAggregate[str]):
    """A point with a contact: open or closed, and who was granted passage and has not gone through."""

    class Event(Fact):
        """Something that happened at the door."""

    @dataclass(frozen=True)
    class Hung(Event, CanInitAggregate[str]):
        """A closed door."""

        originator_topic: str

    @dataclass(frozen=True)
    class Granted(Event):
        """Somebody may pass, until `due`."""

        person: int
        due: int

        def apply(self, aggregate: "Door") -> None:
            """Wait for the door."""
            aggregate.waiting[self.person] = self.due

    @dataclass(frozen=True)
    class GivenUp(Event):
        """Somebody who was granted passage has been granted another."""

        person: int

        def apply(self, aggregate: "Door") -> None:
            """Do not wait any more."""
            aggregate.waiting.pop(self.person, None)

    class Opened(Event):
        """Opened: whoever was granted passage has passed, or is too late."""

        def apply(self, aggregate: "Door") -> None:
            """Be open."""
            aggregate.is_open = True
            aggregate.waiting = {}

    class Closed(Event):
        """Closed."""

        def apply(self, aggregate: "Door") -> None:
            """Be closed."""
            aggregate.is_open = False

    def __init__(self) -> None:
        self.is_open = False
        self.waiting: dict[int, int] = {}


class Zone(BaseAggregate[str]):
    """How many are in a zone and the zones within it."""

    class Event(Fact):
        """Something that changed the count."""

    @dataclass(frozen=True)
    class Built(Event, CanInitAggregate[str]):
        """An empty zone."""

        originator_topic: str

    @dataclass(frozen=True)
    class Changed(Event):
        """One more or one fewer."""

        by: int

        def apply(self, aggregate: "Zone") -> None:
            """Count."""
            aggregate.count += self.by

    def __init__(self) -> None:
        self.count = 0


class Building:
    """All aggregates of a site in memory, fed signal by signal."""

    def __init__(self, engine: Engine) -> None:
        state = engine.state
        self._to_zone = state.points.rows["to_zone"].tolist()
        self._has_contact = state.points.rows["contact"].tolist()
        self._around = _zones_around(state.zones.rows["parent"].tolist())
        self.persons: dict[int, Person] = {}
        self.doors: dict[int, Door] = {}
        self.zones: dict[int, Zone] = {}
        self._waits_at: dict[int, Door] = {}
        self.told: Counter[str] = Counter()

    def decide(self, rows: Records) -> None:
        """Decide signals in order."""
        names = ("position", "occurred_at", "category", "action", "point", "person")
        for position, at, category, action, point, person in zip(
            *(rows[name].tolist() for name in names), strict=True
        ):
            if category == CREDENTIAL and action == GRANTED:
                self._granted(position, at, point, person)
            elif category == DOOR and action == OPENED:
                self._opened(position, at, point)
            elif category == DOOR and action == CLOSED:
                door = self._door(point, at)
                door.trigger_event(Door.Closed, timestamp=_utc(at))
                door.collect_events()

    def _granted(self, position: int, at: int, point: int, person: int) -> None:
        door = self._door(point, at)
        if not self._has_contact[point] or door.is_open:
            self._move(person, self._to_zone[point], position, at)
            return
        earlier = self._waits_at.get(person)
        if earlier is not None:
            earlier.trigger_event(Door.GivenUp, timestamp=_utc(at), person=person)
            earlier.collect_events()
        door.trigger_event(Door.Granted, timestamp=_utc(at), person=person, due=at + _DETECT_WITHIN_US)
        door.collect_events()
        self._waits_at[person] = door

    def _opened(self, position: int, at: int, point: int) -> None:
        door = self._door(point, at)
        waiting = door.waiting
        door.trigger_event(Door.Opened, timestamp=_utc(at))
        door.collect_events()
        for person, due in waiting.items():
            self._waits_at.pop(person, None)
            if due > at:
                self._move(person, self._to_zone[point], position, at)

    def _move(self, code: int, zone: int, position: int, at: int) -> None:
        person = self.persons.get(code)
        if person is None:
            person = self.persons[code] = Person._create(Person.Known, id=str(code), timestamp=_utc(at))
        left = person.zone
        person.move(zone, position, _utc(at))
        for event in person.collect_events():
            self.told[type(event).__name__] += 1
        if left == zone:
            return
        for by, changed in ((-1, self._around[left]), (1, self._around[zone])):
            for inner in changed:
                counted = self._zone(inner, at)
                counted.trigger_event(Zone.Changed, timestamp=_utc(at), by=by)
                counted.collect_events()

    def _door(self, code: int, at: int) -> Door:
        if code not in self.doors:
            self.doors[code] = Door._create(Door.Hung, id=str(code), timestamp=_utc(at))
        return self.doors[code]

    def _zone(self, code: int, at: int) -> Zone:
        if code not in self.zones:
            self.zones[code] = Zone._create(Zone.Built, id=str(code), timestamp=_utc(at))
        return self.zones[code]


def measure(people: int, signals: int, repeats: int, warm_up: int) -> list[Figure]:
    """Decide `warm_up` signals both ways, then in turn `repeats` times `signals` more."""
    engine, first_person = loaded_engine(people)
    rows = make_signals(engine, first_person, people, warm_up + repeats * signals)
    building, told = Building(engine), Counter[int]()
    by_aggregates: list[Spent] = []
    by_engine: list[Spent] = []
    for start in (0, *range(warm_up, len(rows), signals)):
        part = rows[start : start + signals if start else warm_up]
        by_aggregates.append(spent(lambda part=part: building.decide(part)))  # type: ignore[misc]
        decided: list[Records] = []
        by_engine.append(spent(lambda part=part, decided=decided: _decide(engine, part, decided)))  # type: ignore[misc]
        told.update(topic for topics in decided for topic in topics.tolist())
    _agree(building, engine, told)
    slow, fast = medians(by_aggregates[1:]), medians(by_engine[1:])
    size = {"people": people, "signals": f"{repeats} × {signals}"}
    return [
        Figure(
            benchmark="aggregates",
            what="the same rules, event by event, with eventsourcing aggregates",
            value=signals / slow.cpu_seconds,
            unit="signals/s",
            details=size | {"by_wall_clock": signals / slow.wall_seconds},
        ),
        Figure(
            benchmark="aggregates",
            what="engine, all rules, against those aggregates on the same signals",
            value=slow.cpu_seconds / fast.cpu_seconds,
            unit="times as fast",
            details={"signals_per_second": signals / fast.cpu_seconds},
        ),
    ]


def _decide(engine: Engine, rows: Records, topics: list[Records]) -> None:
    for start in range(0, len(rows), BATCH):
        events, _ = engine.decide_records(rows[start : start + BATCH])
        topics.append(events["topic"].copy())


def _agree(building: Building, engine: Engine, told: "Counter[int]") -> None:
    """Stop where the two have come to different ends: the comparison would be worth nothing."""
    zones = engine.state.zones.rows["count"]
    counts = {code: zone.count for code, zone in building.zones.items() if zone.count}
    expected = {code: int(zones[code]) for code in range(1, len(zones)) if zones[code]}
    found = (building.told["VisitStarted"], building.told["ZoneEntered"], counts)
    wanted = (told[TOPIC[Topic.VISIT_STARTED]], told[TOPIC[Topic.ZONE_ENTERED]], expected)
    if found != wanted:
        raise SystemExit(f"the aggregates decide otherwise than the engine: {found[:2]}, {wanted[:2]}")


def _zones_around(parents: list[int]) -> list[tuple[int, ...]]:
    """Return for every zone's code itself and all zones around it; nothing for outside."""
    around = []
    for code in range(len(parents)):
        chain, above = [], code
        while above != NOWHERE:
            chain.append(above)
            above = parents[above]
        around.append(tuple(chain))
    return around


def _utc(us: int) -> datetime:
    return _EPOCH + timedelta(microseconds=us)


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=100_000)
    parser.add_argument("--signals", type=int, default=50_000, help="in each repeat")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--warm-up", type=int, default=150_000)
    options = parser.parse_args()
    for figure in measure(options.people, options.signals, options.repeats, options.warm_up):
        tell(figure)


if __name__ == "__main__":
    main()
