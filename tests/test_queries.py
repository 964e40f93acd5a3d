"""What the history answers, on the real engine: rows in, answers out."""

from datetime import datetime
from typing import Any

import msgspec
import pytest

from domain.directory import Directory
from domain.event import Event
from domain.signal import Credential, Signal, Time, signal_id
from domain.times import iso
from domain.vocabulary import Action, Basis, Category, Severity, Topic
from projections.alerts import alerts
from projections.client import History
from projections.errors import HistoryIncomplete, QueryRefused, QueryTooLarge
from projections.occupancy import occupancy_at
from projections.replay import replay_batches
from projections.sink import Sink
from projections.sql import sql
from projections.trace import trace
from projections.verify import done, verify
from projections.visits import visits
from tests.history_fixture import SITE, Entry, ListLog, history

__all__ = ["history"]

NINE = 1_699_945_200_000_000
"""2023-11-14 09:00 in Athens."""
MINUTE = 60_000_000


def at(minutes: float) -> int:
    """Return UTC microseconds so many minutes after nine."""
    return NINE + int(minutes * MINUTE)


def clock(minutes: float) -> str:
    """Return the same as an answer writes it."""
    return f"2023-11-14T{9 + int(minutes) // 60:02}:{int(minutes) % 60:02}:00+02:00"


def signal(position: int, minutes: float, **fields: Any) -> Signal:
    """Return a granted reading, or what `fields` make of it."""
    plain = Signal(
        id=signal_id(str(position)),
        site="lab",
        device="reader",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(at(minutes), at(minutes)),
        point="front",
    )
    return msgspec.structs.replace(plain, **fields)


def event(position: int, topic: Topic, minutes: float, *, known: float | None = None, **fields: Any) -> Event:
    """Return an event decided by the signal at `position`, known when it happened unless said otherwise."""
    plain = Event(
        id=f"lab:{position}:{fields.get('ordinal', 0)}",
        site="lab",
        topic=topic,
        position=position,
        ordinal=0,
        occurred_at=at(minutes),
        known_at=at(minutes if known is None else known),
        causes=(position,),
    )
    return msgspec.structs.replace(plain, **fields)


def fill(history: History, *items: Signal | Event) -> ListLog:
    """Put signals and events into the history through the sink; return the log."""
    log = ListLog()
    log.add(*items)
    Sink(history, log, 0).catch_up()
    return log


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


def a_visit(person: str, first: int, start: float, end: float | None) -> list[Event]:
    """Return a visit through the lobby into the office, its events at positions from `first`."""
    visit: dict[str, Any] = {"visit": f"lab:visit:{first}", "person": person}
    items = [
        event(first, Topic.VISIT_STARTED, start, zone="lobby", basis=Basis.ASSUMED, **visit),
        event(first, Topic.ZONE_ENTERED, start, ordinal=1, zone="lobby", basis=Basis.ASSUMED, **visit),
        event(first + 1, Topic.ZONE_ENTERED, start + 5, zone="office", basis=Basis.DETECTED, **visit),
    ]
    if end is not None:
        items.append(event(first + 2, Topic.SITE_LEFT, end, basis=Basis.TIMEOUT, **visit))
        items.append(
            event(first + 2, Topic.VISIT_ENDED, end, ordinal=1, zone="office", basis=Basis.TIMEOUT, **visit)
        )
    return items


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


def directory(
    position: int, minutes: float, persons: list[dict[str, Any]], *, replace: bool = False
) -> Signal:
    """Return the control signal that loads a directory."""
    data = {"kind": "directory", "document": {"persons": persons}, "replace": replace}
    return signal(
        position,
        minutes,
        device="control",
        point=None,
        category=Category.CONTROL,
        action=Action.LOADED,
        data=data,
    )


def holding(person: str, *hashes: str, **validity: Any) -> dict[str, Any]:
    """Return a person of a directory with these credentials."""
    return {"id": person, "credentials": [{"format": "card", "hash": value, **validity} for value in hashes]}


def card(position: int, minutes: float, value: str) -> Signal:
    """Return a reading of a card that names no person."""
    return signal(position, minutes, credential=Credential("card", value))


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


