"""The slow model against stories worked out by hand, and against what must hold in any world."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given

from domain.event import Event
from domain.signal import Signal
from domain.vocabulary import OUTSIDE, Topic
from tests.rule_scenarios import SCENARIOS, SITE_ID, Scenario
from tests.rule_scenarios.story import at, grant, place, says, tick
from tests.signal_strategies import SITE_ID as WORLD_ID
from tests.signal_strategies import Log, worlds
from tests.slow_model import SlowModel, occupancy_at, places_at

_PARENTS = {"house": None, "lobby": "house", "hall": "house", "lab": "hall", "yard": None}


def decided(model: SlowModel, signals: Sequence[Signal]) -> list[Event]:
    """Return what the model decides of a log, from its beginning."""
    return [event for place, signal in enumerate(signals) for event in model.decide(place, signal)]


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_scenario(scenario: Scenario) -> None:
    """The model decides in every story what the rules say."""
    model = SlowModel(SITE_ID)
    events = decided(model, scenario.log())
    assert not scenario.differences(events)
    occupancy = model.occupancy()
    assert {zone: occupancy[zone] for zone in scenario.occupancy} == scenario.occupancy


def test_scenarios_cover_every_rule() -> None:
    """Every rule that decides something is told of in some story."""
    told = {number for scenario in SCENARIOS for number in scenario.rules.split()}
    sections = {1: 5, 3: 4, 4: 3, 5: 10, 6: 4, 7: 3, 9: 4, 10: 7, 11: 4, 12: 2}
    every = {f"{section}.{rule}" for section, last in sections.items() for rule in range(1, last + 1)}
    told |= {number.rstrip("abcde") for number in told}
    # 1.1 is true of any log, and 5.1 of any place.
    assert every - told == {"1.1", "5.1"}
    assert len({scenario.name for scenario in SCENARIOS}) == len(SCENARIOS)


def test_a_wrong_expectation_is_told() -> None:
    """A story that is not what happens is found out, by topic and by field."""
    story = [grant("ann", "gate", at(0))]
    missing = Scenario("missing", "", story, [("visit.started", {})])
    other = Scenario("other", "", story, [("visit.started", {"zone": "hall"}), ("zone.entered", {})])
    for scenario in (missing, other):
        assert scenario.differences(decided(SlowModel(SITE_ID), scenario.log()))


def test_rejections_say_why() -> None:
    """Whatever control signal is rejected, its event gives a reason."""
    for scenario in SCENARIOS:
        for event in decided(SlowModel(SITE_ID), scenario.log()):
            if event.topic == Topic.CONTROL_REJECTED:
                assert event.detail is not None
                assert event.detail["reason"]


def test_history_knows_what_was_known() -> None:
    """A late entry is seen by those who ask now, not by those who ask as known before it came (8.1)."""
    story = Scenario(
        "late",
        "8.1",
        [
            place("bob", "hall", at(0)),
            says("activated", at(10)),
            grant("ann", "gate", at(5)),
            says("counted", at(20), "door", interval=1),
            tick(at(20 + 960)),
        ],
        [],
    )
    events = decided(SlowModel(SITE_ID), story.log())
    assert places_at(events, at(7), at(9)) == {"bob": ("hall", "hall")}
    assert places_at(events, at(7), at(10)) == {"bob": ("hall", "hall"), "ann": ("lobby", OUTSIDE)}
    # By now both have left, at their last readings; at(7) was too early to be sure.
    assert places_at(events, at(7)) == {"bob": (OUTSIDE, "hall"), "ann": (OUTSIDE, "lobby")}
    assert places_at(events, at(4)) == {"bob": (OUTSIDE, "hall")}
    # The passage is slack from its count until it is settled.
    assert occupancy_at(events, _PARENTS, at(7), at(10))["house"] == (2, 1, 2)
    assert occupancy_at(events, _PARENTS, at(20), at(20))["hall"] == (1, 1, 2)
    assert occupancy_at(events, _PARENTS, at(19), at(20))["hall"] == (1, 1, 1)
    assert occupancy_at(events, _PARENTS, at(20 + 960))["hall"] == (0, 0, 0)


@given(worlds(wild_sites=True))
def test_any_world_is_decided(signals: Log) -> None:
    """Ids, ordinals and causes are well formed, no event is known before its time, and counts are bounded."""
    model = SlowModel(WORLD_ID)
    now = 0
    assert len({signal.id for signal in signals}) == len(signals)
    for position, signal in enumerate(signals):
        now = max(now, min(signal.time.occurred_at, signal.time.received_at))
        for ordinal, event in enumerate(model.decide(position, signal)):
            assert (event.id, event.ordinal) == (f"{WORLD_ID}:{position}:{ordinal}", ordinal)
            assert event.known_at <= now
            assert event.causes and max(event.causes) <= position
            assert msgspec.json.decode(msgspec.json.encode(event), type=Event) == event
        occupancy = model.occupancy()
        assert all(0 <= low <= count <= high for count, low, high in occupancy.values())
        assert occupancy[""][0] == model.total


@given(worlds(wild_sites=True))
def test_events_alone_tell_where_everybody_is(signals: Log) -> None:
    """Following the presence events in log order leads to the model's own places and open visits."""
    model = SlowModel(WORLD_ID)
    places: dict[str, tuple[str, str]] = {}
    visits: dict[str, str] = {}
    for event in decided(model, signals):
        if event.person is None:
            continue
        match event.topic:
            case Topic.ZONE_ENTERED | Topic.SITE_LEFT | Topic.PRESENCE_SETTLED:
                zone = event.zone or OUTSIDE
                places[event.person] = (zone, event.maybe_zone or zone)
            case Topic.VISIT_STARTED:
                assert event.person not in visits and event.visit is not None
                visits[event.person] = event.visit
            case Topic.VISIT_ENDED:
                assert visits.pop(event.person) == event.visit
    assert {person: model.person_place(person) for person in places} == places
    assert set(visits) == {person for person, (zone, _) in places.items() if zone != OUTSIDE}


@given(worlds())
def test_every_alert_event_refers_to_a_raised_alert(signals: Log) -> None:
    """What joins or clears an alert names one that was raised before, by the same rule (11.2, 11.4)."""
    raised: dict[str | None, str | None] = {}
    for event in decided(SlowModel(WORLD_ID), signals):
        if event.topic == Topic.ALERT_RAISED:
            raised[event.alert] = event.rule
        elif event.topic in (Topic.ALERT_JOINED, Topic.ALERT_CLEARED):
            assert raised[event.alert] == event.rule
