"""No loop writes past the rows that were reserved for it."""

from collections.abc import Sequence
from pathlib import Path

from domain.signal import Signal
from tests.decision_digests import decided_elsewhere
from tests.rule_scenarios.story import POLICY, Scenario, at, grant, place, tick
from tests.signal_strategies import drawn_worlds


def settle_anew(people: int) -> Scenario:
    """Return a story of people who are gone at once, each to be settled hours later."""
    presence = {"detect_within_seconds": 10, "absence_minutes": 30, "timeout_hours": 16}
    return Scenario(
        "all of them leave in the span that has begun, and wait anew",
        "5.6 5.7",
        [*(grant(f"p{number}", "gate", at(40) + number) for number in range(people)), tick(at(80))],
        [("site.left", {"basis": "inferred"})] * people,
        only=("site.left",),
        policy=POLICY | {"presence": presence},
    )


def many_causes(entries: int) -> Scenario:
    """Return a story in which one entry makes a rapid re-entry of many causes, and a zone too full."""
    ways = [("reader", "gate")[number % 2] for number in range(2 * entries - 1)]
    rules = {
        "rapid_reentry": {"parameters": {"entries": entries, "within_minutes": 1440}},
        "density": {"parameters": {"limit": 1, "clear_percent": 100}},
    }
    return Scenario(
        "a crossing with all its causes, then a level",
        "10.2 10.3",
        [
            place("bob", "hall", at(-2)),
            place("ann", "lobby", at(-1)),
            *(grant("ann", way, at(0) + number) for number, way in enumerate(ways)),
        ],
        [],
        policy={"rules": rules},
    )


def test_no_row_is_written_that_was_not_reserved(tmp_path: Path) -> None:
    """With no row to spare, drawn worlds and the stories that need most are decided without an error."""
    stories = [settle_anew(10), many_causes(40)]
    logs: list[Sequence[Signal]] = [*(story.log() for story in stories for _ in range(3)), *drawn_worlds(40)]
    decided = decided_elsewhere("tests.exact_rooms", logs, tmp_path, jit=False)
    assert decided == [str(len(log)) for log in logs]
