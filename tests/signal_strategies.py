"""Hypothesis strategies that draw small but nasty worlds: a site, its policy, its people, its signals.

Everything is counted in whole minutes from one start, parameters too, so that "exactly at" and "exactly
within" happen all the time; now and then a microsecond is added. Each step is drawn as plain data and
then told as a signal, so that a failing world shrinks to a few dull steps.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

import msgspec
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from domain.calendars import WEEKDAYS
from domain.signal import Count, Credential, Signal, Time, signal_id
from domain.vocabulary import Action, Category, Decision, Delivery, Direction, Role

SITE_ID: Final = "site"
MINUTE: Final = 60_000_000
TIME_ZONE: Final = "Europe/Athens"
STARTS: Final = (
    datetime(2024, 3, 4, 8, tzinfo=UTC),  # a Monday
    datetime(2024, 3, 31, 0, 30, tzinfo=UTC),  # half an hour before the clocks go forward
    datetime(2024, 10, 27, 0, 30, tzinfo=UTC),  # half an hour before they go back
    datetime(2024, 3, 8, 21, 30, tzinfo=UTC),  # half an hour before midnight on a Friday
)
NESTING: Final = {"house": None, "floor": "house", "east": "floor", "west": "floor", "lobby": None}
POINTS: Final = ("p1", "p2", "p3", "p4", "p5", "p6")
DEVICES: Final = ("d1", "d2", "d3")
PERSONS: Final = ("ann", "bob", "cy")
CREDENTIALS: Final = ("k1", "k2", "k3", "k4")
DEPARTMENTS: Final = ("lab", "security")
ROLES: Final = (Role.EMPLOYEE.value, Role.GUARD.value)

_MAYBE: Final = st.booleans()


def _rarely(usual: Any, *others: Any) -> st.SearchStrategy[Any]:
    """Draw `usual` about three times in four."""
    return st.sampled_from([usual] * 3 * len(others) + list(others))


@st.composite
def sites(draw: st.DrawFn, *, wild: bool = False) -> dict[str, Any]:
    """Draw a site document. `wild` ones also lack zones or nest them in another way."""
    nesting: dict[str, str | None] = dict(NESTING)
    if draw(_MAYBE):
        nesting["annex"] = draw(st.sampled_from(["house", None]))
    if wild:
        if draw(_MAYBE):
            del nesting["west"]
        if draw(_MAYBE):
            nesting |= {"east": "house", "floor": None}
        if draw(_rarely(False, True)):
            nesting = {zone: nesting[zone] for zone in ("house", "lobby")}
    zones = [
        {
            "id": zone,
            "parent": parent,
            "entrance": draw(_rarely(True, False) if zone == "lobby" else _rarely(False, True)),
            "area_m2": draw(st.sampled_from([None, 1.0, 2.5])),
        }
        for zone, parent in nesting.items()
    ]
    usual = {"p1": ("lobby", "outside"), "p2": ("floor", "lobby"), "p3": ("east", "floor")}
    anywhere = st.sampled_from([*nesting, "outside"])
    points = []
    for point in POINTS[: draw(_rarely(6, 5))]:
        to_zone, from_zone = usual.get(point, (None, None))
        if not {to_zone, from_zone} <= {*nesting, "outside"} or draw(_rarely(False, True)):
            to_zone = draw(st.sampled_from([*nesting, *nesting, "outside"]))
            from_zone = draw(st.one_of(st.none(), anywhere))
        points.append(
            {"id": point, "to_zone": to_zone, "from_zone": from_zone, "contact": draw(st.booleans())}
        )
    # Device d3 is on no site; a signal may name it all the same.
    devices = [
        {"id": device, "silent_after_minutes": draw(st.sampled_from([None, 3, 5]))}
        for device in draw(st.permutations(DEVICES[:2]))
    ]
    return {
        "id": SITE_ID,
        "time_zone": TIME_ZONE,
        "zones": zones,
        "points": points,
        "devices": devices,
    }


@st.composite
def calendars(draw: st.DrawFn, start: datetime) -> dict[str, Any]:
    """Draw a calendar whose hours begin and end within the hour or so after the start."""
    local = start.astimezone(ZoneInfo(TIME_ZONE))
    base = local.hour * 60 + local.minute
    edges = sorted(draw(st.lists(st.integers(0, 40), min_size=2, max_size=4, unique=True)))
    spans = [
        _span(base + begin, base + end)
        for begin, end in zip(edges[::2], edges[1::2], strict=False)
        if base + end <= 24 * 60
    ]
    found: dict[str, Any] = {"hours": {day: spans for day in WEEKDAYS}}
    if draw(_rarely(False, True)):
        found["closed"] = [date(local.year, local.month, local.day).isoformat()]
    if draw(_rarely(False, True)):
        found["time_zone"] = "Asia/Shanghai"
    always = {day: ["00:00-24:00"] for day in WEEKDAYS}
    found["hours"] = draw(_rarely(found["hours"], {}, always))
    if draw(_rarely(False, True)):
        days = st.sampled_from([local.date(), date(local.year + 3, 1, 1)])
        found["special"] = {draw(days).isoformat(): draw(_rarely(spans, []))}
    return found


def _span(begin: int, end: int) -> str:
    return f"{begin // 60:02}:{begin % 60:02}-{end // 60:02}:{end % 60:02}"


@st.composite
def _rules(draw: st.DrawFn, name: str, parameters: st.SearchStrategy[dict[str, Any]]) -> dict[str, Any]:
    overrides = []
    for _ in range(draw(_rarely(0, 1, 2))):
        given = draw(parameters)
        chosen = sorted(draw(st.sets(st.sampled_from(sorted(given))))) if given else []
        override: dict[str, Any] = {"set": {field: given[field] for field in chosen}}
        if draw(_MAYBE):
            override["zones"] = draw(st.lists(st.sampled_from(list(NESTING)), min_size=1, max_size=2))
        if draw(_rarely(False, True)):
            override["roles"] = [draw(st.sampled_from(ROLES))]
        if draw(_rarely(False, True)):
            override["departments"] = [draw(st.sampled_from(DEPARTMENTS))]
        overrides.append(override)
    return {
        "enabled": draw(_rarely(True, False)) or name == "density",
        "severity": draw(st.sampled_from(["info", "warning", "critical"])),
        "cool_down_seconds": draw(st.sampled_from([0, 60, 300])),
        "parameters": draw(parameters),
        "overrides": overrides,
    }


@st.composite
def policies(draw: st.DrawFn, start: datetime) -> dict[str, Any]:
    """Draw a policy document with all ten rules, every time in whole minutes."""
    zones = st.lists(st.sampled_from(list(NESTING)), max_size=2, unique=True)
    parameters: dict[str, st.SearchStrategy[dict[str, Any]]] = {
        "after_hours": st.fixed_dictionaries({"calendar": st.sampled_from(["day", "day", "night", None])}),
        "rapid_reentry": st.fixed_dictionaries(
            {"entries": st.sampled_from([2, 2, 3]), "within_minutes": st.sampled_from([2, 5])}
        ),
        "density": st.fixed_dictionaries(
            {
                "limit": st.sampled_from([1, 1, 2, None]),
                "limit_per_m2": st.sampled_from([None, None, 1.0]),
                "clear_percent": st.sampled_from([90, 50, 100]),
            }
        ),
        "missed_registration": st.just({}),
        "denied_streak": st.fixed_dictionaries(
            {"denials": st.sampled_from([2, 2, 3]), "within_minutes": st.sampled_from([1, 5])}
        ),
        "anti_passback": st.fixed_dictionaries({"zones": zones}),
        "door_forced": st.just({}),
        "door_held": st.just({}),
        "impossible_travel": st.just({}),
        "two_sites": st.just({}),
    }
    return {
        "presence": {
            "detect_within_seconds": draw(st.sampled_from([60, 120])),
            "absence_minutes": draw(st.sampled_from([4, 4, 10, None])),
            "timeout_hours": draw(st.sampled_from([0.25, 0.1, 1])),
        },
        "doors": {
            "held_open_seconds": draw(st.sampled_from([60, 180, 60.5])),
            "exit_request_seconds": draw(st.sampled_from([60, 120])),
        },
        "devices": {"clock_offset_limit_ms": draw(st.sampled_from([60_000, 59_999]))},
        "calendars": {"day": draw(calendars(start)), "night": draw(calendars(start))},
        "rules": {name: draw(_rules(name, given)) for name, given in parameters.items()},
    }


@st.composite
def directories(draw: st.DrawFn, start: datetime) -> dict[str, Any]:
    """Draw a directory whose credentials are replaced and pass from person to person, who come and go."""
    persons = draw(st.lists(st.sampled_from(PERSONS), min_size=1, unique=True))
    held: dict[str, list[dict[str, Any]]] = {person: [] for person in persons}
    for credential in CREDENTIALS[:3]:
        begins = draw(st.lists(st.sampled_from([None, 0, 2, 5, 10]), max_size=3, unique=True))
        for begin in begins:
            lasts = draw(st.sampled_from([None, None, 2, 5]))
            until = None if lasts is None else (begin or 0) + lasts
            held[draw(st.sampled_from(persons))].append(
                {
                    "hash": credential,
                    "valid_from": _written(draw, start, begin),
                    "valid_until": _written(draw, start, until),
                }
            )
    return {
        "persons": [
            {
                "id": person,
                "department": draw(st.sampled_from([None, *DEPARTMENTS])),
                "role": draw(st.sampled_from(ROLES)),
                "valid_from": _written(draw, start, draw(_rarely(None, 1, 4))),
                "valid_until": _written(draw, start, draw(_rarely(None, 3, 6))),
                "credentials": held[person],
            }
            for person in persons
        ]
    }


def _written(draw: st.DrawFn, start: datetime, minutes: int | None) -> str | None:
    """Write a time with its offset, or (never in an hour that the clocks repeat) as the site's own."""
    if minutes is None:
        return None
    moment = start + timedelta(minutes=minutes)
    if start.month == 10 or draw(_MAYBE):
        return moment.isoformat()
    return moment.astimezone(ZoneInfo(TIME_ZONE)).replace(tzinfo=None).isoformat()


