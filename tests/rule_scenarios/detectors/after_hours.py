"""Stories about entries outside working hours (rules.md 10.1)."""

from ..story import Scenario, at, grant, rule, says
from .office import ALERT_TOPICS, DAY, NINETEEN, OFFICE, SEVEN

_SPRING = 27 * DAY - 510
"""03:30 on 31 March, which does not exist and so is 04:30 (01:30 UTC), in the stories' minutes."""
_TOPICS = ("entry.after_hours", "alert.raised", "alert.joined")

AFTER_HOURS = [
    Scenario(
        "working hours begin at 07:00 sharp and have ended at 19:00 sharp",
        "10.1 11.2",
        [
            grant("ann", "gate", at(SEVEN) - 1),
            grant("bob", "gate", at(SEVEN)),
            grant("bob", "reader", at(NINETEEN) - 1),
            grant("bob", "gate", at(NINETEEN)),
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
                    "occurred_at": at(SEVEN) - 1,
                    "causes": (3,),
                },
            ),
            ("entry.after_hours", {"person": "bob", "position": 6}),
            ("alert.raised", {"alert": "house:after_hours:bob:1"}),
        ],
        only=_TOPICS,
        policy=OFFICE | rule("after_hours", calendar="office"),
    ),
    Scenario(
        "later entries in the same out-of-hours period join; the next period raises again",
        "10.1 11.2",
        [
            grant("ann", "gate", at(NINETEEN)),
            grant("ann", "reader", at(NINETEEN + 10)),
            grant("ann", "gate", at(SEVEN + DAY) - 1),
            grant("ann", "reader", at(NINETEEN + DAY)),
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
        only=_TOPICS,
        policy=OFFICE | rule("after_hours", calendar="office"),
    ),
    Scenario(
        "a department may be exempt, and only it",
        "10 10.1",
        [grant("bob", "gate", at(NINETEEN)), grant("cy", "gate", at(NINETEEN))],
        [("entry.after_hours", {"person": "cy"}), ("alert.raised", {"person": "cy"})],
        only=_TOPICS,
        policy=OFFICE
        | rule(
            "after_hours",
            calendar="office",
            overrides=[{"departments": ["security"], "set": {"calendar": None}}],
        ),
    ),
    Scenario(
        "an entry joins before the end of the last alert's period, whatever calendar is its own",
        "10.1",
        [grant("ann", "inner", at(0)), grant("ann", "gate", at(NINETEEN + 5 * DAY))],
        [
            ("entry.after_hours", {"zone": "lab"}),
            ("alert.raised", {}),
            ("entry.after_hours", {"zone": "lobby"}),
            ("alert.joined", {"alert": "house:after_hours:ann:1"}),
        ],
        only=_TOPICS,
        policy=OFFICE
        | rule(
            "after_hours", calendar="office", overrides=[{"zones": ["hall"], "set": {"calendar": "never"}}]
        ),
    ),
    Scenario(
        "nobody ever works by a calendar without hours, whatever the others say",
        "10.1",
        [grant("ann", "gate", at(0))],
        [("entry.after_hours", {"person": "ann"}), ("alert.raised", {"person": "ann"})],
        only=_TOPICS,
        policy=OFFICE | rule("after_hours", calendar="never"),
    ),
    Scenario(
        "a period ends when work begins again, even years later, and whatever else is decided along with it",
        "10.1",
        [
            grant("ann", "gate", at(0)),
            says("activated", at(DAY * 1_033), heard=at(1), device="ahead"),
            grant("ann", "gate", at(DAY * 1_184 - 301)),
            grant("ann", "gate", at(DAY * 1_398)),
        ],
        [("alert.raised", {}), ("alert.joined", {}), ("alert.raised", {"alert": "house:after_hours:ann:2"})],
        only=ALERT_TOPICS,
        policy=OFFICE | rule("after_hours", calendar="once"),
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
        policy=OFFICE | rule("after_hours", calendar="spring"),
    ),
]
