"""Findings as signals, and what the sites' engines make of them."""

from domain.policy import Policy, Rule
from domain.signal import Signal, Time, read_signal, signal_id, write_signal
from domain.site import Point, Site, Zone
from domain.vocabulary import Action, Category, Delivery, Reason, Topic
from streams.cross_site.alarms import DEVICE, alarms
from streams.cross_site.rules import CrossSite, Finding, Limits
from streams.cross_site.uses import Use
from streams.engine import Engine
from tests.cross_site.told import at, reading, sighting


def _found(*uses: Use) -> Finding:
    stage = CrossSite(Limits())
    (finding,) = [finding for n, use in enumerate(uses) for finding in stage.see(use, at(n))]
    return finding


def test_each_site_is_told_of_the_other() -> None:
    """Two signals, each for its site, with its own point and person and the other's place."""
    finding = _found(reading("berlin", 0, person="ann"), reading("lisbon", 30))
    here, there = alarms(finding, at(31))
    assert (here.site, here.person, there.site, there.person) == ("berlin", "ann", "lisbon", None)
    for signal, other in ((here, "lisbon"), (there, "berlin")):
        assert read_signal(write_signal(signal)) == signal
        assert (signal.device, signal.category, signal.action) == (DEVICE, "alarm", "impossible_travel")
        assert (signal.reason, signal.delivery, signal.point) == (Reason.OTHER, Delivery.POLL, "gate")
        assert signal.time == Time(at(30), at(31))
        assert signal.credential is not None
        assert signal.data == {
            "kind": "impossible_travel",
            "other_site": other,
            "other_point": "gate",
            "seconds": 1800.0,
            "causes": ["berlin@0", "lisbon@30"],
            "distance_km": 2312.1,
            "speed_kmh": 4624,
        }


def test_the_same_finding_has_the_same_ids() -> None:
    """However it came about, its signals are the same ones; two sites' are two."""
    one = _found(reading("berlin", 0), reading("lisbon", 30))
    other = _found(reading("lisbon", 30), reading("berlin", 1))
    ids = [{signal.id for signal in alarms(finding, at(40))} for finding in (one, other)]
    assert ids[0] == ids[1]
    assert len(ids[0]) == 2


def test_a_pair_at_one_moment_has_no_speed() -> None:
    """Nothing is divided by no time at all."""
    signal, _ = alarms(_found(reading("berlin", 0), reading("lisbon", 0)), at(1))
    assert signal.data is not None
    assert signal.data["speed_kmh"] is None


def test_the_site_raises_an_alert() -> None:
    """What is told of a card or a person is an alert there, whose evidence is that signal."""
    site = Site(
        id="lisbon",
        time_zone="Europe/Lisbon",
        zones=(Zone(id="hall"),),
        points=(Point(id="gate", to_zone="hall"), Point(id="reader", to_zone="hall")),
    )
    policy = Policy(rules={"impossible_travel": Rule(), "two_sites": Rule()})
    travel = alarms(_found(reading("berlin", 0), reading("lisbon", 30)), at(31))[1]
    both = _found(*(sighting(name, minutes) for name in ("berlin", "lisbon") for minutes in (20, 30)))
    (presence,) = [signal for signal in alarms(both, at(32)) if signal.site == "lisbon"]
    documents = (("site", site), ("policy", policy))
    loads = [
        Signal(
            id=signal_id(kind),
            site="lisbon",
            device="desk",
            category=Category.CONTROL,
            action=Action.LOADED,
            time=Time(at(0), at(0)),
            data={"kind": kind, "document": document.model_dump(mode="json")},
        )
        for kind, document in documents
    ]
    events = Engine("lisbon").decide([*loads, travel, presence])
    assert Topic.DEVICE_CLOCK_DRIFTED not in {event.topic for event in events}
    assert [
        (event.rule, event.person, event.credential, event.point, event.causes)
        for event in events
        if event.topic is Topic.ALERT_RAISED
    ] == [
        ("impossible_travel", "unknown:c-1", "c-1", "gate", (2,)),
        ("two_sites", "ann", None, "reader", (3,)),
    ]