KINDS: Final = (
    *["granted"] * 10,
    *["opened"] * 4,
    *["closed"] * 3,
    *["denied"] * 5,
    *["ticked", "counted", "placed"] * 2,
    *["exit_requested", "forced", "held", "alarm", "impossible_travel", "two_sites", "load", "decided"],
)
_CATEGORIES: Final = {
    "granted": Category.CREDENTIAL,
    "denied": Category.CREDENTIAL,
    "counted": Category.COUNT,
    "ticked": Category.CLOCK,
    "placed": Category.CONTROL,
    "decided": Category.CONTROL,
    "alarm": Category.ALARM,
    "impossible_travel": Category.ALARM,
    "two_sites": Category.ALARM,
}


class Log(list[Signal]):
    """The signals of a world; a failing one is shown with a line for each, what is not set left out."""

    def __repr__(self) -> str:
        return "".join(["[", *(f"\n  {place}: {_shown(signal)}" for place, signal in enumerate(self)), "]"])


def _shown(signal: Signal) -> str:
    told = msgspec.to_builtins(signal)  # without what has its default
    told["time"] = [signal.time.occurred_at, signal.time.received_at]
    return msgspec.json.encode({name: told[name] for name in told if name not in ("id", "site")}).decode()


@st.composite
def _loads(draw: st.DrawFn, start: datetime, wild: bool) -> dict[str, Any]:
    """Draw the data of a `loaded` signal in the middle of things; one in three is rejected."""
    match draw(st.sampled_from(["site", "policy", "directory", "directory", "odd", "odd"])):
        case "site":
            return {"kind": "site", "document": draw(sites(wild=wild))}
        case "policy":
            return {"kind": "policy", "document": draw(policies(start))}
        case "directory":
            return {"kind": "directory", "document": draw(directories(start)), "replace": draw(_MAYBE)}
    nowhere = {"rules": {"density": {"overrides": [{"zones": ["nowhere"], "set": {"limit": 1}}]}}}
    return draw(
        st.sampled_from(
            [
                {"kind": "policy", "document": nowhere},
                {"kind": "policy", "document": {"presense": {}}},
                {"kind": "site", "document": {"id": SITE_ID}},
                {"kind": "directory", "document": {"persons": [{"id": "ann", "age": 3}]}},
            ]
        )
    )


