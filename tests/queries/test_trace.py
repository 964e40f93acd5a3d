"""The trace of a person or a card: whose a reading is, by the directory in force when it was decided."""

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from domain.directory import Directory
from domain.signal import signal_id
from domain.vocabulary import Topic
from projections.client import History
from projections.trace import trace
from tests.history_fixture import SITE
from tests.queries.story import a_visit, at, card, clock, directory, event, fill, loaded, signal


def holding(person: str, *hashes: str, **validity: Any) -> dict[str, Any]:
    """Return a person of a directory with these credentials."""
    return {"id": person, "credentials": [{"format": "card", "hash": value, **validity} for value in hashes]}


def positions(entries: list[dict[str, Any]]) -> list[tuple[str, int]]:
    """Return what each entry of a trace is, and where it stands."""
    return [(entry["kind"], entry["position"]) for entry in entries]


def test_a_trace_follows_a_card_from_hand_to_hand(history: History) -> None:
    """A reading belongs to who held the card by the directory in force when it was decided."""
    fill(
        history,
        card(0, 0, "k1"),
        directory(1, 1, [holding("ann", "k1", "k2"), holding("bob", "k3")]),
        card(2, 2, "k1"),
        card(3, 3, "k3"),
        directory(4, 4, [holding("bob", "k1"), holding("ann", "k2")]),
        card(5, 5, "k1"),
        card(6, 6, "k2"),
        directory(7, 7, [holding("bob", "k3")], replace=True),
        card(8, 8, "k1"),
        card(9, 9, "k2"),
        signal(10, 10, person="ann"),
    )
    assert positions(trace(history, SITE, person="ann")) == [("signal", 2), ("signal", 6), ("signal", 10)]
    assert positions(trace(history, SITE, person="bob")) == [("signal", 3), ("signal", 5)]
    assert positions(trace(history, SITE, person="unknown:k1")) == [("signal", 0), ("signal", 8)]
    assert positions(trace(history, SITE, credential="k1")) == [("signal", n) for n in (0, 2, 5, 8)]


HANDED_OVER = datetime(2023, 11, 14, 9, 10, tzinfo=SITE.zone_info)


@pytest.mark.parametrize(
    "handed_over",
    ["2023-11-14T09:10:00", "2023-11-14 09:10", HANDED_OVER.isoformat(), HANDED_OVER.timestamp(),
     round(HANDED_OVER.timestamp()), str(round(HANDED_OVER.timestamp() * 1_000))],
)  # fmt: skip
def test_a_trace_knows_validity_and_rejected_directories(history: History, handed_over: Any) -> None:
    """The holder whose validity fits counts, however a time is written; rejected directories do not."""
    Directory.model_validate({"persons": [holding("ann", "k", valid_until=handed_over)]})
    fill(
        history,
        directory(
            0,
            0,
            [
                holding("ann", "k", valid_until=handed_over),
                holding("bob", "k", valid_from=handed_over),
            ],
        ),
        card(1, 9, "k"),
        card(2, 10, "k"),
        directory(3, 11, [holding("eve", "k")], replace=True),
        event(3, Topic.CONTROL_REJECTED, 11),
        card(4, 12, "k"),
    )
    assert positions(trace(history, SITE, person="ann")) == [("signal", 1)]
    assert positions(trace(history, SITE, person="bob")) == [("signal", 2), ("signal", 4)]
    assert trace(history, SITE, person="eve") == []


def test_a_validity_is_read_in_the_time_zone_the_site_had_then(history: History) -> None:
    """As it was decided: a site that is said to lie elsewhere by now moves no card from hand to hand."""
    tokyo, berlin = ZoneInfo("Asia/Tokyo"), ZoneInfo("Europe/Berlin")
    handed_over = datetime.fromtimestamp(at(5) / 1e6, tokyo).replace(tzinfo=None).isoformat()
    holders = [holding("ann", "k", valid_until=handed_over), holding("bob", "k", valid_from=handed_over)]
    fill(
        history,
        loaded(0, 0, "site", {"time_zone": tokyo.key}),
        event(0, Topic.SITE_APPLIED, 0),
        loaded(1, 1, "site", {"time_zone": berlin.key}),
        event(1, Topic.CONTROL_REJECTED, 1),
        directory(2, 2, holders),
        card(3, 3, "k"),
        card(4, 6, "k"),
        loaded(5, 7, "site", {"time_zone": berlin.key}),
        event(5, Topic.SITE_APPLIED, 7),
        card(6, 8, "k"),
    )
    assert positions(trace(history, SITE, person="ann")) == [("signal", 3)]
    assert positions(trace(history, SITE, person="bob")) == [("signal", 4), ("signal", 6)]


