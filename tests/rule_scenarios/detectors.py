"""Stories about the detectors (rules.md 10)."""

from typing import Any

from domain.calendars import WEEKDAYS
from domain.vocabulary import Delivery, Direction

from .story import HOUSE, POLICY, Scenario, at, grant, load, place, rule, says, tick

_OFFICE: dict[str, Any] = {
    "calendars": {
        "office": {"hours": {day: ["07:00-19:00"] for day in WEEKDAYS}},
        "never": {"hours": {}},
        "always": {"hours": {day: ["00:00-24:00"] for day in WEEKDAYS}},
        "once": {"hours": {}, "special": {"2027-06-01": ["08:00-10:00"]}},
        "spring": {"hours": {"sunday": ["03:30-05:00"]}},
    }
}
_SEVEN, _NINETEEN, _DAY = -5 * 60, 7 * 60, 24 * 60
"""07:00, 19:00 and a day at the site, in the stories' minutes."""
_SPRING = 27 * _DAY - 510
"""03:30 on 31 March, which does not exist and so is 04:30 (01:30 UTC), in the stories' minutes."""
_AFTER_HOURS = ("entry.after_hours", "alert.raised", "alert.joined")
_ALERTS = ("alert.raised", "alert.joined", "alert.cleared")
_DENSITY = ("density.reached", "density.exceeded", "density.cleared", "alert.raised", "alert.cleared")
_CROWD = [f"p{number}" for number in range(11)]

