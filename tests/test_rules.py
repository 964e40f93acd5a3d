"""Every scenario of the rules, decided by the engine, whole and one signal at a time."""

import pytest

from streams.engine import Engine
from tests.rule_scenarios import SCENARIOS, SITE_ID, Scenario


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_engine_decides_as_the_rule_says(scenario: Scenario) -> None:
    """The engine's events and counts are those the scenario derives by hand from its rule."""
    whole, single = Engine(SITE_ID), Engine(SITE_ID)
    assert scenario.differences(whole.decide(scenario.log())) == []
    assert (
        scenario.differences([event for signal in scenario.log() for event in single.decide([signal])]) == []
    )
    occupancy = whole.occupancy()
    assert {zone: occupancy[zone] for zone in scenario.occupancy} == scenario.occupancy
