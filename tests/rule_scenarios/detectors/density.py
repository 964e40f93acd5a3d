"""Stories about how many may be in a zone (rules.md 10.3)."""

from ..story import HOUSE, POLICY, Scenario, at, grant, load, place, rule, says
from .office import DENSITY_TOPICS, OFFICE

_CROWD = [f"p{number}" for number in range(11)]

DENSITY = [
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
        only=DENSITY_TOPICS,
        policy=rule("density", overrides=[{"zones": ["lobby"], "set": {"limit": 10}}]),
    ),
    Scenario(
        "a limit by area is that of the decimal numbers: 0.29 for each of 100 m² is 29",
        "10.3",
        [place(f"p{number}", "big", at(0)) for number in range(29)],
        [("density.reached", {"zone": "big", "value": 29, "limit": 29})],
        only=DENSITY_TOPICS,
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
        only=DENSITY_TOPICS,
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
        only=DENSITY_TOPICS,
        policy=rule("density", limit=1),
    ),
    Scenario(
        "persons per square metre are rounded down, and the smaller limit counts",
        "10.3",
        [place("ann", "lab", at(0))],
        [("density.reached", {"zone": "lab", "value": 1, "limit": 1})],
        only=DENSITY_TOPICS,
        policy=rule("density", limit=5, limit_per_m2=0.19),
    ),
    Scenario(
        "a late entry changes the count, so density looks at it, but no other detector does",
        "5.8 10 10.3 10.4",
        [says("activated", at(10)), grant("ann", "reader", at(5))],
        [("density.reached", {"zone": "hall"}), ("density.reached", {"zone": "house"})],
        only=(*DENSITY_TOPICS, "entry.after_hours"),
        policy={
            "rules": rule("density", limit=1)["rules"]
            | rule("missed_registration")["rules"]
            | rule("after_hours", calendar="never")["rules"],
        }
        | OFFICE,
    ),
]