def test_alerts_have_their_evidence(history: History) -> None:
    """An alert's evidence is what raised and joined it, as ids; it is open until cleared."""
    crowd: dict[str, Any] = {"rule": "density", "alert": "lab:density:2:office", "zone": "office"}
    late: dict[str, Any] = {"rule": "after_hours", "alert": "lab:after_hours:0:a", "person": "a"}
    fill(
        history,
        *(signal(position, position) for position in range(5)),
        event(0, Topic.ALERT_RAISED, 0, severity=Severity.WARNING, zone="lobby", point="front", **late),
        event(1, Topic.ALERT_JOINED, 1, zone="office", causes=(0, 1), **late),
        event(2, Topic.ALERT_RAISED, 2, severity=Severity.CRITICAL, causes=(3, 2), **crowd),
        event(4, Topic.ALERT_CLEARED, 4, **crowd),
    )
    first, second = alerts(history, SITE)
    assert first == {
        "alert_id": "lab:after_hours:0:a", "rule": "after_hours", "severity": "warning", "person": "a",
        "zone": "lobby", "point": "front", "occurred_at": clock(0), "status": "open",
        "evidence": [signal_id("0"), signal_id("1")],
        "case": None,
    }  # fmt: skip
    assert (second["status"], second["severity"], second["person"]) == ("cleared", "critical", None)
    assert second["evidence"] == [signal_id("3"), signal_id("2")]
    assert alerts(history, SITE, rule="density") == alerts(history, SITE, zone="office") == [second]
    assert alerts(history, SITE, person="a") == alerts(history, SITE, to_us=at(2)) == [first]
    assert alerts(history, SITE, from_us=at(2)) == [second]


def test_alerts_of_a_zone_are_those_within_it(history: History) -> None:
    """Whoever asks for a house is told of its rooms and nothing beside it; one that is gone has its own."""
    fill(
        history,
        *(
            event(place, Topic.ALERT_RAISED, place, rule="density", alert=f"lab:density:{zone}", zone=zone)
            for place, zone in enumerate(("lobby", "office", "yard", "house", "shed"))
        ),
        event(5, Topic.ALERT_RAISED, 5, rule="door_forced", alert="lab:door_forced:front", point="front"),
    )

    def zones(zone: str | None) -> list[str | None]:
        return [alert["zone"] for alert in alerts(history, SITE, zone=zone)]

    assert zones("house") == ["lobby", "office", "house"]
    assert (zones("office"), zones("shed"), zones("cellar")) == (["office"], ["shed"], [])
    assert zones(None) == ["lobby", "office", "yard", "house", "shed", None]


def test_a_finding_that_joins_a_cleared_alert_opens_it_again(history: History) -> None:
    """Whether an alert stands is what its newest event says (rule 11.3), in the view for everybody, too."""
    held: dict[str, Any] = {"rule": "door_held", "alert": "lab:door_held:front:1", "point": "front"}
    topics = [Topic.ALERT_RAISED, Topic.ALERT_CLEARED, Topic.ALERT_JOINED, Topic.ALERT_CLEARED]
    log, found = ListLog(), []
    for place, topic in enumerate(topics):
        log.add(event(place, topic, place, **held))
        Sink(history, log, 0).catch_up()
        [told] = sql(history, "SELECT joined, cleared_at FROM pub.alerts")
        [alert] = alerts(history, SITE)
        found.append((alert["status"], told["cleared_at"], told["joined"]))
    assert found == [
        ("open", None, 0),
        ("cleared", "2023-11-14T07:01:00.000000Z", 0),
        ("open", None, 1),
        ("cleared", "2023-11-14T07:03:00.000000Z", 1),
    ]


def test_verify_finds_what_is_wrong(history: History) -> None:
    """Missing, extra and doubled rows, gaps and another id are each found, in the derived tables too."""
    log = fill(history, *(signal(n, n) for n in range(6)), *a_visit("a", 0, 0, 30))
    heads = {"signals_head": 6, "events_head": 5}
    assert verify(history, log, 0, **heads)["ok"]
    log.signals[1] = Entry(1, "other", log.signals[1].wire)
    history.run("ALTER TABLE signals DELETE WHERE offset IN (2, 3) SETTINGS mutations_sync = 1")
    history.run("INSERT INTO signals SELECT * REPLACE (9 AS offset) FROM signals LIMIT 1")
    history.run("INSERT INTO events SELECT * FROM events WHERE offset = 0")
    history.run("ALTER TABLE moves DELETE WHERE offset = 1 SETTINGS mutations_sync = 1")
    answer = verify(history, log, 0, **heads)
    assert not answer["ok"]
    assert (answer["missing"], answer["extra"], answer["differing"]) == (2, 2, 1)
    assert answer["gaps"] == [{"log": "signals", "from": 2, "to": 4}]
    assert answer["signals"]["first_difference"] == 1
    assert answer["derived"]["moves"] == {"in_history": 2, "missing": 1, "double": 0, "extra": 0}


def test_verify_leaves_out_what_a_sink_is_writing(history: History) -> None:
    """Between what is done and the end of the log rows may be there or not; beyond it they are extra."""
    log = fill(history, *(signal(n, n) for n in range(6)), *a_visit("a", 0, 0, 30))
    heads = {"signals_head": 6, "events_head": 5, "at_work": (4, 2)}
    assert done(history, 0) == (6, 5)
    history.run("ALTER TABLE signals DELETE WHERE offset = 5 SETTINGS mutations_sync = 1")
    history.run("ALTER TABLE moves DELETE WHERE offset >= 2 SETTINGS mutations_sync = 1")
    assert verify(history, log, 0, **heads)["ok"]
    history.run("INSERT INTO signals SELECT * REPLACE (6 AS offset) FROM signals LIMIT 1")
    answer = verify(history, log, 0, **heads)
    assert (answer["ok"], answer["missing"], answer["extra"]) == (False, 0, 1)