def test_of_two_who_begin_together_the_first_by_id_holds_a_card(history: History) -> None:
    """Who was listed first, or was seen before, does not count."""
    both = directory(1, 1, [holding("zed", "k"), holding("amy", "k")])
    fill(history, signal(0, 0, person="zed"), both, card(2, 2, "k"))
    assert positions(trace(history, SITE, person="zed")) == [("signal", 0)]
    assert positions(trace(history, SITE, person="amy")) == [("signal", 2)]


def test_a_trace_knows_when_persons_come_and_go(history: History) -> None:
    """Nobody holds a card before they come or after they are gone, whatever is said of the card."""
    gone = holding("ann", "k", "m", valid_from="2023-11-14T09:01:00") | {"valid_until": "2023-11-14T07:10Z"}
    new = holding("bob", "k") | {"valid_from": "2023-11-14T09:05:00"}
    fill(history, directory(0, 0, [new, gone]), *(card(n, n, "k") for n in (1, 4, 5, 10)), card(0, 0.5, "k"))
    assert [int(row["occurred_at"][14:16]) for row in trace(history, SITE, person="ann")] == [0, 1, 4]
    assert [int(row["occurred_at"][14:16]) for row in trace(history, SITE, person="bob")] == [5, 10]


def test_a_trace_has_events_in_order_of_time(history: History) -> None:
    """Signals and events stand in order of time, then of the log, within [from, to)."""
    fill(
        history,
        directory(0, 0, [holding("ann", "k")]),
        card(1, 1, "k"),
        *[
            msgspec.structs.replace(item, position=1, id=f"lab:1:{n}")
            for n, item in enumerate(a_visit("ann", 1, 1, None)[:2])
        ],
        event(2, Topic.SITE_LEFT, 1, known=200, person="ann", causes=(1,)),
        signal(2, 5, person="bob"),
        event(
            3,
            Topic.ALERT_RAISED,
            7,
            credential="k",
            alert="lab:denied_streak:3:credential.k",
            rule="denied_streak",
        ),
    )
    found = trace(history, SITE, person="ann")
    assert positions(found) == [("signal", 1), ("event", 1), ("event", 1), ("event", 2)]
    assert found[0] == {
        "kind": "signal", "position": 1, "id": signal_id("1"), "occurred_at": clock(1),
        "received_at": clock(1), "device": "reader", "point": "front", "category": "credential",
        "action": "granted", "reason": "none", "direction": "unknown", "delivery": "live", "credential": "k",
    }  # fmt: skip
    assert (found[3]["topic"], found[3]["known_at"], found[3]["causes"]) == ("site.left", clock(200), [1])
    assert positions(trace(history, SITE, credential="k")) == [*positions(found), ("event", 3)]
    assert trace(history, SITE, person="ann", from_us=at(2)) == []
    assert trace(history, SITE, person="ann", to_us=at(1)) == []
    with pytest.raises(ValueError, match="one of them"):
        trace(history, SITE)


def test_a_cards_trace_has_the_alerts_that_rest_on_it(history: History) -> None:
    """A door refuses card after card: its alert names none of them, and is told of each."""
    refused = {"rule": "denied_streak", "alert": "lab:denied_streak:point.front:1", "point": "front"}
    fill(
        history,
        card(0, 0, "k"),
        card(1, 1, "m"),
        card(2, 2, "n"),
        event(1, Topic.ALERT_RAISED, 1, causes=(0, 1), **refused),
        event(2, Topic.ALERT_JOINED, 2, causes=(2,), **refused),
    )
    assert positions(trace(history, SITE, credential="k")) == [("signal", 0), ("event", 1)]
    assert positions(trace(history, SITE, credential="m")) == [("signal", 1), ("event", 1)]
    assert positions(trace(history, SITE, credential="n")) == [("signal", 2), ("event", 2)]
    assert trace(history, SITE, credential="o") == []
