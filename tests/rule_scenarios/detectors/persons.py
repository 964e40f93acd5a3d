"""Stories about re-entries, missed registrations, denials, passing back (rules.md 10.2, 10.4 to 10.6)."""

from domain.vocabulary import Direction

from ..story import Scenario, at, grant, place, rule, says
from .office import ALERT_TOPICS

PERSONS = [
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
        policy=rule(
            "rapid_reentry",
            entries=2,
            within_minutes=10,
            overrides=[{"zones": ["hall"], "set": {"within_minutes": 20}}],
        ),
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
        policy=rule("anti_passback", zones=["hall"]),
    ),
]
