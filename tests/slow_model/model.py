"""One signal at a time, through the stages in order (rules.md 1 and 2)."""

from domain.event import Event
from domain.signal import Signal
from domain.vocabulary import OUTSIDE, Category

from .alerts import Alerts
from .control import look_at_control
from .crossings import Crossed, fire_crossings, look_at_crossing
from .detectors import Detectors, Facts, denial
from .doors import DoorFact, fire_doors, look_at_door
from .presence import Occupancy, occupancy, visit
from .readings import Resolved, fire_silences, look_at_device, resolve
from .world import EVERYWHERE, Move, Step, World


class SlowModel:
    """Decides signals as `docs/rules.md` says, in plain Python.

    Example: `for position, signal in enumerate(signals): events += model.decide(position, signal)`.
    """

    def __init__(self, site_id: str) -> None:
        self._world = World(site_id)
        self._occupancy = Occupancy()
        self._detectors = Detectors()
        self._alerts = Alerts()

    def decide(self, position: int, signal: Signal) -> list[Event]:
        """Return the events that the signal at this position (its offset in the log) decides, in order."""
        world = self._world
        before = world.now
        world.now = max(before, min(signal.time.occurred_at, signal.time.received_at))  # 1.2
        step = Step(position, signal, before, world.now)
        world.machine(signal.device)
        if signal.category in (Category.CONTROL, Category.CLOCK):
            self._through_stages(step, None)
        else:
            self._through_stages(step, resolve(world, step))
        if signal.category == Category.CONTROL:
            # 2: what the timers of all stages decide came first, then the control signal and what follows.
            self._behind_crossings(step, look_at_control(world, step), [], None)
        return world.collect(position)

    def _through_stages(self, step: Step, resolved: Resolved | None) -> None:
        """Run every stage behind resolve: its timers, then, where there is one, the resolved signal."""
        world = self._world
        looked_at = resolved if resolved is not None and not resolved.unresolved else None
        fire_silences(world, step)
        if resolved is not None:
            look_at_device(world, step, resolved.late)
        moves = fire_crossings(world, step)
        crossed = Crossed([]) if looked_at is None else look_at_crossing(world, step, looked_at)
        self._behind_crossings(step, moves + crossed.moves, [], looked_at, crossed.explained, timers=True)

    def _behind_crossings(
        self,
        step: Step,
        moves: list[Move],
        doors: list[DoorFact],
        resolved: Resolved | None,
        explained: bool = False,
        *,
        timers: bool = False,
    ) -> None:
        world = self._world
        for told in world.telling:  # 2: visits tell what crossings decided
            if isinstance(told, Move):
                visit(world, told)
            else:
                told()
        world.telling.clear()
        changes = [change for moved in moves for change in self._occupancy.look_at(world, moved)]
        if timers:
            doors = doors + fire_doors(world, step)
        if resolved is not None:
            doors = doors + look_at_door(world, step, resolved, explained)
        denied = denial(step, resolved) if resolved is not None else None
        found = self._detectors.look(world, Facts(step, moves, changes, doors, denied, resolved))
        self._alerts.look(world, found)

    def occupancy(self) -> dict[str, tuple[int, int, int]]:
        """Return (count, low, high) of every zone, and of the whole site under the empty name (7)."""
        return occupancy(self._world)

    @property
    def total(self) -> int:
        """How many persons are on the site."""
        return self.occupancy()[EVERYWHERE][0]

    def person_place(self, person: str) -> tuple[str, str]:
        """Return where a person is and where else they may be; equal when certain (5.1)."""
        known = self._world.persons.get(person)
        return (OUTSIDE, OUTSIDE) if known is None else (known.zone, known.maybe)
