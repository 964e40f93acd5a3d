"""Stories about doors, what is told between sites, and the registry's order (rules.md 10.7, 10.8, 10)."""

from domain.vocabulary import Delivery

from ..story import Scenario, at, grant, rule, says, tick
from .office import ALERT_TOPICS, DENSITY_TOPICS, NINETEEN, OFFICE

DOORS_AND_SITES = [
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
        only=ALERT_TOPICS,
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
        only=ALERT_TOPICS,
        policy={
            "rules": rule("impossible_travel")["rules"] | rule("two_sites", cool_down_seconds=3600)["rules"]
        },
    ),
    Scenario(
        "the detectors' events and then their alerts stand in the registry's order",
        "1.5 2 10",
        [grant("ann", "reader", at(NINETEEN))],
        [
            ("entry.after_hours", {}),
            ("density.reached", {"zone": "hall"}),
            ("density.reached", {"zone": "house"}),
            ("alert.raised", {"rule": "after_hours"}),
            ("alert.raised", {"rule": "missed_registration"}),
        ],
        only=(*DENSITY_TOPICS, "entry.after_hours"),
        policy={
            "rules": rule("missed_registration")["rules"]
            | rule("density", limit=1)["rules"]
            | rule("after_hours", calendar="office")["rules"],
        }
        | OFFICE,
    ),
]
