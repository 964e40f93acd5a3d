"""Visits: their steps leave no gap, and a span selects those with a moment in it."""

import pytest

from domain.times import iso
from domain.vocabulary import Basis, Topic
from projections.client import History
from projections.visits import visits
from tests.history_fixture import SITE
from tests.queries.story import NINE, a_visit, at, clock, event, fill


def test_visits_have_their_steps(history: History) -> None:
    """A visit's steps leave no gap; a correction within it is a step; an open one has no end."""
    fill(
        history,
        *a_visit("a", 0, 0, 30),
        event(3, Topic.PRESENCE_CORRECTED, 3, known=31, person="a", zone="yard", basis=Basis.ASSUMED),
        event(4, Topic.PRESENCE_CORRECTED, 30, known=31, person="a", zone="yard", basis=Basis.ASSUMED),
        *a_visit("b", 10, 40, None),
    )
    closed, open_ = visits(history, SITE)
    assert closed == {
        "visit_id": "lab:visit:0",
        "person": "a",
        "started_at": clock(0),
        "ended_at": clock(30),
        "start_basis": "assumed",
        "end_basis": "timeout",
        "steps": [
            {"zone": "lobby", "entered_at": clock(0), "left_at": clock(3), "basis": "assumed"},
            {"zone": "yard", "entered_at": clock(3), "left_at": clock(5), "basis": "assumed"},
            {"zone": "office", "entered_at": clock(5), "left_at": clock(30), "basis": "detected"},
        ],
    }
    assert (open_["ended_at"], open_["end_basis"], open_["steps"][-1]["left_at"]) == (None, None, None)
    assert visits(history, SITE, person="a") == [closed]
    assert visits(history, SITE, person="b") == [open_]
    assert visits(history, SITE, person="nobody") == []


def test_a_step_before_the_visit_s_start_is_its_step(history: History) -> None:
    """A clock that is behind puts a step before the start: it is shown all the same."""
    of_a = {"person": "a", "visit": "lab:visit:0", "basis": Basis.ASSUMED}
    fill(
        history,
        event(0, Topic.VISIT_STARTED, 5, zone="lobby", **of_a),
        event(0, Topic.ZONE_ENTERED, 5, zone="lobby", ordinal=1, **of_a),
        event(1, Topic.ZONE_ENTERED, 3, known=6, zone="office", **of_a),
        event(2, Topic.VISIT_ENDED, 9, zone="office", **of_a),
    )
    (visit,) = visits(history, SITE, person="a")
    assert visits(history, SITE) == [visit]
    assert [(step["zone"], step["entered_at"], step["left_at"]) for step in visit["steps"]] == [
        ("office", clock(3), clock(5)),
        ("lobby", clock(5), clock(9)),
    ]


@pytest.mark.parametrize(
    ("start", "end", "found"),
    [
        (None, None, ["a", "b", "c"]),
        (0, 10, ["a"]),
        (30, 50, ["b", "c"]),
        (29, 50, ["a", "b", "c"]),
        (50, None, ["c"]),
        (40, 41, ["b", "c"]),
        (None, 40, ["a"]),
    ],
)
def test_visits_overlap_a_span(
    history: History, start: float | None, end: float | None, found: list[str]
) -> None:
    """Visits are those with a moment in [from, to), also one whose start is its end."""
    fill(history, *a_visit("a", 0, 0, 30), *a_visit("b", 10, 40, 40), *a_visit("c", 20, 40, None))
    from_us, to_us = (None if minutes is None else at(minutes) for minutes in (start, end))
    assert [visit["person"] for visit in visits(history, SITE, from_us=from_us, to_us=to_us)] == found


def test_visits_that_one_opening_began_stand_in_the_order_of_the_log(history: History) -> None:
    """They have one start and one position: the same question has the same answer, each time."""
    people = [f"p{number}" for number in range(50)]
    started = [event(0, Topic.VISIT_STARTED, 0, person=who, visit=f"lab:visit:0:{who}") for who in people]
    fill(history, *started)
    assert [visit["person"] for visit in visits(history, SITE)] == people


def test_times_carry_the_sites_offset() -> None:
    """Answers give local time with its offset, summer and winter, and survive an absurd clock."""
    assert iso(NINE, SITE.zone_info) == "2023-11-14T09:00:00+02:00"
    assert iso(1_690_000_000_000_001, SITE.zone_info) == "2023-07-22T07:26:40.000001+03:00"
    assert iso(2**62, SITE.zone_info).startswith("9999-12-31")
