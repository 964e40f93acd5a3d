"""The recording of a real fortnight, decided by the product and computed again from its definitions.

The computation here is written from the definitions of the `gastech` template alone: readings in order, one
dictionary of people, no engine.
"""

import csv
from collections import Counter, defaultdict, deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.command_line.calling import answer, limen

EXAMPLES = Path(__file__).parent.parent / "examples" / "gastech"
ATHENS = ZoneInfo("Europe/Athens")
ABSENCE, TIMEOUT = timedelta(minutes=120), timedelta(hours=16)
EXEMPT = {"Security", "Facilities"}
LIMITS = {"2-1": 30, "2-6": 45}


@dataclass
class Visit:
    """One visit as the definitions give it."""

    person: str
    started_at: datetime
    start_basis: str
    steps: list[tuple[str, datetime]]
    last: datetime
    ended_at: datetime | None = None
    end_basis: str | None = None
    known_end_at: datetime | None = None


@dataclass
class Computed:
    """Everything computed from the readings."""

    visits: list[Visit] = field(default_factory=list)
    entries: Counter[str] = field(default_factory=Counter)
    alerts: Counter[tuple[str, str | None, str | None, str]] = field(default_factory=Counter)
    joined: int = 0


def readings() -> Iterator[tuple[datetime, str, str]]:
    """Yield (time, person, zone) of every distinct row, in file order."""
    with (EXAMPLES / "employees.csv").open() as file:
        employees = {
            "".join(c for c in (row["first_name"][:1] + row["last_name"]).lower() if c.isalpha())
            for row in csv.DictReader(file)
        }
    seen = set()
    with (EXAMPLES / "prox.csv").open() as file:
        for row in csv.DictReader(file):
            record = tuple(row.values())
            if record in seen:
                continue
            seen.add(record)
            card = row["prox-id"]
            person = card[:-3] if card[:-3] in employees else f"unknown:{card}"
            zone = "server-room" if row["zone"] == "Server Room" else f"{row['floor']}-{row['zone']}"
            yield datetime.fromisoformat(row["timestamp"]).replace(tzinfo=ATHENS), person, zone


def departments() -> dict[str, str]:
    """Return every employee's department."""
    with (EXAMPLES / "employees.csv").open() as file:
        return {
            "".join(c for c in (row["first_name"][:1] + row["last_name"]).lower() if c.isalpha()): row[
                "department"
            ]
            for row in csv.DictReader(file)
        }


def period_end(at: datetime) -> datetime | None:
    """Return when work begins again, or None while it is being done (Monday to Friday 07:00-19:00)."""
    if at.weekday() < 5 and 7 <= at.hour < 19:
        return None
    begin = at.replace(hour=7, minute=0, second=0)
    while begin <= at or begin.weekday() >= 5:
        begin += timedelta(days=1)
    return begin


