"""A log in memory with several partitions, and sites whose stories are told in them."""

import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from domain.event import Event
from domain.signal import Credential, Signal, Time, signal_id
from domain.site import Site, Zone
from domain.vocabulary import Action, Basis, Category, Severity, Topic
from tests.history_fixture import Entry, ListLog

NINE: Final = 1_699_945_200_000_000
MINUTE: Final = 60_000_000
ZONES: Final = ("lobby", "office", "yard")
PERSONS: Final = ("p0", "p1", "p2")


@dataclass
class PartitionedLog:
    """What a sink needs of a log with several partitions."""

    partitions: dict[int, ListLog] = field(default_factory=dict)

    def of(self, partition: int) -> ListLog:
        """Return one of them."""
        return self.partitions.setdefault(partition, ListLog())

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return signals, as a log does."""
        return self.of(partition).read(partition, from_offset, limit)

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
        """Return events, as a log does."""
        return self.of(partition).read_events(partition, from_offset, limit)

    def head(self, partition: int) -> int:
        """Return the number of a partition's signals."""
        return len(self.of(partition).signals)

    def events_head(self, partition: int) -> int:
        """Return the number of a partition's events."""
        return len(self.of(partition).events)


@dataclass(frozen=True)
class Step:
    """A signal, and what followed from it; the events' positions and causes count the site's own signals."""

    signal: Signal
    events: tuple[Event, ...]


def tell(
    log: PartitionedLog, partition: int, stories: Sequence[Sequence[Step]], seed: int
) -> list[list[int]]:
    """Put sites' stories into one partition, mixed as `seed` says; return where each site's signals stand."""
    chance = random.Random(seed)
    offsets: list[list[int]] = [[] for _ in stories]
    turns = [site for site, story in enumerate(stories) for _ in story]
    chance.shuffle(turns)
    told = log.of(partition)
    for site in turns:
        step = stories[site][len(offsets[site])]
        offsets[site].append(len(told.signals))
        told.add(step.signal)
        for event in step.events:
            at = offsets[site][event.position]
            told.add(
                msgspec.structs.replace(
                    event, position=at, causes=tuple(offsets[site][cause] for cause in event.causes)
                )
            )
    return offsets


def site_of(name: str) -> Site:
    """Return a site; all of them have zones of the same names, around one another in their own ways."""
    around = {
        "lobby": "house",
        "office": "house" if name != "b" else "lobby",
        "yard": None if name != "c" else "house",
    }
    zones = [Zone(id="house"), *(Zone(id=zone, parent=around[zone]) for zone in ZONES)]
    return Site(id=name, time_zone="Europe/Athens", zones=tuple(zones), points=())


def story(site: Site, steps: int, seed: int) -> list[Step]:
    """Return a site's story: persons, devices, points and credentials are called the same at all sites."""
    chance = random.Random(seed)
    told: list[Step] = []
    raised: set[int] = set()

    def signal(number: int, **fields: Any) -> Signal:
        occurred = NINE + (number + chance.choice([0, 0, 0, -20])) * MINUTE
        plain = Signal(
            id=signal_id(site.id, str(number)),
            site=site.id,
            device=f"reader-{number % 3}",
            category=Category.CREDENTIAL,
            action=Action.GRANTED,
            time=Time(occurred, NINE + number * MINUTE),
            point=chance.choice(["front", "door"]),
            seq=number,
        )
        return msgspec.structs.replace(plain, **fields)

    def event(topic: Topic, **fields: Any) -> Event:
        number, ordinal = len(told), len(events)
        known = NINE + number * MINUTE
        plain = Event(
            id=f"{site.id}:{number}:{ordinal}", site=site.id, topic=topic, position=number, ordinal=ordinal,
            occurred_at=known - chance.choice([0, 0, 0, 25]) * MINUTE, known_at=known, causes=(number,),
        )  # fmt: skip
        return msgspec.structs.replace(plain, **fields)

    for number in range(steps):
        events: list[Event] = []
        person = chance.choice(PERSONS)
        visit = f"{site.id}:visit:{person}:{number // 40}"
        if number == 0 or chance.random() < 0.04:
            kind = "site" if number == 0 else chance.choice(["site", "directory", "directory"])
            document = site.model_dump(mode="json") if kind == "site" else _directory(chance)
            if number and kind == "site":
                document["zones"] = document["zones"][:-1]
            told_signal = signal(
                number, category=Category.CONTROL, action=Action.LOADED, device="desk", point=None, seq=None,
                data={"kind": kind, "replace": chance.random() < 0.3, "document": document},
            )  # fmt: skip
            rejected = number > 0 and (kind == "site" or chance.random() < 0.5)
            events.append(
                event(Topic.CONTROL_REJECTED if rejected else Topic.DIRECTORY_APPLIED, detail={"n": number})
            )
        else:
            card = Credential("card", chance.choice(["h1", "h2", "h3"]))
            named = person if chance.random() < 0.7 else None
            told_signal = signal(number, person=named, credential=card if named is None else None)
            zone = chance.choice(ZONES)
            fields = {"person": person, "visit": visit, "basis": Basis.ASSUMED}
            events.append(event(Topic.ZONE_ENTERED, zone=zone, **fields))
            if chance.random() < 0.2:
                events.append(event(Topic.SITE_LEFT, from_zone=zone, **fields))
            if chance.random() < 0.1:
                events.append(event(Topic.PRESENCE_CORRECTED, zone="yard", maybe_zone="lobby", **fields))
            if chance.random() < 0.3:
                events.append(
                    event(chance.choice([Topic.VISIT_STARTED, Topic.VISIT_ENDED]), zone=zone, **fields)
                )
            if chance.random() < 0.2:
                topic = chance.choice([Topic.PASSAGE_UNREGISTERED, Topic.PASSAGE_SETTLED])
                events.append(event(topic, from_zone="lobby", zone="office", point="door", value=2))
            if chance.random() < 0.3:
                topic = chance.choice([Topic.DEVICE_GAP, Topic.DEVICE_SILENT, Topic.DEVICE_RECOVERED])
                events.append(event(topic, device=f"reader-{chance.randrange(3)}", value=number))
            if chance.random() < 0.3:
                topic = chance.choice([Topic.ALERT_JOINED, Topic.ALERT_CLEARED])
                if number // 20 not in raised:
                    topic = Topic.ALERT_RAISED
                    raised.add(number // 20)
                events.append(
                    event(
                        topic, rule="after_hours", alert=f"{site.id}:after_hours:{number // 20}", zone=zone,
                        severity=Severity.WARNING, person=person, causes=(max(0, number - 3), number),
                    )
                )  # fmt: skip
            if chance.random() < 0.2:
                topic = chance.choice([Topic.ALERT_ACKNOWLEDGED, Topic.ALERT_CLOSED])
                told_of = {"by": "ann", "decided_at": NINE + number, "resolution": "checked"}
                alert = f"{site.id}:after_hours:{number // 20}"
                events.append(event(topic, alert=alert, rule="after_hours", detail=told_of))
            if chance.random() < 0.1:
                events.append(event(Topic.DOOR_HELD, point="door", value=30, limit=20))
        told.append(Step(told_signal, tuple(events)))
    return told


def _directory(chance: random.Random) -> dict[str, Any]:
    return {
        "persons": [
            {"id": person, "credentials": [{"hash": chance.choice(["h1", "h2", "h3"])}]}
            for person in chance.sample(PERSONS, 2)
        ]
    }