def test_verify_finds_changed_content(history: History) -> None:
    """A derived row that was changed, with nulls in it as most have, is one missing and one extra."""
    raised = event(0, Topic.ALERT_RAISED, 0, rule="density", alert="lab:density:office:1", zone="office")
    log = fill(history, signal(0, 0), raised)
    assert verify(history, log, 0, signals_head=1, events_head=1)["ok"]
    history.run("ALTER TABLE alerts UPDATE severity = 'info' WHERE 1 SETTINGS mutations_sync = 1")
    answer = verify(history, log, 0, signals_head=1, events_head=1)
    assert not answer["ok"]
    assert answer["derived"]["alerts"] == {"in_history": 1, "missing": 1, "double": 0, "extra": 1}


def test_verify_finds_a_history_that_lags(history: History) -> None:
    """What the log has at its end and the history not yet is missing, and a gap."""
    log = fill(history, signal(0, 0))
    log.add(signal(1, 1))
    answer = verify(history, log, 0, signals_head=2, events_head=0)
    assert (answer["ok"], answer["missing"], answer["gaps"]) == (
        False,
        1,
        [{"log": "signals", "from": 1, "to": 2}],
    )


def test_sql_reads(history: History) -> None:
    """A query's rows come by name; times are ISO 8601, numbers numbers, and an empty answer is empty."""
    fill(history, *a_visit("it's; -- a", 0, 0, 30))
    query = "SELECT person, position, occurred_at, late FROM events WHERE person = 'it''s; -- a'"
    assert sql(history, f"{query} ORDER BY offset LIMIT 1;") == [
        {"person": "it's; -- a", "position": 0, "occurred_at": "2023-11-14T07:00:00.000000Z", "late": False}
    ]
    assert sql(history, "SELECT 1 AS x WHERE 0") == []
    assert {"name": "events"} in sql(history, "SHOW TABLES")
    assert sql(history, "SELECT 1 AS format ORDER BY format DESC") == [{"format": 1}]
    assert sql(history, "SELECT unhex('ff41') AS x") == [{"x": "\ufffdA"}]


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nothing_here FROM events", "nothing_here"),
        ("SELECT * FROM\n nowhere", "nowhere"),
        ("SELECT nothing_here(1)", "UNKNOWN_FUNCTION"),
        ("SELECT 1 + 'a'", "ILLEGAL_TYPE"),
        ("SELECT topic, count() FROM events", "NOT_AN_AGGREGATE"),
        ("SELECT toDate('x')", "CANNOT_PARSE"),
        ("SELECT 'TIMEOUT_EXCEEDED' + 1", "ILLEGAL_TYPE"),
        ("SELECT 1 SETTINGS nothing = 1", "UNKNOWN_SETTING"),
        ("SELECT now(", r"character 12 \(end of query\)\. .*'\(' at character 11 is never closed$"),
        (" SELECT 'é',\n now(", r"character 19 \(end of query\)\. .*'\(' at character 18 is never closed$"),
        ("SELECT 1 +", r"character 11 \(end of query\)$"),
        ("SELECT count(\n FROM events", r"character 21 \(events\)"),
        ("EXISTS", "whole"),
    ],
)  # fmt: skip
def test_sql_tells_a_mistake_where_it_is(history: History, query: str, told: str) -> None:
    """What is written wrongly is refused, in words about the very text that was given."""
    with pytest.raises(QueryRefused, match=told) as refused:
        sql(history, query)
    assert "FORMAT" not in str(refused.value)
    assert "JSONEachRow" not in str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT number FROM numbers(1000000)",
        "SELECT groupArray(number) FROM numbers(1000000000)",
        "SELECT max(cityHash64(number, number)) FROM numbers(100000000000)",
    ],
)
def test_sql_has_bounds(history: History, query: str) -> None:
    """Too many rows, too much memory and too long a time are no mistakes: the query is to ask for less."""
    with pytest.raises(QueryTooLarge, match="ask for less"):
        sql(history, query, seconds=1)
    assert sql(history, "SELECT count() AS n FROM events") == [{"n": 0}]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT 1; SELECT 2",
        "DROP TABLE events",
        "INSERT INTO events (offset) VALUES (1)",
        "SET readonly = 0",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT \"fi\\x6ce\"('/etc/passwd')",
        "SELECT '/etc/passwd' AS x, COLUMNS('x') APPLY file",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV')",
        "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)",
        "SELECT * FROM executable('x', 'CSV', 'a Int8')",
        "SELECT 1 INTO OUTFILE '/tmp/never'",
        "SELECT 1 FORMAT JSON;",
        "SELECT 1 /* */ ; DROP TABLE events",
        "SELECT 1 -- x",
        "SELECT $$ $$",
        "SELECT sleep(3)",
        "CREATE TABLE x (a Int8) ENGINE = Memory",
    ],
)
def test_sql_refuses(history: History, query: str) -> None:
    """Nothing writes, reaches outside of the tables, or hides a second statement."""
    with pytest.raises(QueryRefused):
        sql(history, query, seconds=1)
    assert sql(history, "SELECT count() AS n FROM events") == [{"n": 0}]