def compute() -> Computed:
    """Go through the readings once."""
    result, department = Computed(), departments()
    inside: dict[str, Visit] = {}
    where: dict[str, str] = {}
    count: Counter[str] = Counter()
    over: dict[str, bool] = defaultdict(bool)
    period: dict[str, datetime] = {}
    recent: dict[tuple[str, str], deque[datetime]] = defaultdict(lambda: deque(maxlen=3))
    silent: dict[tuple[str, str], datetime] = {}

    def level(zone: str, change: int, at: datetime) -> None:
        count[zone] += change
        if zone in LIMITS:
            if count[zone] > LIMITS[zone] and not over[zone]:
                over[zone] = True
                result.alerts["density", None, zone, at.isoformat()] += 1
            elif over[zone] and count[zone] * 10 <= LIMITS[zone] * 9:
                over[zone] = False

    def leave_overdue(now: datetime) -> None:
        due = []
        for person, visit in inside.items():
            entrance = where[person] == "1-1"
            end = visit.last + (ABSENCE if entrance else TIMEOUT)
            if end <= now:
                due.append((end, person, "inferred" if entrance else "timeout"))
        for end, person, basis in sorted(due):
            visit = inside.pop(person)
            visit.ended_at, visit.end_basis, visit.known_end_at = visit.last, basis, end
            level(where.pop(person), -1, visit.last)

    for at, person, zone in readings():
        leave_overdue(at)
        before = where.get(person)
        if before == zone:
            inside[person].last = at
            continue
        if before is None:
            basis = "assumed" if zone == "1-1" else "inferred"
            inside[person] = Visit(person, at, basis, [], at)
            result.visits.append(inside[person])
            if zone != "1-1":
                result.alerts["missed_registration", person, zone, at.isoformat()] += 1
        visit = inside[person]
        visit.last = at
        visit.steps.append((zone, at))
        result.entries[zone] += 1
        if before is not None:
            level(before, -1, at)
        where[person] = zone
        level(zone, 1, at)
        end = period_end(at)
        if end is not None and department.get(person) not in EXEMPT:
            if person in period and at < period[person]:
                result.joined += 1
            else:
                period[person] = end
                result.alerts["after_hours", person, zone, at.isoformat()] += 1
        times = recent[person, zone]
        times.append(at)
        quick = len(times) == 3 and at - times[0] <= timedelta(minutes=10)
        if quick and not (silent.get((person, zone)) and at - silent[person, zone] <= timedelta(minutes=10)):
            silent[person, zone] = at
            result.alerts["rapid_reentry", person, zone, at.isoformat()] += 1
    return result


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home into which the recording was imported."""
    home = tmp_path_factory.mktemp("gastech") / "home"
    limen("init", "--template", "gastech", home=home)
    imported = answer("import", EXAMPLES / "prox.csv", "--source", "prox", home=home)
    expected = {"read": 29763, "accepted": 29762, "duplicates": 1, "quarantined": 0, "late": 0}
    assert imported == expected
    return home


@pytest.fixture(scope="module")
def computed() -> Computed:
    """Return the independent computation."""
    return compute()


def test_visits_are_those_of_the_definitions(home: Path, computed: Computed) -> None:
    """Every visit has the person, times, bases and steps that the definitions give."""
    told = {
        (
            visit["person"],
            visit["started_at"],
            visit["ended_at"],
            visit["start_basis"],
            visit["end_basis"] or None,
            tuple((step["zone"], step["entered_at"]) for step in visit["steps"]),
        )
        for visit in answer("visits", home=home)
    }
    expected = {
        (
            visit.person,
            visit.started_at.isoformat(),
            visit.ended_at.isoformat() if visit.ended_at else None,
            visit.start_basis,
            visit.end_basis,
            tuple((zone, at.isoformat()) for zone, at in visit.steps),
        )
        for visit in computed.visits
    }
    assert told == expected


def test_alerts_are_those_of_the_definitions(home: Path, computed: Computed) -> None:
    """Every rule alerts exactly where the definitions do, and after-hours entries join as they say."""
    alerts = answer("alerts", home=home)
    told = Counter((a["rule"], a["person"], a["zone"], a["occurred_at"]) for a in alerts)
    assert told == computed.alerts
    assert sum(len(a["evidence"]) - 1 for a in alerts if a["rule"] == "after_hours") == computed.joined
    assert all(len(a["evidence"]) == 3 for a in alerts if a["rule"] == "rapid_reentry")


def test_the_server_room_was_entered_29_times(home: Path, computed: Computed) -> None:
    """Entries by zone are those of the definitions; 29 into the server room."""
    rows = answer(
        "sql",
        "SELECT zone, count() AS entries FROM events WHERE topic = 'zone.entered' GROUP BY zone",
        home=home,
    )
    assert {row["zone"]: int(row["entries"]) for row in rows} == dict(computed.entries)
    assert computed.entries["server-room"] == 29


@pytest.mark.parametrize("day", [2, 7, 11])
@pytest.mark.parametrize("hour", [3, 9, 12, 18])
def test_occupancy_is_that_of_the_visits(home: Path, computed: Computed, day: int, hour: int) -> None:
    """Who was inside, as known now and as known then, follows from the visits of the definitions."""
    at = datetime(2016, 6, day, hour, 17, 31, tzinfo=ATHENS)
    for known_then in (False, True):
        count: Counter[str] = Counter()
        for visit in computed.visits:
            end = visit.known_end_at if known_then else visit.ended_at
            if visit.started_at <= at and (end is None or at < end):
                count[[zone for zone, entered in visit.steps if entered <= at][-1]] += 1
        as_known = ["--as-known-at", at.isoformat()] if known_then else []
        told = answer("occupancy", "--at", at.isoformat(), *as_known, home=home)
        zones = {zone["zone"]: zone for zone in told["zones"]}
        assert told["total"] == sum(count.values()) == zones["gastech"]["count"]
        for zone in ("1-1", "1-2", "2-1", "2-6", "2-7", "3-3", "server-room"):
            assert zones[zone]["count"] == count[zone]
        for floor in "123":
            leaves = [z for z in count if z.startswith(f"{floor}-") or (floor == "3" and z == "server-room")]
            assert zones[f"floor-{floor}"]["count"] == sum(count[z] for z in leaves)
        assert all(zone["low"] <= zone["count"] <= zone["high"] for zone in told["zones"])
