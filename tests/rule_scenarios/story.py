"""How the scenarios are told: the house they play in, its people, and what devices say.

A story begins with site, policy and directory (positions 0, 1 and 2); its own signals begin at position 3.
What is expected is every event after these three, or every one of the topics in `only`; of each event its
topic and the fields that are named.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec

from domain.directory import Directory
from domain.event import Event
from domain.policy import Policy
from domain.signal import Count, Credential, Signal, Time, signal_id
from domain.site import Site
from domain.vocabulary import Action, Category

SITE_ID: Final = "house"
MONDAY_TEN: Final = 1_709_546_400_000_000
"""2024-03-04 10:00 UTC, a Monday: 12:00 at the site. The stories count their minutes from here."""
_SECOND: Final = 1_000_000

Expected = tuple[str, dict[str, Any]]


def at(minutes: float = 0, seconds: float = 0) -> int:
    """Return a time of the stories in microseconds."""
    return MONDAY_TEN + round((minutes * 60 + seconds) * _SECOND)


@dataclass(frozen=True)
class Scenario:
    """A story, the rules it is about, and what follows. `occupancy`: (count, low, high) at the end."""

    name: str
    rules: str
    signals: Sequence[Signal]
    expected: Sequence[Expected]
    only: tuple[str, ...] = ()
    policy: dict[str, Any] = field(default_factory=dict)
    site: dict[str, Any] = field(default_factory=dict)
    directory: dict[str, Any] = field(default_factory=dict)
    occupancy: Mapping[str, tuple[int, int, int]] = field(default_factory=dict)

    def log(self) -> list[Signal]:
        """Return the whole log: the three loads, then the story, each signal with an id of its own."""
        start = min([at(), *(signal.time.occurred_at for signal in self.signals)])
        loads = [
            _load("site", Site.model_validate(HOUSE | self.site), start),
            _load("policy", Policy.model_validate(POLICY | self.policy), start),
            _load("directory", Directory.model_validate(PEOPLE | self.directory), start),
        ]
        return [
            msgspec.structs.replace(signal, id=signal_id(self.name, str(place)))
            for place, signal in enumerate([*loads, *self.signals])
        ]

    def differences(self, events: Sequence[Event]) -> list[str]:
        """Return in words where the events decided for `log()` differ from what is expected."""
        decided = [event for event in events if event.position >= 3]
        if self.only:
            decided = [event for event in decided if event.topic in self.only]
        found = [
            f"event {place}: {event.topic}.{name} is {getattr(event, name)!r}, not {value!r}"
            for place, (event, (topic, fields)) in enumerate(zip(decided, self.expected, strict=False))
            if event.topic == topic
            for name, value in fields.items()
            if getattr(event, name) != value
        ]
        topics = [str(event.topic) for event in decided]
        if topics != [topic for topic, _ in self.expected]:
            found.insert(0, f"topics are {topics}, not {[topic for topic, _ in self.expected]}")
        return found


HOUSE: Final[dict[str, Any]] = {
    "id": SITE_ID,
    "time_zone": "Europe/Athens",
    "zones": [
        {"id": "house", "kind": "building"},
        {"id": "lobby", "parent": "house", "entrance": True},
        {"id": "hall", "parent": "house"},
        {"id": "lab", "parent": "hall", "area_m2": 10},
        {"id": "yard"},
    ],
    "points": [
        {"id": "gate", "to_zone": "lobby", "from_zone": "outside"},
        {"id": "door", "to_zone": "hall", "from_zone": "lobby", "contact": True},
        {"id": "side", "to_zone": "hall", "from_zone": "outside", "contact": True},
        {"id": "inner", "to_zone": "lab", "from_zone": "hall"},
        {"id": "reader", "to_zone": "hall"},
        {"id": "fence", "to_zone": "yard", "from_zone": "lobby"},
    ],
    "devices": [{"id": "watched", "silent_after_minutes": 5}, {"id": "also", "silent_after_minutes": 5}],
}
"""gate: outside → lobby. door, side: with contact. inner: hall → lab. reader: into the hall from anywhere."""

POLICY: Final[dict[str, Any]] = {
    "presence": {"detect_within_seconds": 10, "absence_minutes": 120, "timeout_hours": 16},
    "doors": {"held_open_seconds": 30, "exit_request_seconds": 10},
    "devices": {"clock_offset_limit_ms": 10_000},
}

PEOPLE: Final[dict[str, Any]] = {
    "persons": [
        {"id": "ann", "department": "lab", "credentials": [{"hash": "c-ann"}]},
        {"id": "bob", "department": "security", "role": "guard"},
        {"id": "cy"},
    ]
}

_CATEGORIES: Final = {
    Action.GRANTED: Category.CREDENTIAL,
    Action.DENIED: Category.CREDENTIAL,
    Action.COUNTED: Category.COUNT,
    Action.ACTIVATED: Category.ALARM,
    Action.IMPOSSIBLE_TRAVEL: Category.ALARM,
    Action.TWO_SITES: Category.ALARM,
    Action.TICKED: Category.CLOCK,
    Action.PLACED: Category.CONTROL,
    Action.LOADED: Category.CONTROL,
    Action.DECIDED: Category.CONTROL,
}


def says(
    action: str,
    when: int,
    point: str | None = None,
    person: str | None = None,
    *,
    heard: int | None = None,
    credential: str | None = None,
    interval: int | None = None,
    **fields: Any,
) -> Signal:
    """Return a signal of the usual category for its action; heard of when it happened unless given."""
    known = Action(action)
    return Signal(
        id="",
        site=SITE_ID,
        device=fields.pop("device", "any"),
        category=_CATEGORIES.get(known, Category.DOOR),
        action=known,
        time=Time(when, when if heard is None else heard),
        point=point,
        person=person,
        credential=None if credential is None else Credential("card", credential),
        count=None if interval is None else Count(interval),
        **fields,
    )


def grant(person: str, point: str, when: int, **fields: Any) -> Signal:
    """Return a granted reading."""
    return says("granted", when, point, person, **fields)


def tick(when: int) -> Signal:
    """Return a clock signal."""
    return says("ticked", when, device="clock")


def place(person: str | None, zone: str, when: int) -> Signal:
    """Return a control signal that puts a person somewhere."""
    return says("placed", when, None, person, data={"zone": zone}, device="desk")


def decide(decision: str, alert: str, when: int, **data: Any) -> Signal:
    """Return a control signal that tells of bob's decision about an alert."""
    told = {"kind": "alert_case", "alert": alert, "decision": decision, "by": "bob", "decided_at": 5, **data}
    return says("decided", when, data=told, device="desk")


def load(kind: str, document: Mapping[str, Any], when: int, **data: Any) -> Signal:
    """Return a control signal that loads a document as it is written here."""
    return says("loaded", when, data={"kind": kind, "document": dict(document), **data}, device="desk")


def _load(kind: str, document: Site | Policy | Directory, when: int) -> Signal:
    return load(kind, document.model_dump(mode="json"), when)


def rule(name: str, **parameters: Any) -> dict[str, Any]:
    """Return a policy part with this one rule; `cool_down_seconds` and `overrides` are the rule's own."""
    own = {key: parameters.pop(key) for key in ("cool_down_seconds", "overrides") if key in parameters}
    return {"rules": {name: {"parameters": parameters, **own}}}
