"""Stories about time, order, resolving and device health (rules.md 1 to 4)."""

from typing import Any

from domain.vocabulary import Basis, Delivery, Direction

from .story import Scenario, at, grant, load, place, says, tick

_UNTIL_HALF_PAST = {
    "persons": [
        {"id": "ann", "credentials": [{"hash": "c1", "valid_until": "2024-03-04T10:30:00Z"}]},
        {"id": "bob", "credentials": [{"hash": "c1", "valid_from": "2024-03-04T12:30:00"}]},
    ]
}
_TEN, _FIVE_PAST, _TEN_PAST, _SIX = (f"2024-03-04T{time}Z" for time in ("10:00", "10:05", "10:10", "18:00"))
_ENDED_AND_COMING = {
    "persons": [
        {"id": "ann", "credentials": [{"hash": "c1", "valid_from": _TEN, "valid_until": _TEN_PAST}]},
        {"id": "bob", "credentials": [{"hash": "c2", "valid_from": _SIX}, {"hash": "c4"}]},
        {"id": "cy", "credentials": [{"hash": "c4", "valid_from": _FIVE_PAST, "valid_until": _TEN_PAST}]},
    ]
}

_GONE_AND_COMING = {
    "persons": [
        {"id": "ann", "valid_until": _TEN_PAST, "credentials": [{"hash": "c1", "valid_until": _SIX}]},
        {"id": "bob", "valid_from": "2024-03-04T12:05:00", "credentials": [{"hash": "c2"}]},
        {"id": "cy", "credentials": [{"hash": "c1", "valid_from": _FIVE_PAST}, {"hash": "c2"}]},
    ]
}


def _with_c9(person: str) -> dict[str, Any]:
    return {"id": person, "credentials": [{"hash": "c9"}]}


