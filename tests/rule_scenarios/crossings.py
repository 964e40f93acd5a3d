"""Stories about crossings and visits (rules.md 5.1 to 5.5, 5.8, 5.9 and 6)."""

from domain.vocabulary import Basis, Delivery, Direction

from .story import Scenario, at, grant, place, says, tick

CROSSINGS = [
    Scenario(
        "a grant without contact is an assumed entry, and begins a visit",
        "5.2a 5.5c 5.5d 6.1 6.2",
        [grant("ann", "gate", at(0)), grant("ann", "gate", at(1)), grant("ann", "fence", at(2))],
        [
            (
                "visit.started",
                {
                    "id": "house:3:0",
                    "person": "ann",
                    "zone": "lobby",
                    "point": "gate",
                    "basis": Basis.ASSUMED,
                    "visit": "house:visit:3:ann",
                    "late": False,
                    "causes": (3,),
                    "policy_version": 1,
                },
            ),
            (
                "zone.entered",
                {"zone": "lobby", "from_zone": None, "maybe_zone": "outside", "basis": Basis.ASSUMED},
            ),
            (
                "zone.entered",
                {
                    "position": 5,
                    "zone": "yard",
                    "from_zone": "lobby",
                    "maybe_zone": "lobby",
                    "visit": "house:visit:3:ann",
                },
            ),
        ],
    ),
    Scenario(
        "a grant at an open door is an assumed entry at once",
        "5.2b 9.1",
        [says("opened", at(0), "side"), grant("ann", "side", at(0, 5))],
        [
            ("door.opened", {}),
            ("door.forced", {"position": 3}),
            ("visit.started", {"position": 4, "basis": Basis.ASSUMED, "causes": (4,)}),
            ("zone.entered", {"zone": "hall", "maybe_zone": "outside"}),
        ],
    ),
    Scenario(
        "what is decided later is not earlier: an opening heard of after a newer reading",
        "5.3 5.5a 8.1",
        [
            grant("ann", "side", at(0), device="one"),
            grant("ann", "gate", at(0, 5), device="other"),
            says("opened", at(0, 3), "side", device="door"),
        ],
        [
            ("visit.started", {"zone": "lobby", "occurred_at": at(0, 5)}),
            ("zone.entered", {"zone": "lobby", "occurred_at": at(0, 5)}),
            ("zone.entered", {"zone": "hall", "occurred_at": at(0, 5), "causes": (3, 5)}),
            ("door.opened", {"occurred_at": at(0, 3)}),
        ],
        occupancy={"hall": (1, 1, 1), "lobby": (0, 0, 0)},
    ),
    Scenario(
        "nobody is held up by a time that was far ahead",
        "5.5a 5.9",
        [
            says("placed", at(30), None, "ann", heard=at(1), data={"zone": "yard"}, device="desk"),
            says("placed", at(2), None, "ann", heard=at(3), data={"zone": "hall"}, device="desk"),
            says("placed", at(1), None, "ann", heard=at(4), data={"zone": "lab"}, device="desk"),
        ],
        [
            ("visit.started", {"occurred_at": at(30)}),
            ("zone.entered", {"zone": "yard", "occurred_at": at(30)}),
            ("zone.entered", {"zone": "hall", "occurred_at": at(2)}),
            ("zone.entered", {"zone": "lab", "occurred_at": at(2)}),
        ],
    ),
    Scenario(
        "a grant and one opening are a detected entry at the time of the opening",
        "5.2c 5.3 9.1",
        [grant("ann", "side", at(0)), says("opened", at(0, 9), "side")],
        [
            (
                "visit.started",
                {"position": 4, "basis": Basis.DETECTED, "occurred_at": at(0, 9), "causes": (3, 4)},
            ),
            ("zone.entered", {"zone": "hall", "maybe_zone": None, "causes": (3, 4), "point": "side"}),
            ("door.opened", {"point": "side", "causes": (4,)}),
        ],
        occupancy={"hall": (1, 1, 1), "house": (1, 1, 1), "": (1, 1, 1), "lobby": (0, 0, 0)},
    ),
    Scenario(
        "two grants and one opening are two assumed entries, in the order they were granted",
        "5.3",
        [
            grant("bob", "side", at(0)),
            grant("ann", "side", at(0, 1)),
            says("opened", at(0, 5), "side"),
        ],
        [
            (
                "visit.started",
                {
                    "person": "bob",
                    "basis": Basis.ASSUMED,
                    "causes": (3, 5),
                    "visit": "house:visit:5:bob",
                },
            ),
            ("zone.entered", {"person": "bob", "maybe_zone": "outside"}),
            (
                "visit.started",
                {
                    "person": "ann",
                    "basis": Basis.ASSUMED,
                    "causes": (4, 5),
                    "visit": "house:visit:5:ann",
                },
            ),
            ("zone.entered", {"person": "ann", "maybe_zone": "outside"}),
            ("door.opened", {}),
        ],
        occupancy={"hall": (2, 0, 2)},
    ),
    Scenario(
        "a late opening takes nothing, and is no opening",
        "5.3 9",
        [
            says("activated", at(1), device="contact", heard=at(0), delivery=Delivery.BACKFILL),
            grant("ann", "side", at(0), device="reader"),
            says("opened", at(0, 5), "side", device="contact"),
            tick(at(0, 10)),
        ],
        [
            ("signal.late", {"position": 5, "point": "side"}),
            (
                "entry.not_taken",
                {
                    "position": 6,
                    "person": "ann",
                    "point": "side",
                    "zone": "hall",
                    "occurred_at": at(0, 10),
                    "known_at": at(0, 10),
                    "causes": (4,),
                },
            ),
        ],
    ),
    Scenario(
        "an opening at the very end of the waiting time comes too late, and is forced",
        "1.3 5.4 9.1",
        [grant("ann", "side", at(0)), says("opened", at(0, 10), "side")],
        [
            ("entry.not_taken", {"occurred_at": at(0, 10), "causes": (3,)}),
            ("door.opened", {}),
            ("door.forced", {}),
        ],
    ),
    Scenario(
        "a second grant displaces a person's first, at whatever door",
        "5.2c 5.4",
        [
            grant("ann", "door", at(0)),
            grant("ann", "side", at(0, 3)),
            says("opened", at(0, 4), "door"),
            says("opened", at(0, 5), "side"),
        ],
        [
            (
                "entry.not_taken",
                {"position": 4, "point": "door", "occurred_at": at(0, 3), "causes": (3,)},
            ),
            ("door.opened", {"position": 5}),
            ("door.forced", {"position": 5, "point": "door"}),
            ("visit.started", {"position": 6, "point": "side", "causes": (4, 6)}),
            ("zone.entered", {"basis": Basis.DETECTED}),
            ("door.opened", {"point": "side"}),
        ],
    ),
    Scenario(
        "a grant that is heard of when its time is up is not taken with the next signal",
        "5.4",
        [
            tick(at(10)),
            grant("ann", "side", at(0), heard=at(10), delivery=Delivery.BACKFILL),
            says("opened", at(10), "side", device="contact"),
        ],
        [
            ("entry.not_taken", {"position": 5, "occurred_at": at(0, 10), "known_at": at(10)}),
            ("door.opened", {}),
            ("door.forced", {}),
        ],
    ),
    Scenario(
        "a detected repeat makes an uncertain person certain, an assumed one does not",
        "5.5b 6.4",
        [
            grant("ann", "reader", at(0)),
            grant("ann", "reader", at(0, 30)),
            grant("ann", "door", at(1)),
            says("opened", at(1, 2), "door"),
            grant("ann", "door", at(1, 10)),
        ],
        [
            ("visit.started", {"basis": Basis.INFERRED}),
            ("registration.missed", {}),
            ("zone.entered", {"maybe_zone": "outside"}),
            (
                "presence.settled",
                {
                    "position": 6,
                    "person": "ann",
                    "zone": "hall",
                    "maybe_zone": None,
                    "basis": Basis.DETECTED,
                    "visit": "house:visit:3:ann",
                    "occurred_at": at(1, 2),
                    "causes": (5, 6),
                },
            ),
            ("door.opened", {}),
        ],
        occupancy={"hall": (1, 1, 1)},
    ),
    Scenario(
        "even a detected entry is inferred when it begins a visit deep inside",
        "5.5c 6.1",
        [grant("ann", "door", at(0)), says("opened", at(0, 1), "door")],
        [
            ("visit.started", {"basis": Basis.INFERRED, "zone": "hall"}),
            (
                "registration.missed",
                {
                    "person": "ann",
                    "zone": "hall",
                    "point": "door",
                    "visit": "house:visit:4:ann",
                    "late": False,
                    "occurred_at": at(0, 1),
                },
            ),
            ("zone.entered", {"basis": Basis.INFERRED, "maybe_zone": "outside"}),
            ("door.opened", {}),
        ],
        occupancy={"hall": (1, 0, 1)},
    ),
    Scenario(
        "going out when outside already is a repeat, and nothing happens",
        "5.5e",
        [grant("ann", "gate", at(0), direction=Direction.OUT), place("ann", "outside", at(1))],
        [],
    ),
    Scenario(
        "a detected exit is certain",
        "5.5d 5.5e 6.3",
        [
            place("ann", "hall", at(0)),
            grant("ann", "side", at(5), direction=Direction.OUT),
            says("opened", at(5, 3), "side"),
            tick(at(5 + 960)),
        ],
        [
            ("visit.started", {}),
            ("zone.entered", {}),
            (
                "site.left",
                {
                    "from_zone": "hall",
                    "maybe_zone": None,
                    "zone": None,
                    "basis": Basis.DETECTED,
                    "occurred_at": at(5, 3),
                    "causes": (4, 5),
                },
            ),
            ("visit.ended", {"zone": "hall", "visit": "house:visit:3:ann", "basis": Basis.DETECTED}),
            ("door.opened", {}),
            ("door.held", {}),
        ],
    ),
    Scenario(
        "late readings move whoever has not been seen since, and else correct the past",
        "5.8",
        [
            grant("ann", "gate", at(10)),
            says("denied", at(15), "gate", "ann"),
            grant("ann", "reader", at(12)),
            grant("ann", "reader", at(12) - 1),
            grant("ann", "gate", at(8)),
            grant("ann", "gate", at(12)),
        ],
        [
            ("visit.started", {"late": False}),
            ("zone.entered", {"late": False}),
            ("signal.late", {"position": 5, "zone": "hall", "late": True}),
            (
                "zone.entered",
                {"zone": "hall", "from_zone": "lobby", "maybe_zone": "lobby", "late": True},
            ),
            ("signal.late", {"position": 6}),
            (
                "presence.corrected",
                {
                    "zone": "hall",
                    "maybe_zone": None,
                    "point": "reader",
                    "basis": Basis.ASSUMED,
                    "occurred_at": at(12) - 1,
                    "known_at": at(15),
                    "late": True,
                },
            ),
            ("signal.late", {"position": 7}),
            ("presence.corrected", {"zone": "lobby", "maybe_zone": "outside", "point": "gate"}),
            ("signal.late", {"position": 8}),
            ("zone.entered", {"zone": "lobby", "late": True}),
        ],
        occupancy={"lobby": (1, 0, 1), "hall": (0, 0, 1), "house": (1, 1, 1)},
    ),
    Scenario(
        "a late grant does not wait for its door, and displaces no other",
        "5.8",
        [
            grant("ann", "door", at(10), device="one"),
            grant("ann", "side", at(10) - 1, device="two"),
            says("opened", at(10, 5), "door", device="one"),
        ],
        [
            ("signal.late", {"position": 4}),
            ("visit.started", {"position": 4, "late": True, "zone": "hall", "basis": Basis.ASSUMED}),
            ("zone.entered", {"position": 4, "late": True}),
            ("presence.settled", {"position": 5, "zone": "hall", "basis": Basis.DETECTED}),
            ("door.opened", {"position": 5}),
        ],
    ),
    Scenario(
        "a person put somewhere by hand is certainly there, and has missed no registration",
        "5.9 6.1 6.3",
        [place("ann", "lab", at(0)), place("ann", "lab", at(1)), place("ann", "outside", at(2))],
        [
            ("visit.started", {"zone": "lab", "basis": Basis.MANUAL, "point": None}),
            ("zone.entered", {"zone": "lab", "maybe_zone": None, "basis": Basis.MANUAL, "causes": (3,)}),
            ("site.left", {"from_zone": "lab", "maybe_zone": None, "basis": Basis.MANUAL}),
            ("visit.ended", {"zone": "lab", "occurred_at": at(2), "basis": Basis.MANUAL}),
        ],
        occupancy={"": (0, 0, 0)},
    ),
]