@st.composite
def _decisions(draw: st.DrawFn) -> dict[str, Any]:
    """Draw the data of a `decided` signal; some of them are rejected."""
    decision = draw(st.sampled_from([*map(str, Decision), "eaten"]))
    whole = {
        "noted": {"note": "a note"},
        "assigned": {"assignee": "cy"},
        "closed": {"resolution": "duplicate"},
    }
    data = {
        "kind": draw(_rarely("alert_case", "appointment")),
        "alert": f"{draw(_rarely(SITE_ID, 'elsewhere'))}:after_hours:{draw(_rarely('ann', 'unknown:x'))}:1",
        "decision": decision,
        "by": draw(_rarely("bob", "")),
        "decided_at": draw(_rarely(5, -1)),
        **whole.get(decision, {}),
    }
    odd = {"note": "another", "assignee": "", "resolution": "boring"}
    return data | {name: odd[name] for name in draw(_rarely((), *((name,) for name in odd)))}


@st.composite
def _steps(draw: st.DrawFn, start: datetime, wild: bool) -> dict[str, Any]:
    """Draw one step: how far time goes on (minutes), what is said, by what and about whom."""
    kind = draw(st.sampled_from(KINDS))
    step: dict[str, Any] = {
        "kind": kind,
        "minutes": draw(st.sampled_from([0, 0, 0, 0, 1, 1, 1, 1, 2, 3, 4, 15])),
        "microseconds": draw(_rarely(0, 1, -1)),
        "occurred_minutes": draw(st.sampled_from([0] * 20 + [-1, -1, -5, 1, 20])),
        "device": draw(st.sampled_from(DEVICES)),
        "seq": draw(_rarely(None, "next", "skip", 0, 1)),
        "delivery": draw(_rarely(Delivery.LIVE, Delivery.BACKFILL, Delivery.POLL)),
    }
    if kind == "load":
        return step | {"data": draw(_loads(start, wild))}
    if kind == "placed":
        zone = draw(st.sampled_from([*NESTING, "outside", "nowhere", 101]))
        return step | {"person": draw(st.sampled_from([*PERSONS, "dee"])), "data": {"zone": zone}}
    if kind == "decided":
        return step | {"data": draw(_decisions())}
    if kind == "ticked":
        return step
    step["point"] = draw(st.sampled_from([*POINTS[:3] * 6, *POINTS[3:] * 2, "p9", None]))
    step["direction"] = draw(st.sampled_from(list(Direction)))
    if kind in ("alarm", "opened") and draw(_rarely(False, True)):
        step["person"] = draw(st.sampled_from(PERSONS))
    if kind in ("granted", "denied", "impossible_travel", "two_sites"):
        who = draw(st.sampled_from(["person", "person", "credential", "credential", "both", "nobody"]))
        if who in ("person", "both"):
            step["person"] = draw(_rarely("ann", *PERSONS[1:]))
        if who in ("credential", "both"):
            step["credential"] = draw(_rarely("k1", *CREDENTIALS[1:]))
    if kind == "counted":
        step["interval"] = draw(st.integers(0, 3))
    return step


