"""What a person writes has bounds, so that no document can stop a site for good (rules 12.2)."""

from collections.abc import Iterator
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detectors.registry import DETECTORS
from domain.policy import Policy
from domain.site import DEEPEST, Site
from domain.vocabulary import Topic
from streams.engine import Engine
from tests.rule_scenarios.story import HOUSE, SITE_ID, at, grant, load, place, rule, tick

NUMBERS: Final = st.one_of(
    st.sampled_from([0, 1, 0.1, 1_000, 100_000, 1_000_000, 100_000_000, 1_000_000_000, 10**12, 1e20, 1e308]),
    st.sampled_from([float("inf"), float("nan"), -1, 2**63, 10**40]),
)


def _unbounded(schema: Any, at: str = "") -> Iterator[str]:
    """Yield where a number without a bound stands in a JSON schema."""
    if isinstance(schema, dict):
        if schema.get("type") in ("number", "integer"):
            upper = schema.keys() & {"maximum", "exclusiveMaximum"}
            lower = schema.keys() & {"minimum", "exclusiveMinimum"}
            if not (upper and lower):
                yield at
        for name, inner in schema.items():
            yield from _unbounded(inner, f"{at}/{name}")
    elif isinstance(schema, list):
        for place, inner in enumerate(schema):
            yield from _unbounded(inner, f"{at}/{place}")


@pytest.mark.parametrize(
    "model",
    [Site, Policy, *(detector.Parameters for detector in DETECTORS.values())],
    ids=lambda one: one.__name__,
)
def test_every_number_has_a_bound(model: Any) -> None:
    """Site, policy and the parameters of every detector hold no number without a least and a greatest."""
    assert list(_unbounded(model.model_json_schema())) == []


@given(st.data())
def test_no_number_stops_a_site(data: st.DataObject) -> None:
    """Whatever numbers documents hold, they are applied or rejected, and the site goes on."""
    number = lambda: data.draw(NUMBERS)  # noqa: E731 - short, for it stands everywhere
    policy = {
        "presence": {
            "absence_minutes": number(),
            "timeout_hours": number(),
            "detect_within_seconds": number(),
        },
        "doors": {"held_open_seconds": number(), "exit_request_seconds": number()},
        "devices": {"clock_offset_limit_ms": number()},
        "rules": {
            "density": {"parameters": {"limit": number(), "limit_per_m2": number()}},
            "door_forced": {"cool_down_seconds": number()},
        },
    }
    given_part = data.draw(st.sampled_from(["presence", "doors", "devices", "rules"]))
    site = HOUSE | {
        "zones": [zone | {"area_m2": number()} for zone in HOUSE["zones"]],
        "devices": [{"id": "reader", "silent_after_minutes": number()}],
    }
    log = [
        load("site", HOUSE, at(0)),
        load("policy", {given_part: policy[given_part]}, at(0)),
        load("site", site, at(1)),
        load("policy", policy, at(1)),
        grant("ann", "gate", at(2)),
        grant("ann", "reader", at(3)),
        tick(at(60)),
    ]
    engine = Engine(SITE_ID)
    topics = [event.topic for event in engine.decide(log)]
    applied = {Topic.SITE_APPLIED, Topic.POLICY_APPLIED, Topic.CONTROL_REJECTED}
    assert sum(topic in applied for topic in topics) == 4
    assert Topic.VISIT_STARTED in topics


def test_zones_are_not_nested_without_end() -> None:
    """A site whose zones lie deeper than detectors can tell is rejected; at the limit it works."""
    for depth, topic in ((DEEPEST, Topic.SITE_APPLIED), (DEEPEST + 1, Topic.CONTROL_REJECTED)):
        zones = [{"id": f"z{n}", "parent": f"z{n - 1}" if n else None} for n in range(depth)]
        points = [{"id": "gate", "to_zone": f"z{depth - 1}", "from_zone": "outside"}]
        engine = Engine(SITE_ID)
        (event,) = engine.decide([load("site", HOUSE | {"zones": zones, "points": points}, at(0))])
        assert event.topic is topic
        if topic is Topic.SITE_APPLIED:
            policy = rule("anti_passback", zones=["z0"])
            log = [load("policy", policy, at(0)), grant("ann", "gate", at(1)), grant("ann", "gate", at(2))]
            assert Topic.ALERT_RAISED in [event.topic for event in engine.decide(log)]


def test_more_departments_than_a_row_can_name_are_rejected() -> None:
    """The directory that goes beyond the number of groups is rejected, and those before it stay."""
    engine = Engine(SITE_ID)
    for first, topic in ((0, Topic.DIRECTORY_APPLIED), (32_766, Topic.CONTROL_REJECTED)):
        persons = [{"id": f"p{n}", "department": f"d{n}"} for n in range(first, first + 32_766)]
        (event,) = engine.decide([load("directory", {"persons": persons}, at(0))])
        assert event.topic is topic


def test_more_limits_than_sixteen_bits_count_are_applied() -> None:
    """Every room may have a limit of its own, by its area, however many there are."""
    rooms = [{"id": f"room{number}", "area_m2": number + 1.0} for number in range(2**15 + 1)]
    last = {"id": "gate", "to_zone": rooms[-1]["id"]}
    policy = {"rules": {"density": {"parameters": {"limit_per_m2": 1}}}}
    engine = Engine(SITE_ID)
    events = engine.decide(
        [
            load("site", HOUSE | {"zones": rooms, "points": [last], "devices": []}, at(0)),
            load("policy", policy, at(0)),
            grant("ann", "gate", at(1)),
        ]
    )
    told = [event.topic for event in events]
    assert told[:2] == [Topic.SITE_APPLIED, Topic.POLICY_APPLIED] and Topic.ZONE_ENTERED in told


@pytest.mark.parametrize("moment", [-(2**62), -62_000_000_000_000_000, 2**61])
def test_an_order_at_any_time_is_decided(moment: int) -> None:
    """Placing somebody long before calendars begin, or after they end, stops nothing."""
    hours = {"calendars": {"day": {"hours": {"monday": ["07:00-19:00"]}}}}
    policy = rule("after_hours", calendar="day") | hours
    log = [load("site", HOUSE, at(0)), load("policy", policy, at(0)), place("ann", "hall", moment)]
    events = Engine(SITE_ID).decide(log)
    assert Topic.ENTRY_AFTER_HOURS in [event.topic for event in events]


def test_the_seventieth_override_counts() -> None:
    """Of any number of overrides each holds where it fits, the last one too."""
    overrides = [{"zones": ["lab"], "set": {"limit": 100 + number}} for number in range(70)]
    overrides.append({"zones": ["hall"], "departments": ["none"], "set": {"limit": 1}})
    log = [
        load("site", HOUSE, at(0)),
        load("policy", rule("density", limit=9, overrides=overrides), at(0)),
        place("ann", "hall", at(1)),
        place("bob", "hall", at(2)),
    ]
    (told,) = [event for event in Engine(SITE_ID).decide(log) if event.topic is Topic.DENSITY_EXCEEDED]
    assert (told.zone, told.limit) == ("hall", 1)
