"""What the model remembers, and the words the rules use about it (rules.md 1, 3.1, 7, 10)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.event import Event
from domain.policy import Policy
from domain.signal import Signal
from domain.site import Device, Point, Site, Zone
from domain.vocabulary import OUTSIDE, Basis, Role, Topic

EVERYWHERE = ""
"""The site as a whole: the zone that holds everything but outside (7.3)."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def microseconds(moment: datetime) -> int:
    """Return an aware datetime as whole microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


def span(amount: float, unit_us: int) -> int:
    """Return `amount` units as whole microseconds (the policy's times may have fractions)."""
    return round(amount * unit_us)


SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE


@dataclass(frozen=True)
class Holding:
    """A credential held by a person, from (None: always) until (None: for ever), in microseconds."""

    hash: str
    valid_from: int | None
    valid_until: int | None


@dataclass(frozen=True)
class Grant:
    """A grant at a closed door with contact, waiting for an opening (5.2c)."""

    position: int
    point: str
    zone: str
    other_side: str | None
    direction: str
    due: int


@dataclass(frozen=True)
class Deadline:
    """What will happen to a person without further readings: absence, timeout or settling (5.6, 5.7)."""

    kind: str
    due: int
    cause: int
    basis: Basis


@dataclass
class Person:
    """One person's place, and what the directory says of them."""

    id: str
    code: int
    department: str | None = None
    role: Role = Role.UNKNOWN
    holdings: tuple[Holding, ...] = ()
    shown: int | None = None
    zone: str = OUTSIDE
    maybe: str = OUTSIDE
    seen_at: int | None = None
    visit: str | None = None
    grant: Grant | None = None
    deadline: Deadline | None = None


@dataclass
class Machine:
    """One device's health (section 4)."""

    code: int
    shown: int | None = None
    seq: int | None = None
    drifted: bool = False
    silent: bool = False
    silence_due: int | None = None
    silence_allowed_s: int = 0
    said_position: int = 0


@dataclass
class Door:
    """One point's door (section 9)."""

    code: int
    open: bool = False
    opened_at: int = 0
    opened_position: int = 0
    held: bool = False
    held_due: int | None = None
    held_allowed_s: int = 0
    exit_requests: list[int] = field(default_factory=list)
    moved: dict[str, int] = field(default_factory=lambda: {"in": 0, "out": 0})


@dataclass(frozen=True)
class Passage:
    """Unregistered passages from one side of a point to the other, until settled (5.10)."""

    point: str
    from_zone: str
    zone: str
    count: int
    due: int
    cause: int


@dataclass(frozen=True)
class Move:
    """A person moved (5.5), with everything the later stages want to know of it."""

    person: str
    from_zone: str
    zone: str
    maybe: str
    occurred_at: int
    known_at: int
    basis: Basis
    late: bool
    point: str | None
    other_side: str | None
    causes: tuple[int, ...]
    visit: str | None
    registered: bool
    reading: bool

    @property
    def repeat(self) -> bool:
        """Whether the person was there already (5.5b, 5.5e)."""
        return self.zone == self.from_zone

    @property
    def entry(self) -> bool:
        """Whether detectors look at it as an entry (10)."""
        return not self.repeat and not self.late and self.zone != OUTSIDE


@dataclass(frozen=True)
class Step:
    """The signal being decided, and the log's time before and after it (1.2)."""

    position: int
    signal: Signal
    before: int
    now: int

    @property
    def moment(self) -> int:
        """The signal's own moment: no timer that is due later fires (1.3)."""
        return min(self.signal.time.occurred_at, self.signal.time.received_at)

    def fired_at(self, due: int) -> int:
        """Return the `known_at` of what a timer decides (1.4)."""
        return max(due, self.before)


class World:
    """Everything the model remembers."""

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.now = 0
        self.site: Site | None = None
        self.policy = Policy()
        self.policy_version = 0
        self.zones: dict[str, Zone] = {}
        self.points: dict[str, Point] = {}
        self.current_zones: set[str] = set()
        self.current_points: set[str] = set()
        self.devices: dict[str, Device] = {}
        self.persons: dict[str, Person] = {}
        self.machines: dict[str, Machine] = {}
        self.doors: dict[str, Door] = {}
        self.passages: list[Passage] = []
        self._drafts: list[dict[str, Any]] = []
        self.telling: list[Move | Callable[[], None]] = []

    # Events (1.4, 1.5)

    def emit(
        self, topic: Topic, *, occurred_at: int, known_at: int, causes: Iterable[int], **fields: Any
    ) -> None:
        """Decide an event; zones may be given as `outside`, which an event does not name."""
        for name in ("zone", "from_zone"):
            # rules.md 6.2: `from_zone` outside is None, as `zone` is (only `maybe_zone` says `outside`).
            if fields.get(name) == OUTSIDE:
                fields[name] = None
        self._drafts.append(
            {
                "topic": topic,
                "occurred_at": occurred_at,
                "known_at": known_at,
                "causes": tuple(causes),
                "policy_version": self.policy_version,
                **fields,
            }
        )

    def tell(self, topic: Topic, **fields: Any) -> None:
        """Leave an event to the visits stage, which tells it in its turn among the moves."""
        self.telling.append(lambda: self.emit(topic, **fields))

    def collect(self, position: int) -> list[Event]:
        """Return the decided events with ids and ordinals, and forget them."""
        drafts, self._drafts = self._drafts, []
        return [
            Event(
                id=f"{self.site_id}:{position}:{ordinal}",
                site=self.site_id,
                position=position,
                ordinal=ordinal,
                **draft,
            )
            for ordinal, draft in enumerate(drafts)
        ]

    # Codes: order of first appearance

    def person(self, person: str) -> Person:
        """Return the person, who appears now if they never did."""
        return self.persons.setdefault(person, Person(person, len(self.persons)))

    def machine(self, device: str) -> Machine:
        """Return the device's health; it appears now if it never did."""
        return self.machines.setdefault(device, Machine(len(self.machines)))

    # Zones (7)

    def chain(self, zone: str | None) -> list[str]:
        """Return a zone and every zone around it, innermost first; nothing for outside."""
        found: list[str] = []
        while zone is not None and zone != OUTSIDE:
            found.append(zone)
            zone = self.zones[zone].parent
        return found

    def inside(self, zone: str, enclosing: str) -> bool:
        """Return whether `zone` is in `enclosing` or in any zone within it."""
        if enclosing == EVERYWHERE:
            return zone != OUTSIDE
        return enclosing in self.chain(zone)

    # Parameters (10)

    def parameters(
        self, rule: str, zone: str | None, person: str | None = None, *, by_zone_alone: bool = False
    ) -> dict[str, Any] | None:
        """Return the parameters of a rule for a zone and person, or None where the rule does nothing."""
        found = self.policy.rules.get(rule)
        if found is None or not found.enabled:
            return None
        known = self.persons.get(person) if person is not None else None
        around = self.chain(zone)
        merged = dict(found.parameters)
        for override in found.overrides:
            if override.zones is not None and not set(override.zones) & set(around):
                continue
            # 10.3: an override's roles and departments are ignored.
            if not by_zone_alone:
                # rules.md 10.5: somebody the directory does not know has the role `unknown`; nobody has none.
                if override.roles is not None and (known is None or known.role not in override.roles):
                    continue
                if override.departments is not None and (
                    known is None or known.department not in override.departments
                ):
                    continue
            merged |= override.set
        return merged
