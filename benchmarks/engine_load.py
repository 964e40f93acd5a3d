"""A load for the engine: 100,000 people at 2,000 points of one large site, every rule switched on."""

from typing import Any

import numpy as np

from domain.kernels import Records, records
from domain.records import CLOSED, CREDENTIAL, DENIED, DOOR, GRANTED, NONE, OPENED, SIGNAL
from domain.signal import Signal, Time
from domain.vocabulary import Action, Category
from streams.engine import Engine

START_US = 1_700_000_000_000_000  # Tuesday 2023-11-14 22:13 UTC
BUILDINGS, FLOORS, ROOMS = 20, 5, 20
WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def site_document() -> dict[str, Any]:
    """Return a site of 20 buildings with 5 floors of 20 rooms, one point to every room."""
    zones: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    for b in range(BUILDINGS):
        zones.append({"id": f"b{b}", "kind": "building"})
        for f in range(FLOORS):
            zones.append({"id": f"b{b}f{f}", "kind": "floor", "parent": f"b{b}"})
            for r in range(ROOMS):
                room = f"b{b}f{f}r{r}"
                zones.append({"id": room, "parent": f"b{b}f{f}", "entrance": r == 0})
                points.append({"id": room, "to_zone": room, "contact": r % 2 == 1})
    return {"id": "load", "time_zone": "UTC", "zones": zones, "points": points}


def policy_document() -> dict[str, Any]:
    """Return a policy with every rule on."""
    return {
        "presence": {"absence_minutes": 120, "timeout_hours": 16},
        "calendars": {"always": {"hours": {day: ["00:00-24:00"] for day in WEEK[:6]}}},
        "rules": {
            "after_hours": {"parameters": {"calendar": "always"}},
            "rapid_reentry": {"parameters": {"entries": 3, "within_minutes": 10}},
            "density": {"parameters": {"limit": 200}},
            "missed_registration": {},
            "denied_streak": {},
            "anti_passback": {"parameters": {"zones": ["b0", "b1"]}},
            "door_forced": {},
            "door_held": {},
            "impossible_travel": {},
            "two_sites": {},
        },
    }


def loaded_engine(people: int) -> tuple[Engine, int]:
    """Return an engine that knows the site, the policy and so many people; and the code of the first."""
    engine = Engine("load")
    engine.state.persons.reserve(people, people * len("p0000000"))
    persons = [{"id": f"p{number:07}", "department": f"d{number % 40}"} for number in range(people)]
    documents = (
        ("site", site_document()),
        ("policy", policy_document()),
        ("directory", {"persons": persons}),
    )
    engine.decide(
        [
            Signal(
                id=kind,
                site="load",
                device="limen",
                category=Category.CONTROL,
                action=Action.LOADED,
                time=Time(START_US, START_US),
                data={"kind": kind, "document": document},
            )
            for kind, document in documents
        ]
    )
    return engine, engine.state.persons.find("p0000000")


def make_signals(engine: Engine, first_person: int, people: int, count: int, seed: int = 7) -> Records:
    """Return SIGNAL rows, 50 a second: readings, 2 % of them refused, and what the door contacts say.

    Half the points have a contact: a grant there is followed, a little later, by opened and closed.
    """
    draw = np.random.default_rng(seed)
    state = engine.state
    assert state.site is not None
    codes = np.array([state.point_names.code(point.id) for point in state.site.points], np.int32)
    contact = np.array([point.contact for point in state.site.points])
    readings = count  # more than needed; cut below
    point = draw.integers(0, len(codes), readings)
    denied = draw.random(readings) < 0.02
    opens = contact[point] & ~denied
    at = np.arange(readings) * 40_000
    reading = _rows(readings, at, codes[point], CREDENTIAL, np.where(denied, DENIED, GRANTED))
    reading["person"] = first_person + draw.integers(0, people, readings)
    opened = _rows(opens.sum(), at[opens] + 2_000_003, codes[point[opens]], DOOR, OPENED)
    closed = _rows(opens.sum(), at[opens] + 6_000_007, codes[point[opens]], DOOR, CLOSED)
    rows = np.concatenate([reading, opened, closed])
    rows = rows[np.argsort(rows["occurred_at"], kind="stable")][:count]
    made = records(count, SIGNAL)
    made[:] = rows
    made["occurred_at"] += START_US
    made["received_at"] = made["occurred_at"]
    made["position"] = np.arange(count)
    made["from_device"] = state.device_names.code("controller")
    made["seq"] = NONE
    state.grow()
    return made


def _rows(count: int, at: Any, point: Any, category: int, action: Any) -> Records:
    rows = records(int(count), SIGNAL)
    rows["occurred_at"] = at
    rows["point"] = point
    rows["category"] = category
    rows["action"] = action
    return rows