DETECTORS = [
    Scenario(
        "working hours begin at 07:00 sharp and have ended at 19:00 sharp",
        "10.1 11.2",
        [
            grant("ann", "gate", at(_SEVEN) - 1),
            grant("bob", "gate", at(_SEVEN)),
            grant("bob", "reader", at(_NINETEEN) - 1),
            grant("bob", "gate", at(_NINETEEN)),
        ],
        [
            (
                "entry.after_hours",
                {"person": "ann", "zone": "lobby", "point": "gate", "visit": "house:visit:3:ann"},
            ),
            (
                "alert.raised",
                {
                    "rule": "after_hours",
                    "alert": "house:after_hours:ann:1",
                    "severity": "warning",
                    "person": "ann",
                    "zone": "lobby",
                    "point": "gate",
                    "visit": "house:visit:3:ann",
                    "occurred_at": at(_SEVEN) - 1,
                    "causes": (3,),
                },
            ),
            ("entry.after_hours", {"person": "bob", "position": 6}),
            ("alert.raised", {"alert": "house:after_hours:bob:1"}),
        ],
        only=_AFTER_HOURS,
        policy=_OFFICE | rule("after_hours", calendar="office"),
    ),
    Scenario(
        "later entries in the same out-of-hours period join; the next period raises again",
        "10.1 11.2",
        [
            grant("ann", "gate", at(_NINETEEN)),
            grant("ann", "reader", at(_NINETEEN + 10)),
            grant("ann", "gate", at(_SEVEN + _DAY) - 1),
            grant("ann", "reader", at(_NINETEEN + _DAY)),
        ],
        [
            ("entry.after_hours", {"position": 3}),
            ("alert.raised", {"alert": "house:after_hours:ann:1"}),
            ("entry.after_hours", {"position": 4}),
            (
                "alert.joined",
                {
                    "rule": "after_hours",
                    "alert": "house:after_hours:ann:1",
                    "person": "ann",
                    "zone": "hall",
                    "point": "reader",
                    "causes": (4,),
                },
            ),
            ("entry.after_hours", {"position": 5}),
            ("alert.joined", {"alert": "house:after_hours:ann:1"}),
            ("entry.after_hours", {"position": 6}),
            ("alert.raised", {"alert": "house:after_hours:ann:2"}),
        ],
        only=_AFTER_HOURS,
        policy=_OFFICE | rule("after_hours", calendar="office"),
    ),
    Scenario(
        "a department may be exempt, and only it",
        "10 10.1",
        [grant("bob", "gate", at(_NINETEEN)), grant("cy", "gate", at(_NINETEEN))],
        [("entry.after_hours", {"person": "cy"}), ("alert.raised", {"person": "cy"})],
        only=_AFTER_HOURS,
        policy=_OFFICE
        | rule(
            "after_hours",
            calendar="office",
            overrides=[{"departments": ["security"], "set": {"calendar": None}}],
        ),
    ),
    Scenario(
        "an entry joins before the end of the last alert's period, whatever calendar is its own",
        "10.1",
        [grant("ann", "inner", at(0)), grant("ann", "gate", at(_NINETEEN + 5 * _DAY))],
        [
            ("entry.after_hours", {"zone": "lab"}),
            ("alert.raised", {}),
            ("entry.after_hours", {"zone": "lobby"}),
            ("alert.joined", {"alert": "house:after_hours:ann:1"}),
        ],
        only=_AFTER_HOURS,
        policy=_OFFICE
        | rule(
            "after_hours", calendar="office", overrides=[{"zones": ["hall"], "set": {"calendar": "never"}}]
        ),
    ),
    Scenario(
        "nobody ever works by a calendar without hours, whatever the others say",
        "10.1",
        [grant("ann", "gate", at(0))],
        [("entry.after_hours", {"person": "ann"}), ("alert.raised", {"person": "ann"})],
        only=_AFTER_HOURS,
        policy=_OFFICE | rule("after_hours", calendar="never"),
    ),
    Scenario(
        "a period ends when work begins again, even years later, and whatever else is decided along with it",
        "10.1",
        [
            grant("ann", "gate", at(0)),
            says("activated", at(_DAY * 1_033), heard=at(1), device="ahead"),
            grant("ann", "gate", at(_DAY * 1_184 - 301)),
            grant("ann", "gate", at(_DAY * 1_398)),
        ],
        [("alert.raised", {}), ("alert.joined", {}), ("alert.raised", {"alert": "house:after_hours:ann:2"})],
        only=_ALERTS,
        policy=_OFFICE | rule("after_hours", calendar="once"),
    ),
    Scenario(
        "hours that begin in the gap of the spring change begin after it",
        "10.1",
        [
            grant("ann", "gate", at(_SPRING) - 1),
            grant("bob", "gate", at(_SPRING)),
            grant("cy", "gate", at(_SPRING + 30)),
        ],
        [("entry.after_hours", {"person": "ann"}), ("entry.after_hours", {"person": "cy"})],
        only=("entry.after_hours",),
        policy=_OFFICE | rule("after_hours", calendar="spring"),
    ),
    Scenario(
        "the third entry within exactly ten minutes; then silence until more has passed since the alert",
        "10.2",
        [
            grant("ann", "reader", at(0)),
            place("ann", "outside", at(1)),
            grant("ann", "reader", at(5)),
            place("ann", "outside", at(6)),
            grant("ann", "reader", at(10)),
            place("ann", "outside", at(11)),
            grant("ann", "reader", at(12)),
            place("ann", "outside", at(13)),
            grant("ann", "reader", at(20)),
            place("ann", "outside", at(20.5)),
            grant("ann", "reader", at(21)),
        ],
        [
            (
                "alert.raised",
                {
                    "rule": "rapid_reentry",
                    "alert": "house:rapid_reentry:ann:1",
                    "zone": "hall",
                    "value": 3,
                    "limit": 3,
                    "causes": (3, 5, 7),
                },
            ),
            ("alert.raised", {"alert": "house:rapid_reentry:ann:2", "causes": (9, 11, 13)}),
        ],
        only=_ALERTS,
        policy=rule("rapid_reentry", entries=3, within_minutes=10),
    ),
    Scenario(
        "a microsecond more than ten minutes is no rapid re-entry, and repeats are no entries",
        "10 10.2",
        [
            grant("ann", "reader", at(0)),
            grant("ann", "reader", at(1)),
            place("ann", "outside", at(2)),
            grant("ann", "reader", at(5)),
            place("ann", "outside", at(6)),
            grant("ann", "reader", at(10) + 1),
        ],
        [],
        only=_ALERTS,
        policy=rule("rapid_reentry", entries=3, within_minutes=10),
    ),
    Scenario(
        "what lies further back than the widest window is forgotten, even by an entry that comes too late",
        "10 10.2",
        [
            place("ann", "hall", at(0)),
            place("ann", "lobby", at(30)),
            place("ann", "hall", at(5)),
            place("ann", "lab", at(21)),
            place("ann", "hall", at(20)),
        ],
        [("alert.raised", {"position": 7, "causes": (5, 7)})],
        only=_ALERTS,
        policy=rule(
            "rapid_reentry",
            entries=2,
            within_minutes=10,
            overrides=[{"zones": ["hall"], "set": {"within_minutes": 20}}],
        ),
    ),
    Scenario(
        "density is reached at the limit, exceeded above it, and cleared at 90 percent",
        "10.3 11.1",
        [
            *(place(person, "lobby", at(minute)) for minute, person in enumerate(_CROWD)),
            place("p0", "outside", at(20)),
            place("p1", "outside", at(21)),
            place("p1", "lobby", at(22)),
            place("p1", "outside", at(23)),
        ],
        [
            ("density.reached", {"position": 12, "zone": "lobby", "value": 10, "limit": 10}),
            ("density.exceeded", {"position": 13, "zone": "lobby", "value": 11, "limit": 10}),
            (
                "alert.raised",
                {
                    "rule": "density",
                    "alert": "house:density:lobby:1",
                    "zone": "lobby",
                    "value": 11,
                    "limit": 10,
                    "person": None,
                },
            ),
            ("density.cleared", {"position": 15, "zone": "lobby", "value": 9, "limit": 10}),
            (
                "alert.cleared",
                {
                    "rule": "density",
                    "alert": "house:density:lobby:1",
                    "zone": "lobby",
                    "occurred_at": at(21),
                },
            ),
            ("density.reached", {"position": 16, "value": 10}),
            ("density.cleared", {"position": 17, "value": 9}),
        ],
        only=_DENSITY,
        policy=rule("density", overrides=[{"zones": ["lobby"], "set": {"limit": 10}}]),
    ),
    Scenario(
        "a limit by area is that of the decimal numbers: 0.29 for each of 100 m² is 29",
        "10.3",
        [place(f"p{number}", "big", at(0)) for number in range(29)],
        [("density.reached", {"zone": "big", "value": 29, "limit": 29})],
        only=_DENSITY,
        policy=rule("density", limit_per_m2=0.29),
        site={"zones": [*HOUSE["zones"], {"id": "big", "area_m2": 100}]},
    ),
    Scenario(
        "density looks at the zones left, then at those entered, each innermost first",
        "10.3 11.4",
        [place("ann", "lab", at(0)), place("bob", "lobby", at(1)), place("ann", "yard", at(2))],
        [
            ("density.reached", {"position": 3, "zone": "lab"}),
            ("density.reached", {"position": 3, "zone": "hall"}),
            ("density.reached", {"position": 3, "zone": "house"}),
            ("density.reached", {"position": 4, "zone": "lobby"}),
            ("density.exceeded", {"position": 4, "zone": "house", "value": 2, "limit": 1}),
            ("alert.raised", {"position": 4, "zone": "house"}),
            ("density.cleared", {"position": 5, "zone": "lab", "value": 0}),
            ("density.cleared", {"position": 5, "zone": "hall", "value": 0}),
            ("density.reached", {"position": 5, "zone": "yard"}),
        ],
        only=_DENSITY,
        policy=rule("density", limit=1),
    ),
    Scenario(
        "a zone around both sides of a move has not changed, whatever a new policy would say of it",
        "10.3",
        [
            place("ann", "lobby", at(0)),
            load("policy", POLICY | rule("density", limit=10), at(1)),
            place("ann", "hall", at(2)),
            place("ann", "outside", at(3)),
        ],
        [
            ("density.reached", {"position": 3, "zone": "lobby"}),
            ("density.reached", {"position": 3, "zone": "house"}),
            ("density.cleared", {"position": 5, "zone": "lobby", "value": 0, "limit": 10}),
            ("density.cleared", {"position": 6, "zone": "house", "value": 0}),
        ],
        only=_DENSITY,
        policy=rule("density", limit=1),
    ),
    Scenario(
        "persons per square metre are rounded down, and the smaller limit counts",
        "10.3",
        [place("ann", "lab", at(0))],
        [("density.reached", {"zone": "lab", "value": 1, "limit": 1})],
        only=_DENSITY,
        policy=rule("density", limit=5, limit_per_m2=0.19),
    ),
    Scenario(
        "a late entry changes the count, so density looks at it, but no other detector does",
        "5.8 10 10.3 10.4",
        [says("activated", at(10)), grant("ann", "reader", at(5))],
        [("density.reached", {"zone": "hall"}), ("density.reached", {"zone": "house"})],
        only=(*_DENSITY, "entry.after_hours"),
        policy={
            "rules": rule("density", limit=1)["rules"]
            | rule("missed_registration")["rules"]
            | rule("after_hours", calendar="never")["rules"],
        }
        | _OFFICE,
    ),
    Scenario(
        "whoever turns up deep inside has missed the registration",
        "10.4",
        [grant("ann", "reader", at(0)), grant("bob", "gate", at(1)), grant("bob", "reader", at(2))],
        [
            (
                "alert.raised",
                {
                    "rule": "missed_registration",
                    "alert": "house:missed_registration:ann:1",
                    "person": "ann",
                    "zone": "hall",
                    "point": "reader",
                    "visit": "house:visit:3:ann",
                },
            )
        ],
        only=_ALERTS,
        policy=rule("missed_registration"),
    ),
    Scenario(
        "two denials within exactly five minutes: of one credential, then at one point",
        "10.5 11.1",
        [
            says("denied", at(0), "gate", credential="c9"),
            says("denied", at(5), "gate", credential="c9"),
            says("denied", at(6), "gate", "ann"),
            says("denied", at(7), "reader", credential="c9"),
        ],
        [
            (
                "alert.raised",
                {
                    "alert": "house:denied_streak:credential.c9:1",
                    "credential": "c9",
                    "value": 2,
                    "limit": 2,
                    "causes": (3, 4),
                },
            ),
            (
                "alert.raised",
                {"alert": "house:denied_streak:point.gate:1", "point": "gate", "causes": (3, 4)},
            ),
        ],
        only=_ALERTS,
        policy=rule("denied_streak", denials=2, within_minutes=5),
    ),
    Scenario(
        "denials further apart, late or at no known point are no streak; parameters are the person's",
        "10 10.5",
        [
            says("denied", at(0), "gate", "ann"),
            says("denied", at(5) + 1, "gate", "ann"),
            says("denied", at(5), "gate", "ann"),
            says("denied", at(6), "nowhere", "ann"),
            says("denied", at(100), "reader", "bob"),
            says("denied", at(101), "reader", "bob"),
        ],
        [],
        only=_ALERTS,
        policy=rule(
            "denied_streak",
            denials=2,
            within_minutes=5,
            overrides=[
                {"roles": ["guard"], "set": {"denials": 3}},
                {"roles": ["employee"], "zones": ["hall"], "set": {"denials": 9}},
            ],
        ),
    ),
    Scenario(
        "whoever enters a zone in which they are has not left it: at once, or when the door opens",
        "10.6",
        [
            grant("ann", "reader", at(0)),
            grant("ann", "reader", at(5)),
            grant("ann", "inner", at(6)),
            grant("ann", "door", at(7)),
            says("opened", at(7, 2), "door"),
            grant("ann", "door", at(8), direction=Direction.OUT),
            place("ann", "lab", at(9)),
            place("ann", "hall", at(10)),
        ],
        [
            (
                "alert.raised",
                {
                    "rule": "anti_passback",
                    "alert": "house:anti_passback:ann:1",
                    "person": "ann",
                    "point": "reader",
                    "causes": (4,),
                },
            ),
            (
                "alert.raised",
                {"alert": "house:anti_passback:ann:2", "occurred_at": at(7, 2), "causes": (6, 7)},
            ),
        ],
        only=_ALERTS,
        policy=rule("anti_passback", zones=["hall"]),
    ),
    Scenario(
        "forced and held doors are alerts; a held door's is cleared when it closes",
        "10.7 11.1 11.4",
        [
            says("opened", at(0), "side"),
            tick(at(0, 30)),
            says("closed", at(1), "side"),
            says("opened", at(2), "gate"),
            says("closed", at(2, 5), "gate"),
        ],
        [
            ("alert.raised", {"rule": "door_forced", "alert": "house:door_forced:side:1", "point": "side"}),
            (
                "alert.raised",
                {
                    "rule": "door_held",
                    "alert": "house:door_held:side:1",
                    "value": 30,
                    "limit": 30,
                    "occurred_at": at(0, 30),
                    "causes": (3,),
                },
            ),
            (
                "alert.cleared",
                {
                    "rule": "door_held",
                    "alert": "house:door_held:side:1",
                    "point": "side",
                    "occurred_at": at(1),
                    "causes": (5,),
                },
            ),
        ],
        only=_ALERTS,
        policy={"rules": rule("door_forced")["rules"] | rule("door_held")["rules"]},
    ),
    Scenario(
        "what is told between sites is an alert of the person, of the credential's holder, late or not",
        "10.8 11.1 11.3",
        [
            says("impossible_travel", at(0), "gate", credential="c-ann", delivery=Delivery.POLL),
            says("two_sites", at(1), "inner", "bob"),
            says("two_sites", at(0), "nowhere", "bob"),
            says("impossible_travel", at(5), credential="c-new"),
            says("impossible_travel", at(6), "gate"),
            says("activated", at(7), "gate", "ann"),
        ],
        [
            (
                "alert.raised",
                {
                    "rule": "impossible_travel",
                    "alert": "house:impossible_travel:ann:1",
                    "person": "ann",
                    "credential": "c-ann",
                    "zone": "lobby",
                    "point": "gate",
                    "occurred_at": at(0),
                    "causes": (3,),
                },
            ),
            ("alert.raised", {"alert": "house:two_sites:bob:1", "zone": "lab", "point": "inner"}),
            ("alert.joined", {"alert": "house:two_sites:bob:1", "point": None, "causes": (5,)}),
            (
                "alert.raised",
                {"alert": "house:impossible_travel:unknown:c-new:1", "zone": None, "point": None},
            ),
        ],
        only=_ALERTS,
        policy={
            "rules": rule("impossible_travel")["rules"] | rule("two_sites", cool_down_seconds=3600)["rules"]
        },
    ),
    Scenario(
        "the detectors' events and then their alerts stand in the registry's order",
        "1.5 2 10",
        [grant("ann", "reader", at(_NINETEEN))],
        [
            ("entry.after_hours", {}),
            ("density.reached", {"zone": "hall"}),
            ("density.reached", {"zone": "house"}),
            ("alert.raised", {"rule": "after_hours"}),
            ("alert.raised", {"rule": "missed_registration"}),
        ],
        only=(*_DENSITY, "entry.after_hours"),
        policy={
            "rules": rule("missed_registration")["rules"]
            | rule("density", limit=1)["rules"]
            | rule("after_hours", calendar="office")["rules"],
        }
        | _OFFICE,
    ),
]