def test_replay_gives_the_signals_back_in_order(history: History) -> None:
    """Batches are in log order, hold what the engine reads, and end where they were asked to."""
    log = fill(history, *(card(n, n, f"k{n % 3}") for n in range(9)), directory(9, 9, []))
    batches = list(replay_batches(history, 0, 2, 10, rows=3))
    assert [batch.num_rows for batch in batches] == [3, 3, 2]
    rows = [row for batch in batches for row in batch.to_pylist()]
    assert [row["position"] for row in rows] == list(range(2, 10))
    assert rows[0] == {
        "position": 2, "occurred_at": at(2), "received_at": at(2), "seq": None, "device": "reader",
        "point": "front", "credential": "k2", "person": None, "category": "credential",
        "action": "granted", "direction": "unknown", "delivery": "live",
        "count_interval": None, "data": None,
    }  # fmt: skip
    assert msgspec.json.decode(rows[-1]["data"])["kind"] == "directory"
    assert str(batches[0].schema.field("credential").type).startswith("dictionary")
    with pytest.raises(HistoryIncomplete, match="1 of the 2 signals at 9 to 10"):
        list(replay_batches(history, 0, 9, len(log.signals) + 1))


def test_views_for_dashboards(history: History) -> None:
    """Occupancy by the minute rolls up by the site as loaded; devices are summed; nobody is named."""
    load = {"kind": "site", "document": SITE.model_dump(mode="json")}
    control = {"device": "control", "point": None, "category": Category.CONTROL, "action": Action.LOADED}
    fill(
        history,
        signal(0, 0, data=load, **control),
        signal(1, 1, seq=5),
        *a_visit("a", 1, 1, 30),
        event(3, Topic.DEVICE_GAP, 3, device="reader", value=4),
        event(4, Topic.DEVICE_SILENT, 4, device="reader"),
        event(5, Topic.ALERT_RAISED, 5, rule="after_hours", alert="lab:x:5:a", person="a", zone="office"),
        event(6, Topic.ALERT_CLEARED, 6, rule="after_hours", alert="lab:x:5:a"),
    )
    query = "SELECT zone, minute, persons FROM pub.occupancy_per_minute WHERE zone IN ('house', 'lobby')"
    minutes = sql(history, f"{query} ORDER BY zone, minute")
    assert [(row["zone"], row["minute"][11:16], row["persons"]) for row in minutes] == [
        ("house", "07:01", 1),
        ("house", "07:30", 0),
        ("lobby", "07:01", 1),
        ("lobby", "07:06", 0),
    ]
    [device] = sql(history, "SELECT * FROM pub.device_health")
    assert (device["signals"], device["last_seq"], device["signals_lost"], device["silent"]) == (1, 5, 4, 1)
    [alert] = sql(history, "SELECT rule, zone, joined, cleared_at FROM pub.alerts")
    assert alert == {
        "rule": "after_hours",
        "zone": "office",
        "joined": 0,
        "cleared_at": "2023-11-14T07:06:00.000000Z",
    }
    assert [row["what"] for row in sql(history, "SELECT what FROM audit")] == ["control.loaded"]
    columns = sql(history, "SELECT name FROM system.columns WHERE database = 'pub'")
    assert columns
    assert not {row["name"] for row in columns} & {
        "person",
        "credential",
        "visit",
        "alert",
        "id",
        "detail",
        "data",
    }
    views = sql(history, "SELECT name FROM system.tables WHERE database = 'pub'")
    assert all(isinstance(sql(history, f"SELECT * FROM pub.{view['name']}"), list) for view in views)


def test_times_carry_the_sites_offset() -> None:
    """Answers give local time with its offset, summer and winter, and survive an absurd clock."""
    assert iso(NINE, SITE.zone_info) == "2023-11-14T09:00:00+02:00"
    assert iso(1_690_000_000_000_001, SITE.zone_info) == "2023-07-22T07:26:40.000001+03:00"
    assert iso(2**62, SITE.zone_info).startswith("9999-12-31")