TIME_AND_READINGS = [
    Scenario(
        "a clock that is ahead does not carry time forward",
        "1.2",
        [
            grant("ann", "gate", at(0)),
            says("activated", at(200), device="ahead", heard=at(1)),
            tick(at(119)),
        ],
        [
            ("visit.started", {"known_at": at(0)}),
            ("zone.entered", {}),
            ("device.clock_drifted", {"value": 199 * 60_000, "limit": 10_000, "known_at": at(1)}),
        ],
    ),
    Scenario(
        "an overdue timer fires with the next signal, and is known only then",
        "1.3 1.4 5.6",
        [
            tick(at(200)),
            grant("ann", "gate", at(0), heard=at(200), delivery=Delivery.BACKFILL),
            tick(at(200)),
        ],
        [
            ("visit.started", {"position": 4, "occurred_at": at(0), "known_at": at(200)}),
            ("zone.entered", {"position": 4}),
            ("site.left", {"position": 5, "occurred_at": at(0), "known_at": at(200), "causes": (4,)}),
            ("visit.ended", {"position": 5, "known_at": at(200)}),
        ],
    ),
    Scenario(
        "timers due together fire in the order of their persons' codes, not of their making",
        "1.3",
        [grant("bob", "gate", at(0)), grant("ann", "gate", at(0)), tick(at(130))],
        [("site.left", {"person": "ann", "causes": (4,)}), ("site.left", {"person": "bob", "causes": (3,)})],
        only=("site.left",),
    ),
    Scenario(
        "what is due earlier fires earlier, whatever the codes",
        "1.3",
        [grant("bob", "gate", at(0)), grant("ann", "gate", at(1)), tick(at(130))],
        [("site.left", {"person": "bob"}), ("site.left", {"person": "ann"})],
        only=("site.left",),
    ),
    Scenario(
        "one signal's events stand in the order of the stages, timers with the work of their stage",
        "1.3 1.5 2",
        [
            says("activated", at(0), device="watched"),
            grant("ann", "door", at(0)),
            says("opened", at(0), "side"),
            grant("ann", "nowhere", at(10), device="watched"),
        ],
        [
            ("door.opened", {"position": 5, "ordinal": 0}),
            ("door.forced", {"position": 5, "ordinal": 1}),
            ("signal.unresolved", {"position": 6, "ordinal": 0, "person": "ann", "known_at": at(10)}),
            (
                "device.fell_silent",
                {"ordinal": 1, "occurred_at": at(5), "known_at": at(5), "causes": (3,), "value": 300},
            ),
            ("device.recovered", {"ordinal": 2, "occurred_at": at(10), "causes": (6,)}),
            ("entry.not_taken", {"ordinal": 3, "occurred_at": at(0, 10), "causes": (4,)}),
            ("door.held", {"ordinal": 4, "occurred_at": at(0, 30), "causes": (5,), "id": "house:6:4"}),
        ],
    ),
    Scenario(
        "a control signal is decided after all timers and what follows from them",
        "2 5.9",
        [grant("ann", "gate", at(0)), place("ann", "yard", at(120))],
        [
            ("visit.started", {"visit": "house:visit:3:ann"}),
            ("zone.entered", {}),
            ("site.left", {"position": 4, "causes": (3,), "visit": "house:visit:3:ann"}),
            ("visit.ended", {"position": 4}),
            ("visit.started", {"position": 4, "visit": "house:visit:4:ann", "basis": Basis.MANUAL}),
            ("zone.entered", {"zone": "yard", "from_zone": None, "maybe_zone": None, "causes": (4,)}),
        ],
    ),
    Scenario(
        "a credential passes from one person to the next at an instant, given in the site's time",
        "3.1",
        [
            says("granted", at(30) - 1, "gate", credential="c1"),
            says("granted", at(30), "gate", credential="c1"),
        ],
        [("zone.entered", {"person": "ann"}), ("zone.entered", {"person": "bob"})],
        only=("zone.entered",),
        directory=_UNTIL_HALF_PAST,
    ),
    Scenario(
        "of those who begin together the first by id holds a credential, whoever was known or listed first",
        "3.1",
        [
            load("directory", {"persons": [_with_c9(person) for person in ("zed", "bob", "amy")]}, at(1)),
            says("granted", at(2), "gate", credential="c9"),
            load("directory", {"persons": [{"id": "amy"}]}, at(3)),
            says("granted", at(4), "gate", credential="c9"),
        ],
        [("zone.entered", {"person": "amy"}), ("zone.entered", {"person": "bob"})],
        only=("zone.entered",),
    ),
    Scenario(
        "an ended or coming holding still tells the holder; nobody's credential is its own person",
        "3.1",
        [
            says("granted", at(20), "gate", credential="c1"),
            says("granted", at(20), "gate", credential="c2"),
            says("granted", at(20), "gate", credential="c3"),
            says("granted", at(20), "gate", "cy", credential="c1"),
        ],
        [("zone.entered", {"person": person}) for person in ("ann", "bob", "unknown:c3", "cy")],
        only=("zone.entered",),
        directory=_ENDED_AND_COMING,
    ),
    Scenario(
        "a holding that has ended gives way to one that lasts, at the very end",
        "3.1",
        [
            says("granted", at(10) - 1, "gate", credential="c4"),
            says("granted", at(10), "gate", credential="c4"),
        ],
        [("zone.entered", {"person": "cy"}), ("zone.entered", {"person": "bob"})],
        only=("zone.entered",),
        directory=_ENDED_AND_COMING,
    ),
    Scenario(
        "nobody holds a credential before they come or after they are gone",
        "3.1",
        [
            says("granted", at(5) - 1, "gate", credential="c1"),
            says("granted", at(5) - 1, "gate", credential="c2"),
            says("granted", at(5), "gate", credential="c2"),
            says("granted", at(10), "gate", credential="c1"),
        ],
        [("zone.entered", {"person": person}) for person in ("ann", "cy", "bob")],
        only=("zone.entered",),
        directory=_GONE_AND_COMING,
    ),
    Scenario(
        "out exchanges the sides, and leads outside where there is no from-zone",
        "3.2 5.5 6.3",
        [
            grant("ann", "reader", at(0)),
            grant("ann", "reader", at(1), direction=Direction.OUT),
            grant("ann", "inner", at(2), direction=Direction.OUT),
        ],
        [
            ("visit.started", {"zone": "hall", "basis": Basis.INFERRED, "point": "reader"}),
            (
                "site.left",
                {
                    "zone": None,
                    "from_zone": "hall",
                    "maybe_zone": "hall",
                    "basis": Basis.ASSUMED,
                    "point": "reader",
                    "visit": "house:visit:3:ann",
                },
            ),
            ("visit.started", {"zone": "hall", "point": "inner", "visit": "house:visit:5:ann"}),
        ],
        only=("visit.started", "site.left"),
    ),
    Scenario(
        "what has no known point, or a grant without a person, is unresolved",
        "3.3",
        [
            says("granted", at(0), None, credential="c-ann"),
            says("granted", at(0), "gate"),
            says("opened", at(0), "nowhere"),
            says("counted", at(0), "nowhere", interval=2),
            says("denied", at(0), "gate"),
            says("activated", at(0), "nowhere"),
        ],
        [
            ("signal.unresolved", {"person": "ann", "point": None, "device": "any", "causes": (3,)}),
            ("signal.unresolved", {"person": None, "point": None, "device": "any"}),
            ("signal.unresolved", {"position": 5, "person": None}),
            ("signal.unresolved", {"position": 6}),
        ],
    ),
    Scenario(
        "older than what its device has shown is late",
        "3.4 5.8",
        [says("activated", at(10)), grant("ann", "gate", at(10) - 1)],
        [
            (
                "signal.late",
                {"person": "ann", "device": "any", "point": "gate", "zone": "lobby", "late": True},
            ),
            ("visit.started", {"late": True, "occurred_at": at(10) - 1, "known_at": at(10)}),
            ("zone.entered", {"late": True}),
        ],
    ),
    Scenario(
        "older than what its person has shown elsewhere is late; the same instant is not",
        "3.4",
        [
            says("denied", at(10), "gate", "ann", device="one"),
            grant("ann", "gate", at(9), device="two"),
            grant("ann", "gate", at(10), device="three"),
            says("activated", at(9), person="ann", device="four"),
            says("activated", at(9), person="bob", device="five"),
        ],
        [("signal.late", {"position": 4}), ("signal.late", {"position": 6, "point": None, "zone": None})],
        only=("signal.late",),
    ),
    Scenario(
        "an unresolved signal can be late too; a late door signal leads nowhere",
        "3.4",
        [says("activated", at(10)), says("opened", at(9), "nowhere"), says("opened", at(9), "door")],
        [
            ("signal.unresolved", {"position": 4, "ordinal": 0}),
            ("signal.late", {"position": 4, "ordinal": 1, "point": None, "zone": None}),
            ("signal.late", {"position": 5, "point": "door", "zone": None}),
        ],
    ),
    Scenario(
        "missing sequence numbers are counted, and 0 or 1 restarts the count",
        "4.1",
        [says("activated", at(place), seq=seq) for place, seq in enumerate([5, 8, 8, 1, 2, 4, 3, 5, 0, 1])],
        [
            ("device.gap_found", {"position": 4, "value": 2, "device": "any", "causes": (4,)}),
            ("device.gap_found", {"position": 8, "value": 1}),
        ],
    ),
    Scenario(
        "a clock drifts beyond the limit, in milliseconds rounded toward zero, and recovers at it",
        "4.2",
        [
            says("activated", at(1), heard=at(1) - 10_000_999),
            says("activated", at(2), heard=at(2) - 10_001_000),
            says("activated", at(3), heard=at(3) + 10_001_000),
            says("activated", at(4), heard=at(50), delivery=Delivery.BACKFILL),
            says("activated", at(5), heard=at(5) + 10_000_999),
            says("activated", at(4), heard=at(60)),
        ],
        [
            ("device.clock_drifted", {"position": 4, "value": 10_001, "limit": 10_000, "device": "any"}),
            ("device.clock_recovered", {"position": 7, "value": -10_000, "limit": 10_000}),
            ("signal.late", {"position": 8}),
        ],
    ),
    Scenario(
        "a watched device falls silent at the very instant, recovers, and falls silent again",
        "4.3",
        [
            says("activated", at(0), device="watched"),
            tick(at(5) - 1),
            tick(at(5)),
            tick(at(6)),
            says("activated", at(7), device="watched"),
            tick(at(12)),
        ],
        [
            ("device.fell_silent", {"position": 5, "occurred_at": at(5), "value": 300, "causes": (3,)}),
            ("device.recovered", {"position": 7, "device": "watched", "occurred_at": at(7)}),
            ("device.fell_silent", {"position": 8, "occurred_at": at(12), "causes": (7,)}),
        ],
    ),
    Scenario(
        "devices that fall silent together do so in the order of the site document",
        "1.3 4.3",
        [
            says("activated", at(0), device="also"),
            says("activated", at(0), device="watched"),
            tick(at(5)),
        ],
        [("device.fell_silent", {"device": "watched"}), ("device.fell_silent", {"device": "also"})],
    ),
]
