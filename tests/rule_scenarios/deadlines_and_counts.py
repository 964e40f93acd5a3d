"""Stories about deadlines, counted passages and occupancy (rules.md 5.6, 5.7, 5.10 and 7)."""

from domain.vocabulary import Basis, Direction

from .story import Scenario, at, grant, place, says, tick

DEADLINES_AND_COUNTS = [
    Scenario(
        "gone after exactly 120 minutes, at the time of the last reading",
        "5.6 6.3",
        [grant("ann", "gate", at(0)), tick(at(120))],
        [
            ("visit.started", {}),
            ("zone.entered", {}),
            (
                "site.left",
                {
                    "position": 4,
                    "person": "ann",
                    "zone": None,
                    "from_zone": "lobby",
                    "maybe_zone": "lobby",
                    "basis": Basis.INFERRED,
                    "occurred_at": at(0),
                    "known_at": at(120),
                    "visit": "house:visit:3:ann",
                    "causes": (3,),
                },
            ),
            ("visit.ended", {"zone": "lobby", "occurred_at": at(0), "visit": "house:visit:3:ann"}),
        ],
        occupancy={"lobby": (0, 0, 1), "": (0, 0, 1)},
    ),
    Scenario(
        "not gone a microsecond earlier",
        "5.6",
        [grant("ann", "gate", at(0)), tick(at(120) - 1)],
        [("visit.started", {}), ("zone.entered", {})],
        occupancy={"lobby": (1, 0, 1)},
    ),
    Scenario(
        "a repeat begins the absence anew",
        "5.6",
        [grant("ann", "gate", at(0)), grant("ann", "gate", at(60)), tick(at(120)), tick(at(180))],
        [("site.left", {"position": 6, "occurred_at": at(60), "known_at": at(180), "causes": (4,)})],
        only=("site.left",),
    ),
    Scenario(
        "a time-out months away is kept to the microsecond, whatever came between",
        "5.6",
        [
            grant("ann", "reader", at(0)),
            grant("bob", "reader", at(90)),
            tick(at(60 * 24 * 50)),
            grant("bob", "gate", at(60 * 24 * 50 + 5)),
            tick(at(60 * 2_000) - 1),
            tick(at(60 * 2_000)),
            tick(at(60 * 24 * 50 + 5 + 60 * 2_000) - 1),
        ],
        [
            ("site.left", {"person": "ann", "occurred_at": at(0), "known_at": at(60 * 2_000)}),
        ],
        only=("site.left",),
        policy={"presence": {"timeout_hours": 2_000}},
        occupancy={"hall": (0, 0, 1), "lobby": (1, 0, 1)},
    ),
    Scenario(
        "elsewhere than at an entrance the time-out counts, and settles in the same pass",
        "1.3 5.6 5.7 6.4",
        [grant("ann", "reader", at(0)), tick(at(960) - 1), tick(at(960))],
        [
            ("visit.started", {}),
            ("registration.missed", {}),
            ("zone.entered", {}),
            ("site.left", {"occurred_at": at(0), "basis": Basis.TIMEOUT, "from_zone": "hall"}),
            ("visit.ended", {"occurred_at": at(0), "basis": Basis.TIMEOUT}),
            (
                "presence.settled",
                {
                    "position": 5,
                    "zone": None,
                    "occurred_at": at(960),
                    "basis": Basis.TIMEOUT,
                    "visit": None,
                    "causes": (3,),
                },
            ),
        ],
        occupancy={"hall": (0, 0, 0)},
    ),
    Scenario(
        "whoever left by absence settles outside when the time-out has passed",
        "5.7",
        [grant("ann", "gate", at(0)), tick(at(120)), tick(at(960))],
        [
            ("site.left", {"position": 4}),
            (
                "presence.settled",
                {
                    "position": 5,
                    "zone": None,
                    "occurred_at": at(960),
                    "basis": Basis.INFERRED,
                    "causes": (3,),
                },
            ),
        ],
        only=("site.left", "presence.settled"),
    ),
    Scenario(
        "an assumed exit settles too",
        "5.7 6.3",
        [
            grant("ann", "gate", at(0)),
            grant("ann", "gate", at(10), direction=Direction.OUT),
            tick(at(970)),
        ],
        [
            (
                "site.left",
                {"occurred_at": at(10), "maybe_zone": "lobby", "basis": Basis.ASSUMED, "point": "gate"},
            ),
            ("visit.ended", {"zone": "lobby", "occurred_at": at(10)}),
            ("presence.settled", {"zone": None, "occurred_at": at(970), "causes": (4,), "visit": None}),
        ],
        only=("site.left", "visit.ended", "presence.settled"),
    ),
    Scenario(
        "without absence minutes an entrance zone has the time-out too",
        "5.6",
        [grant("ann", "gate", at(0)), tick(at(120)), tick(at(60))],
        [("visit.started", {}), ("zone.entered", {})],
        policy={"presence": {"absence_minutes": None, "timeout_hours": 16}},
    ),
    Scenario(
        "more passed than moved: the rest is unregistered, by direction and since the last count",
        "5.10 7",
        [
            grant("ann", "gate", at(0)),
            grant("bob", "gate", at(1)),
            says("counted", at(2), "gate", interval=3),
            says("counted", at(3), "gate", interval=1),
            says("counted", at(4), "gate", interval=0, direction=Direction.OUT),
            says("counted", at(5), "reader", interval=5),
        ],
        [
            (
                "passage.unregistered",
                {
                    "position": 5,
                    "point": "gate",
                    "from_zone": None,
                    "zone": "lobby",
                    "value": 1,
                    "causes": (5,),
                },
            ),
            ("passage.unregistered", {"position": 6, "value": 1}),
        ],
        only=("passage.unregistered",),
        occupancy={"lobby": (2, 0, 4), "house": (2, 0, 4), "hall": (0, 0, 0), "": (2, 0, 4)},
    ),
    Scenario(
        "a passage between zones is slack on both sides, and none around them",
        "5.10 7.2 7.3",
        [
            place("ann", "hall", at(0)),
            place("bob", "hall", at(0)),
            place("cy", "hall", at(0)),
            says("counted", at(1), "door", interval=2, direction=Direction.OUT),
        ],
        [("passage.unregistered", {"from_zone": "hall", "zone": "lobby", "value": 2, "point": "door"})],
        only=("passage.unregistered",),
        occupancy={"hall": (3, 1, 3), "lobby": (0, 0, 2), "house": (3, 3, 3), "": (3, 3, 3)},
    ),
    Scenario(
        "however many passed, they add up",
        "7.2 7.3",
        [
            place("ann", "lobby", at(0)),
            *(
                says("counted", at(1 + minute), "gate", interval=2_000_000_000, direction=direction)
                for minute in range(2)
                for direction in (Direction.IN, Direction.OUT)
            ),
        ],
        [("passage.unregistered", {"value": 2_000_000_000})] * 4,
        only=("passage.unregistered",),
        occupancy={"lobby": (1, 0, 4_000_000_001), "": (1, 0, 4_000_000_001)},
    ),
    Scenario(
        "passages of one point that are due together are settled in the order they were counted",
        "1.3 5.10",
        [
            says("counted", at(0), "gate", interval=5),
            says("counted", at(1), "inner", interval=1),
            says("counted", at(1), "inner", interval=2, direction=Direction.OUT),
            tick(at(1_000)),
        ],
        [
            ("passage.settled", {"point": "gate", "value": 5}),
            ("passage.settled", {"point": "inner", "value": 1, "causes": (4,)}),
            ("passage.settled", {"point": "inner", "value": 2, "causes": (5,)}),
        ],
        only=("passage.settled",),
    ),
    Scenario(
        "a passage is settled when the time-out has passed",
        "5.10",
        [says("counted", at(0), "gate", interval=2), tick(at(960) - 1), tick(at(960))],
        [
            ("passage.unregistered", {"value": 2}),
            (
                "passage.settled",
                {
                    "position": 5,
                    "point": "gate",
                    "zone": "lobby",
                    "from_zone": None,
                    "value": 2,
                    "occurred_at": at(960),
                    "causes": (3,),
                },
            ),
        ],
        occupancy={"": (0, 0, 0)},
    ),
    Scenario(
        "the assumed are possible in both zones, and certain in what holds both",
        "7.1",
        [place("ann", "lobby", at(0)), grant("ann", "reader", at(1)), grant("bob", "gate", at(2))],
        [("zone.entered", {}), ("zone.entered", {}), ("zone.entered", {})],
        only=("zone.entered",),
        occupancy={
            "hall": (1, 0, 1),
            "lobby": (1, 0, 2),
            "house": (2, 1, 2),
            "yard": (0, 0, 0),
            "": (2, 1, 2),
        },
    ),
]
