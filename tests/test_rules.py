"""Every scenario of the rules, decided by the engine, whole and one signal at a time."""

import pytest

from streams.engine import Engine
from tests.rule_scenarios import SCENARIOS, SITE_ID


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_the_engine_decides_as_the_rule_says(scenario) -> None:  # type: ignore[no-untyped-def]
    """The engine's events are those the scenario derives by hand from its rule."""
    engine = Engine(SITE_ID)
    assert scenario.differences(engine.decide(scenario.log())) == []
