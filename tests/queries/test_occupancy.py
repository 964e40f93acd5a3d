"""Who is where at T, as known at K: counts, bounds, and the sums of zones that hold others."""

from typing import Any

from domain.vocabulary import Topic
from projections.client import History
from projections.occupancy import occupancy_at
from tests.history_fixture import SITE
from tests.queries.story import at, clock, event, fill


def counted(history: History, minutes: float, known: float | None = None) -> dict[str, tuple[int, int, int]]:
    """Return (count, low, high) of each zone, and the total as that of `*`."""
    answer = occupancy_at(history, SITE, at(minutes), None if known is None else at(known))
    zones = {row["zone"]: (row["count"], row["low"], row["high"]) for row in answer["zones"]}
    return zones | {"*": (answer["total"],) * 3}


def test_occupancy_follows_moves_and_rolls_up(history: History) -> None:
    """Each zone counts those inside it and its rooms; a maybe zone widens the bounds."""
    fill(
        history,
        event(0, Topic.ZONE_ENTERED, 0, person="a", zone="lobby", maybe_zone="outside"),
        event(1, Topic.ZONE_ENTERED, 1, person="a", zone="office", from_zone="lobby", maybe_zone="lobby"),
        event(2, Topic.ZONE_ENTERED, 2, person="b", zone="yard"),
        event(3, Topic.SITE_LEFT, 3, person="a", from_zone="office", maybe_zone="office"),
        event(4, Topic.PRESENCE_SETTLED, 5, person="a"),
    )
    nobody = (0, 0, 0)
    assert counted(history, -1) == {
        "house": nobody,
        "lobby": nobody,
        "office": nobody,
        "yard": nobody,
        "*": nobody,
    }
    assert counted(history, 0)["house"] == (1, 0, 1)
    assert counted(history, 1) == {
        "house": (1, 1, 1), "lobby": (0, 0, 1), "office": (1, 0, 1), "yard": nobody, "*": (1, 1, 1),
    }  # fmt: skip
    assert counted(history, 3)["office"] == counted(history, 3)["house"] == (0, 0, 1)
    assert counted(history, 3)["*"] == (1, 1, 1)
    assert counted(history, 5)["office"] == nobody
    answer = occupancy_at(history, SITE, at(5))
    assert list(answer) == ["at", "zones", "total"]
    assert answer["at"] == clock(5)
    assert [row["zone"] for row in answer["zones"]] == ["house", "lobby", "office", "yard"]


def test_occupancy_as_known_then_and_now(history: History) -> None:
    """A late reading changes what is known now of the past, not what was known then."""
    fill(
        history,
        event(0, Topic.ZONE_ENTERED, 0, person="a", zone="lobby"),
        event(1, Topic.ZONE_ENTERED, 0, person="a", zone="yard"),
        event(5, Topic.PRESENCE_CORRECTED, 10, known=30, person="a", zone="office", maybe_zone="lobby"),
        event(6, Topic.SITE_LEFT, 20, known=40, person="a"),
    )
    assert counted(history, 5)["yard"] == (1, 1, 1)
    assert counted(history, 15)["office"] == (1, 0, 1)
    assert counted(history, 15, known=29)["yard"] == (1, 1, 1)
    assert counted(history, 15, known=30)["office"] == (1, 0, 1)
    assert counted(history, 25, known=39)["office"] == (1, 0, 1)
    assert counted(history, 25)["*"] == (0, 0, 0)


def test_unregistered_passages_widen_occupancy_until_settled(history: History) -> None:
    """They raise the high of where they lead and lower the low of where they come from, till settled."""
    passage: dict[str, Any] = {"from_zone": "lobby", "zone": "office", "value": 2}
    fill(
        history,
        event(0, Topic.ZONE_ENTERED, 0, person="a", zone="lobby"),
        event(1, Topic.PASSAGE_UNREGISTERED, 10, **passage),
        event(2, Topic.PASSAGE_UNREGISTERED, 11, zone="yard", value=1),
        event(3, Topic.PASSAGE_SETTLED, 60, known=61, **passage),
    )
    assert counted(history, 9)["office"] == (0, 0, 0)
    assert counted(history, 20)["office"] == (0, 0, 2)
    assert counted(history, 20)["lobby"] == (1, 0, 1)
    assert counted(history, 20)["house"] == (1, 1, 1)
    assert counted(history, 20)["yard"] == (0, 0, 1)
    assert counted(history, 60)["office"] == (0, 0, 0)
    assert counted(history, 60, known=60)["office"] == (0, 0, 2)
