"""Stories about doors (rules.md 9)."""

from .story import Scenario, at, grant, says, tick

DOORS = [
    Scenario(
        "a request to exit explains an opening at most 10 seconds later",
        "9.1",
        [says("exit_requested", at(0), "door"), says("opened", at(0, 10), "door")],
        [("door.opened", {"point": "door", "occurred_at": at(0, 10)})],
    ),
    Scenario(
        "a request to exit explains nothing a microsecond later, and nothing elsewhere",
        "9.1",
        [
            says("exit_requested", at(0), "door"),
            says("opened", at(0, 1), "side"),
            says("opened", at(0, 10) + 1, "door"),
        ],
        [
            ("door.opened", {"point": "side"}),
            ("door.forced", {"point": "side"}),
            ("door.opened", {"point": "door"}),
            ("door.forced", {"point": "door"}),
        ],
    ),
    Scenario(
        "without a contact nothing is forced; an open door does not open again",
        "9.1",
        [says("opened", at(0), "gate"), says("opened", at(0, 5), "gate")],
        [("door.opened", {"position": 3})],
    ),
    Scenario(
        "a closed door was open for whole seconds, rounded down, and its timer stops",
        "9.2",
        [
            says("closed", at(-1), "gate"),
            says("opened", at(0), "gate"),
            says("closed", at(0, 10) - 1, "gate"),
            says("closed", at(0, 11), "gate"),
            tick(at(1)),
        ],
        [("door.opened", {}), ("door.closed", {"position": 5, "point": "gate", "value": 9})],
    ),
    Scenario(
        "a door the controller calls forced is open, with its timer",
        "9.3",
        [
            says("forced", at(0), "gate"),
            says("opened", at(0, 1), "gate"),
            says("forced", at(0, 2), "gate"),
            tick(at(0, 30)),
        ],
        [
            ("door.forced", {"position": 3}),
            ("door.forced", {"position": 5}),
            ("door.held", {"occurred_at": at(0, 30), "causes": (3,)}),
        ],
    ),
    Scenario(
        "a door is held open at the very instant, once for each opening",
        "9.4",
        [
            says("opened", at(0), "gate"),
            tick(at(0, 30) - 1),
            says("closed", at(0, 30), "gate"),
            says("opened", at(1), "gate"),
            tick(at(2)),
            says("held", at(3), "gate"),
        ],
        [
            ("door.opened", {}),
            (
                "door.held",
                {
                    "position": 5,
                    "point": "gate",
                    "occurred_at": at(0, 30),
                    "value": 30,
                    "limit": 30,
                    "causes": (3,),
                },
            ),
            ("door.closed", {"value": 30}),
            ("door.opened", {}),
            ("door.held", {"position": 7, "occurred_at": at(1, 30), "known_at": at(1, 30), "causes": (6,)}),
        ],
    ),
    Scenario(
        "the controller may say held first, and only of an open door",
        "9.4",
        [
            says("held", at(0), "gate"),
            says("opened", at(1), "gate"),
            says("held", at(1, 10), "gate"),
            says("held", at(1, 20), "gate"),
            tick(at(2)),
        ],
        [
            ("door.opened", {}),
            (
                "door.held",
                {"position": 5, "occurred_at": at(1, 10), "value": 30, "limit": 30, "causes": (5,)},
            ),
        ],
    ),
    Scenario(
        "fractions of a second count for the timer, not for the report",
        "9.4",
        [says("opened", at(0), "gate"), tick(at(1))],
        [("door.opened", {}), ("door.held", {"occurred_at": at(0, 30.5), "value": 30, "limit": 30})],
        policy={"doors": {"held_open_seconds": 30.5}},
    ),
    Scenario(
        "late door signals change no door; a taken grant explains the opening that takes it, and no other",
        "9 9.1",
        [
            grant("ann", "side", at(1), device="reader"),
            says("opened", at(1, 1), "side"),
            says("closed", at(1), "side"),
            says("closed", at(1, 2), "side"),
            says("opened", at(1, 3), "side"),
        ],
        [
            ("door.opened", {"position": 4}),
            ("signal.late", {"position": 5}),
            ("door.closed", {"position": 6, "value": 1}),
            ("door.opened", {"position": 7}),
            ("door.forced", {"position": 7}),
        ],
        only=("door.opened", "door.closed", "door.forced", "signal.late"),
    ),
]
