"""Visits and occupancy (rules.md 6 and 7)."""

from dataclasses import dataclass

from domain.vocabulary import OUTSIDE, Basis, Topic

from .world import EVERYWHERE, Move, World


def visit(world: World, moved: Move) -> None:
    """Write down what a move means for the person's visit (section 6)."""
    if moved.repeat:
        return

    def say(topic: Topic, zone: str | None, *extra: str) -> None:
        fields = {
            "from_zone": moved.from_zone,
            "maybe_zone": moved.maybe if moved.maybe != moved.zone else None,
            "basis": moved.basis,
        }
        world.emit(
            topic,
            occurred_at=moved.occurred_at,
            known_at=moved.known_at,
            causes=moved.causes,
            person=moved.person,
            zone=zone,
            point=moved.point,
            visit=moved.visit,
            late=moved.late,
            **{name: fields[name] for name in extra},
        )

    if moved.zone == OUTSIDE:  # 6.3
        say(Topic.SITE_LEFT, None, "from_zone", "maybe_zone", "basis")
        say(Topic.VISIT_ENDED, moved.from_zone, "basis")
        return
    if moved.from_zone == OUTSIDE:  # 6.1
        say(Topic.VISIT_STARTED, moved.zone, "basis")
        if not moved.registered and moved.basis != Basis.MANUAL:
            say(Topic.REGISTRATION_MISSED, moved.zone)
    say(Topic.ZONE_ENTERED, moved.zone, "from_zone", "maybe_zone", "basis")  # 6.2


@dataclass(frozen=True)
class Change:
    """The count of a zone after a move changed it."""

    zone: str
    count: int
    move: Move


class Occupancy:
    """Counts everybody anew after each move, as far as this stage has seen the moves (7.1)."""

    def __init__(self) -> None:
        self._where: dict[str, str] = {}

    def look_at(self, world: World, moved: Move) -> list[Change]:
        """Return the changed counts: zones left, then zones entered, each innermost first (10.3)."""
        self._where[moved.person] = moved.zone
        left, entered = world.chain(moved.from_zone), world.chain(moved.zone)
        changed = [zone for zone in left if zone not in entered]
        changed += [zone for zone in entered if zone not in left]
        return [
            Change(zone, sum(world.inside(place, zone) for place in self._where.values()), moved)
            for zone in changed
        ]


def occupancy(world: World) -> dict[str, tuple[int, int, int]]:
    """Return count, low and high of every zone and of the whole site, under its empty name (7)."""
    found: dict[str, tuple[int, int, int]] = {}
    for zone in [EVERYWHERE, *world.zones]:
        count = certain = possible = slack_in = slack_out = 0
        for person in world.persons.values():
            here, perhaps = world.inside(person.zone, zone), world.inside(person.maybe, zone)
            count += here
            certain += here and perhaps
            possible += here or perhaps
        for passage in world.passages:  # 7.2
            origin, goal = world.inside(passage.from_zone, zone), world.inside(passage.zone, zone)
            slack_in += passage.count if goal and not origin else 0
            slack_out += passage.count if origin and not goal else 0
        found[zone] = (count, max(0, certain - slack_out), possible + slack_in)  # 7.3
    return found
