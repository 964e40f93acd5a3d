"""Held against the engine: every planted incident is noticed, and the truth lies within the rules' bounds."""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.signal import Signal
from domain.vocabulary import OUTSIDE, Topic
from streams.engine import Engine
from tests.campus_log import with_documents
from tests.simulation.runs import SECOND, SITE, Run, campus

KINDS = {
    "after_hours",
    "card_sharing",
    "clock_drift",
    "denied_streak",
    "forced_door",
    "held_door",
    "offline_reader",
    "overload",
    "rapid_reentry",
    "tailgating",
    "unregistered_passage",
}


def test_every_incident_is_planted(run: Run) -> None:
    """Two hundred persons and two days have every kind, each shown by signals of the run."""
    assert {incident.kind for incident in run.truth.incidents} == KINDS
    for incident in run.truth.incidents:
        assert incident.signals
        shown = [run.by_id[name] for name in incident.signals]
        assert all(signal.point == incident.point for signal in shown if incident.point)
        assert all(signal.device == incident.device for signal in shown if incident.device)
        assert abs(shown[0].time.occurred_at - incident.at_us) < 10 * 3600 * SECOND
    at = [incident.at_us for incident in run.truth.incidents]
    assert at == sorted(at)


@pytest.fixture(scope="module")
def decided(run: Run) -> tuple[list[Signal], list[Event]]:
    """The log of the run and what the engine decides on it."""
    return _decided(run)


def _decided(run: Run) -> tuple[list[Signal], list[Event]]:
    log = with_documents(run.simulation, run.signals)
    return log, Engine(SITE.id).decide(log)


def test_every_incident_is_noticed(run: Run, decided: tuple[list[Signal], list[Event]]) -> None:
    """Every incident leads to what it says, caused by its signals; nothing else but crowds is alerted."""
    log, events = decided
    position = {signal.id: number for number, signal in enumerate(log)}
    alerts = (Topic.ALERT_RAISED, Topic.ALERT_JOINED)
    explained = set()
    for incident in run.truth.incidents:
        shown = {position[name] for name in incident.signals}
        found = [
            event
            for event in events
            if (event.rule if event.topic in alerts else event.topic) == incident.noticed_by
            and (shown & set(event.causes) or (incident.device and event.device == incident.device))
        ]
        assert found, incident
        explained |= {event.alert for event in found}
    raised = [event for event in events if event.topic is Topic.ALERT_RAISED]
    assert [event for event in raised if event.alert not in explained and event.rule != "density"] == []
    assert not {Topic.SIGNAL_UNRESOLVED, Topic.DEVICE_GAP, Topic.CONTROL_REJECTED} & {e.topic for e in events}


def test_the_truth_lies_within_the_bounds(run: Run, decided: tuple[list[Signal], list[Event]]) -> None:
    """From 5 seconds after a true move at a zone to 5 before the next: low <= truth <= high."""
    _check_bounds(run, decided[1])


@given(
    persons=st.integers(1, 60),
    days=st.integers(1, 2),
    seed=st.integers(0, 2**32),
    start=st.dates(date(2024, 1, 1), date(2026, 12, 31)),
)
@settings(max_examples=15)
def test_the_truth_lies_within_the_bounds_whoever_comes_when(
    persons: int, days: int, seed: int, start: date
) -> None:
    """The same for any few people, on any days, however chance falls."""
    run = Run(campus(persons, days, seed, start=start))
    _check_bounds(run, _decided(run)[1])


def _check_bounds(run: Run, events: list[Event]) -> None:
    above = {OUTSIDE: frozenset[str]()} | {zone.id: frozenset(_above(zone.id)) for zone in SITE.zones}
    touched: dict[str, list[int]] = defaultdict(list)
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    moves = list(run.truth.moves())
    for move in moves:
        for zone in above[place[move.person]] ^ above[move.zone]:
            touched[zone].append(move.at_us)
        place[move.person] = move.zone
    times = range(moves[0].at_us - 60 * SECOND, moves[-1].at_us + 3600 * SECOND, 101 * SECOND)
    checked = 0
    for at, truth, bounds in zip(
        times, run.truth.occupancy(times), _bounds(events, times, above), strict=True
    ):
        for zone, inside in truth.items():
            near = bisect_left(touched[zone], at - 5 * SECOND)
            if near == len(touched[zone]) or touched[zone][near] > at + 5 * SECOND:
                low, high = bounds[zone]
                assert low <= inside <= high, (zone, datetime.fromtimestamp(at / SECOND, UTC))
                checked += 1
    assert checked > 0.8 * len(times) * len(SITE.zones)


def _above(zone: str | None) -> Iterator[str]:
    """Yield a zone and those that hold it."""
    parents = {each.id: each.parent for each in SITE.zones}
    while zone is not None:
        yield zone
        zone = parents[zone]


def _bounds(
    events: list[Event], times: range, above: dict[str, frozenset[str]]
) -> Iterator[dict[str, tuple[int, int]]]:
    """Yield low and high of every zone at each of these times, as rules 7 and 8 have it, known now."""
    persons = {"zone.entered", "site.left", "presence.settled", "presence.corrected"}
    passages = {"passage.unregistered": 1, "passage.settled": -1}
    placing = sorted(
        (event for event in events if event.topic in persons or event.topic in passages),
        key=lambda event: (event.occurred_at, event.position, event.ordinal),
    )
    certain, possible, extra, missing = (Counter[str]() for _ in range(4))
    sides: dict[str | None, tuple[str, str]] = defaultdict(lambda: (OUTSIDE, OUTSIDE))
    done = 0
    for at in times:
        while done < len(placing) and placing[done].occurred_at <= at:
            event, done = placing[done], done + 1
            zone = event.zone or OUTSIDE
            if event.topic in passages:
                size = (event.value or 0) * passages[event.topic]
                origin, goal = above[event.from_zone or OUTSIDE], above[zone]
                extra.update({each: size for each in goal - origin})
                missing.update({each: size for each in origin - goal})
                continue
            for (here, perhaps), step in ((sides[event.person], -1), ((zone, event.maybe_zone or zone), 1)):
                certain.update({each: step for each in above[here] & above[perhaps]})
                possible.update({each: step for each in above[here] | above[perhaps]})
            sides[event.person] = (zone, event.maybe_zone or zone)
        yield {
            zone.id: (max(0, certain[zone.id] - missing[zone.id]), possible[zone.id] + extra[zone.id])
            for zone in SITE.zones
        }
