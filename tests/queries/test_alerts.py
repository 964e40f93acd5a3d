"""Alerts: what stands and what is cleared, with the evidence."""

from typing import Any

from domain.signal import signal_id
from domain.vocabulary import Severity, Topic
from projections.alerts import alerts
from projections.client import History
from projections.sink import Sink
from projections.sql import sql
from tests.history_fixture import SITE, ListLog
from tests.queries.story import at, clock, event, fill, signal


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