def _told(steps: list[dict[str, Any]], start: datetime) -> Log:
    """Tell the steps as signals, one after the other."""
    now = int(start.timestamp()) * 1_000_000
    seqs = dict.fromkeys(DEVICES, 10)
    signals = Log()
    for place, step in enumerate(steps):
        now += step["minutes"] * MINUTE
        kind, device, seq = step["kind"], step["device"], step["seq"]
        if seq in ("next", "skip"):
            seq = seqs[device] + (1 if seq == "next" else 3)
        if seq is not None:
            seqs[device] = seq
        action = {"load": Action.LOADED, "alarm": Action.ACTIVATED}.get(kind) or Action(kind)
        credential, interval = step.get("credential"), step.get("interval")
        signals.append(
            Signal(
                id=signal_id(SITE_ID, str(place)),
                site=SITE_ID,
                device=device,
                category=Category.CONTROL if kind == "load" else _CATEGORIES.get(kind, Category.DOOR),
                action=action,
                time=Time(now + step["occurred_minutes"] * MINUTE + step["microseconds"], now),
                point=step.get("point"),
                direction=step.get("direction", Direction.UNKNOWN),
                person=step.get("person"),
                credential=None if credential is None else Credential("card", credential),
                count=None if interval is None else Count(interval),
                seq=seq,
                delivery=step["delivery"],
                data=step.get("data"),
            )
        )
    return signals


@st.composite
def worlds(draw: st.DrawFn, *, max_steps: int = 60, wild_sites: bool = False) -> Log:
    """Draw a whole log: site, policy and directory are loaded, then 0 to `max_steps` signals follow.

    `wild_sites`: a site loaded later may lack zones in which people are, or nest them in another way.
    """
    start = draw(st.sampled_from(STARTS))
    loads = [("site", sites()), ("policy", policies(start)), ("directory", directories(start))]
    quiet = {
        "kind": "load",
        "minutes": 0,
        "microseconds": 0,
        "occurred_minutes": 0,
        "device": "desk",
        "seq": None,
        "delivery": Delivery.LIVE,
    }
    steps = [quiet | {"data": {"kind": kind, "document": draw(given)}} for kind, given in loads]
    # A list alone is about five long; most findings need more, and a small `least` is what shrinks first.
    least = min(draw(st.sampled_from([0, 10, 25, 40])), max_steps)
    steps += draw(st.lists(_steps(start, wild_sites), min_size=least, max_size=max_steps))
    return _told(steps, start)


def drawn_worlds(count: int) -> list[Log]:
    """Return so many worlds, always the same."""
    found: list[Log] = []

    @settings(
        max_examples=count,
        phases=[Phase.generate],
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(worlds(wild_sites=True))
    def draw(log: Log) -> None:
        found.append(log)

    draw()
    return found
