"""Stories about cool-downs and control signals (rules.md 11.3 and 12)."""

from typing import Any

import msgspec

from domain.vocabulary import Category

from .story import HOUSE, POLICY, Scenario, at, decide, grant, load, place, rule, says, tick

_WITHOUT_READER = HOUSE | {"points": [point for point in HOUSE["points"] if point["id"] != "reader"]}
_NOWHERE = {"rules": {"density": {"overrides": [{"zones": ["nowhere"], "set": {"limit": 1}}]}}}
_BOB_HOLDS_TWO = {"persons": [{"id": "bob", "credentials": [{"hash": "c-bob"}, {"hash": "c-old"}]}]}
_FORCED = "house:door_forced:side:1"
_ALERTS = ("alert.raised", "alert.joined", "alert.cleared")


def _nested(*ids: str) -> dict[str, Any]:
    """Return a site whose zones lie within one another, the first outermost."""
    zones = [{"id": zone, "parent": around} for zone, around in zip(ids, [None, *ids], strict=False)]
    return HOUSE | {"zones": zones, "points": []}


_DEEP = {letter: [f"{letter}{number}" for number in range(31)] for letter in "abc"}

ALERTS_AND_CONTROL = [
    Scenario(
        "a finding at most a cool-down after the last raised alert joins it",
        "11.3",
        [
            says("forced", at(0), "side"),
            says("forced", at(1), "side"),
            says("forced", at(1), "door"),
            says("forced", at(1) + 1, "side"),
        ],
        [
            ("alert.raised", {"alert": "house:door_forced:side:1"}),
            (
                "alert.joined",
                {
                    "rule": "door_forced",
                    "alert": "house:door_forced:side:1",
                    "point": "side",
                    "occurred_at": at(1),
                    "causes": (4,),
                },
            ),
            ("alert.raised", {"alert": "house:door_forced:door:1"}),
            ("alert.raised", {"alert": "house:door_forced:side:2"}),
        ],
        only=_ALERTS,
        policy=rule("door_forced", cool_down_seconds=60),
    ),
    Scenario(
        "rapid re-entry cools down per person, whatever the zone",
        "11.3",
        [
            grant("ann", "reader", at(0)),
            grant("ann", "gate", at(1)),
            grant("ann", "reader", at(2)),
            grant("ann", "gate", at(3)),
        ],
        [
            ("alert.raised", {"alert": "house:rapid_reentry:ann:1", "zone": "hall"}),
            ("alert.joined", {"alert": "house:rapid_reentry:ann:1", "zone": "lobby", "causes": (4, 6)}),
        ],
        only=_ALERTS,
        policy=rule("rapid_reentry", entries=2, within_minutes=10, cool_down_seconds=600),
    ),
    Scenario(
        "without a cool-down every finding is an alert of its own",
        "11.3",
        [says("forced", at(0), "side"), says("forced", at(0), "side")],
        [
            ("alert.raised", {"alert": "house:door_forced:side:1"}),
            ("alert.raised", {"alert": "house:door_forced:side:2"}),
        ],
        only=_ALERTS,
        policy=rule("door_forced"),
    ),
    Scenario(
        "a new policy counts from its own event on",
        "12.1",
        [
            load("policy", POLICY | {"presence": {"absence_minutes": 5}}, at(0)),
            grant("ann", "gate", at(0)),
            tick(at(5)),
        ],
        [
            ("policy.applied", {"policy_version": 2, "occurred_at": at(0), "causes": (3,)}),
            ("visit.started", {"policy_version": 2}),
            ("zone.entered", {"policy_version": 2}),
            ("site.left", {"known_at": at(5), "policy_version": 2}),
            ("visit.ended", {}),
        ],
    ),
    Scenario(
        "a point that is gone resolves no more, and whoever it led inside stays there",
        "12.1 3.3",
        [
            grant("ann", "reader", at(0)),
            load("site", _WITHOUT_READER, at(1)),
            grant("ann", "reader", at(2)),
            grant("ann", "gate", at(3)),
        ],
        [
            ("visit.started", {}),
            ("registration.missed", {}),
            ("zone.entered", {}),
            ("site.applied", {"occurred_at": at(1)}),
            ("signal.unresolved", {"position": 5, "person": "ann"}),
            ("zone.entered", {"position": 6, "from_zone": "hall", "visit": "house:visit:3:ann"}),
        ],
    ),
    Scenario(
        "a zone that is gone lies directly on the site, so nothing nests ever deeper",
        "12.1",
        [
            load("site", _nested(*_DEEP["a"], "room"), at(0)),
            place("ann", "room", at(1)),
            load("site", _nested(*_DEEP["b"], "a0"), at(2)),
            load("site", _nested(*_DEEP["c"], "b0"), at(3)),
            load("policy", POLICY | rule("anti_passback", zones=["c0"]), at(4)),
        ],
        [
            ("site.applied", {}),
            ("visit.started", {"zone": "room"}),
            ("zone.entered", {"zone": "room"}),
            ("site.applied", {}),
            ("site.applied", {}),
            ("policy.applied", {}),
        ],
        occupancy={"": (1, 1, 1), "c0": (0, 0, 0), "c30": (0, 0, 0), "b0": (0, 0, 0)},
    ),
    Scenario(
        "a directory replaces whom it lists, and with replace everybody else loses what they had",
        "12.1 3.1",
        [
            load("directory", _BOB_HOLDS_TWO, at(0)),
            says("granted", at(0), "gate", credential="c-ann"),
            says("granted", at(0), "gate", credential="c-old"),
            load("directory", {"persons": [{"id": "bob"}]}, at(1), replace=True),
            says("granted", at(1), "gate", credential="c-ann"),
            says("granted", at(1), "gate", credential="c-old"),
        ],
        [
            ("directory.applied", {"value": 1}),
            ("zone.entered", {"person": "ann"}),
            ("zone.entered", {"person": "bob"}),
            ("directory.applied", {"value": 1, "position": 6}),
            ("zone.entered", {"person": "unknown:c-ann"}),
            ("zone.entered", {"person": "unknown:c-old"}),
        ],
        only=("directory.applied", "zone.entered"),
    ),
    Scenario(
        "a placement into what is no text is rejected, even where a zone is called so",
        "5.9 12.2",
        [
            *(
                says("placed", at(minute), None, "ann", data={"zone": zone}, device="desk")
                for minute, zone in enumerate((101, None, ["101"]))
            ),
            place("ann", "101", at(3)),
        ],
        [
            *(
                ("control.rejected", {"position": position, "causes": (position,)})
                for position in range(3, 6)
            ),
            ("visit.started", {"zone": "101"}),
            ("zone.entered", {"zone": "101"}),
        ],
        site={"zones": [*HOUSE["zones"], {"id": "101"}, {"id": "None"}]},
    ),
    Scenario(
        "what does not fit or names unknown zones is rejected, and nothing changes",
        "12.2",
        [
            load("policy", _NOWHERE, at(0)),
            load("policy", {"presense": {"absence_minutes": 1}}, at(0)),
            load("site", {"id": "house"}, at(0)),
            load("directory", {"persons": [{"id": "ann", "age": 30}]}, at(0), replace=True),
            place("ann", "nowhere", at(0)),
            says("granted", at(0), "gate", credential="c-ann"),
        ],
        [("control.rejected", {"position": position, "causes": (position,)}) for position in range(3, 8)]
        + [("visit.started", {"person": "ann", "policy_version": 1}), ("zone.entered", {})],
    ),
    Scenario(
        "only a control signal places anybody",
        "5.9",
        [
            msgspec.structs.replace(place("ann", "nowhere", at(0)), category=Category.CREDENTIAL),
            msgspec.structs.replace(place("ann", "hall", at(0)), category=Category.DEVICE),
        ],
        [("signal.unresolved", {"position": 3, "person": "ann"})],
    ),
    Scenario(
        "what people decide about an alert is told, and does nothing else",
        "12.3",
        [
            says("forced", at(0), "side"),
            decide("acknowledged", _FORCED, at(0)),
            decide("assigned", _FORCED, at(0), assignee="ann", note="please"),
            decide("noted", _FORCED, at(0), note="wind?"),
            decide("closed", _FORCED, at(0), resolution="explained"),
            decide("reopened", "house:after_hours:unknown:c-1:12", at(0)),
        ],
        [
            ("door.forced", {}),
            (
                "alert.acknowledged",
                {
                    "rule": "door_forced",
                    "alert": _FORCED,
                    "occurred_at": at(0),
                    "causes": (4,),
                    "detail": {"by": "bob", "decided_at": 5},
                },
            ),
            (
                "alert.assigned",
                {"detail": {"by": "bob", "decided_at": 5, "assignee": "ann", "note": "please"}},
            ),
            ("alert.noted", {"detail": {"by": "bob", "decided_at": 5, "note": "wind?"}}),
            ("alert.closed", {"detail": {"by": "bob", "decided_at": 5, "resolution": "explained"}}),
            ("alert.reopened", {"rule": "after_hours", "alert": "house:after_hours:unknown:c-1:12"}),
        ],
    ),
    Scenario(
        "a decision that is incomplete, unknown or about another site's alert is rejected",
        "12.3",
        [
            decide("closed", _FORCED, at(0)),
            decide("closed", _FORCED, at(0), resolution="boring"),
            decide("acknowledged", _FORCED, at(0), assignee="ann"),
            decide("assigned", _FORCED, at(0)),
            decide("noted", _FORCED, at(0)),
            decide("eaten", _FORCED, at(0)),
            decide("acknowledged", "barn:door_forced:side:1", at(0)),
            decide("acknowledged", "house:door_forced:side:one", at(0)),
            decide("acknowledged", "house:door_forced:1", at(0)),
            decide("acknowledged", _FORCED, at(0), by=""),
            decide("acknowledged", f"house:door_forced:{'s' * 1_000}:1", at(0)),
            decide("acknowledged", _FORCED, at(0), kind="appointment"),
        ],
        [("control.rejected", {"position": position, "causes": (position,)}) for position in range(3, 15)],
    ),
]
