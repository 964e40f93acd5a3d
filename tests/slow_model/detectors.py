"""The ten detectors, in the registry's order (rules.md 10)."""

import math
from dataclasses import dataclass, field, replace
from fractions import Fraction
from typing import Any

from domain.vocabulary import OUTSIDE, Action, Category, Topic

from .doors import DoorFact
from .hours import out_of_hours_until
from .presence import Change
from .readings import Resolved
from .world import MINUTE, Move, Step, World, span

ORDER = (
    "after_hours",
    "rapid_reentry",
    "density",
    "missed_registration",
    "denied_streak",
    "anti_passback",
    "door_forced",
    "door_held",
    "impossible_travel",
    "two_sites",
)


@dataclass(frozen=True)
class Finding:
    """What a detector hands to the alerts: raise, join or clear one of a subject."""

    kind: str
    rule: str
    subject: str
    occurred_at: int
    known_at: int
    causes: tuple[int, ...]
    person: str | None = None
    credential: str | None = None
    zone: str | None = None
    point: str | None = None
    visit: str | None = None
    value: int | None = None
    limit: int | None = None


@dataclass(frozen=True)
class Facts:
    """What the earlier stages found in one pass, for every detector to look at."""

    step: Step
    moves: list[Move]
    changes: list[Change]
    doors: list[DoorFact]
    denied: Resolved | None
    told: Resolved | None


def denial(step: Step, resolved: Resolved) -> Resolved | None:
    """Return the resolved signal if it is a denied reading that 10.5 looks at."""
    signal = step.signal
    is_denial = signal.category == Category.CREDENTIAL and signal.action == Action.DENIED
    return resolved if is_denial and not resolved.late and not resolved.unresolved else None


def _of_move(kind: str, rule: str, moved: Move) -> Finding:
    return Finding(
        kind,
        rule,
        moved.person,
        moved.occurred_at,
        moved.known_at,
        moved.causes,
        person=moved.person,
        zone=moved.zone,
        point=moved.point,
        visit=moved.visit,
    )


@dataclass
class Window:
    """What happened to one subject: (occurred_at, order, position), and when it raised alerts."""

    seen: list[tuple[int, int, int]] = field(default_factory=list)
    raised: list[int] = field(default_factory=list)

    def forget(self, before: int) -> None:
        """Drop what lies before a time (section 10, windows)."""
        self.seen = [entry for entry in self.seen if entry[0] >= before]
        self.raised = [then for then in self.raised if then >= before]

    def look(self, at: int, position: int, least: int, within_us: int) -> tuple[int, ...] | None:
        """Return the positions of the newest `least`, oldest first, when there are so many (10.2, 10.5)."""
        self.seen.append((at, len(self.seen), position))
        recent = [entry for entry in self.seen if at - within_us <= entry[0] <= at]
        if len(recent) < least or any(at - within_us <= then <= at for then in self.raised):
            return None
        self.raised.append(at)
        return tuple(position for _, _, position in recent[-least:])


class Detectors:
    """The state of all detectors."""

    def __init__(self) -> None:
        self._period_end: dict[str, int] = {}
        self._entries: dict[tuple[str, str], Window] = {}
        self._denials: dict[str, Window] = {}
        self._density_state: dict[str, str] = {}

    def look(self, world: World, facts: Facts) -> list[Finding]:
        """Run every detector over what one signal brought, in the registry's order."""
        found: list[Finding] = []
        for rule in ORDER:
            found += getattr(self, f"_{rule}")(world, facts)
        return found

    def _after_hours(self, world: World, facts: Facts) -> list[Finding]:
        """10.1."""
        found = []
        for moved in facts.moves:
            parameters = world.parameters("after_hours", moved.zone, moved.person) if moved.entry else None
            name = parameters.get("calendar") if parameters else None
            if name is None or world.site is None:
                continue
            end = out_of_hours_until(world.policy.calendars[name], world.site.zone_info, moved.occurred_at)
            if end is None:
                continue
            world.emit(
                Topic.ENTRY_AFTER_HOURS,
                occurred_at=moved.occurred_at,
                known_at=moved.known_at,
                causes=moved.causes,
                person=moved.person,
                zone=moved.zone,
                point=moved.point,
                visit=moved.visit,
            )
            # rules.md 10.1: "raised" is what this detector found; a cool-down may yet make a join of it.
            joins = moved.person in self._period_end and moved.occurred_at < self._period_end[moved.person]
            if not joins:
                self._period_end[moved.person] = end
            found.append(_of_move("join" if joins else "raise", "after_hours", moved))
        return found

    def _rapid_reentry(self, world: World, facts: Facts) -> list[Finding]:
        """10.2.

        rules.md 10: a rule that "does nothing" does not remember either; what it remembers stays when the
        policy changes. The page gives no defaults for N and W; 3 in 10 minutes are taken.
        """
        found = []
        for moved in facts.moves:
            parameters = world.parameters("rapid_reentry", moved.zone, moved.person) if moved.entry else None
            if parameters is None:
                continue
            least = parameters.get("entries", 3)
            within = span(parameters.get("within_minutes", 10), MINUTE)
            window = self._entries.setdefault((moved.person, moved.zone), Window())
            # rules.md 10.2: one signal for each entry, the one that decided it (for a detected one the
            # opening).
            for (person, _), other in self._entries.items():
                if person == moved.person:
                    other.forget(moved.occurred_at - _widest(world, "rapid_reentry", 10))
            newest = window.look(moved.occurred_at, facts.step.position, least, within)
            if newest is not None:
                raised = _of_move("raise", "rapid_reentry", moved)
                found.append(replace(raised, causes=newest, value=least, limit=least))
        return found

    def _density(self, world: World, facts: Facts) -> list[Finding]:
        """10.3."""
        found = []
        for change in facts.changes:
            parameters = world.parameters("density", change.zone, by_zone_alone=True)
            limit = _density_limit(world, change.zone, parameters) if parameters is not None else None
            if parameters is None or limit is None:
                continue
            clear_percent = parameters.get("clear_percent", 90)
            count, state = change.count, self._density_state.get(change.zone, "normal")
            if count > limit and state != "exceeded":
                state, topic, kind = "exceeded", Topic.DENSITY_EXCEEDED, "raise"
            elif count == limit and state == "normal":
                state, topic, kind = "reached", Topic.DENSITY_REACHED, ""
            elif state != "normal" and count * 100 <= limit * clear_percent:
                state, topic, kind = "normal", Topic.DENSITY_CLEARED, "clear"
            else:
                continue
            self._density_state[change.zone] = state
            # rules.md 10.3: time and causes are those of the move that changed the count, so after a
            # deadline the time of the leaving.
            moved = change.move
            world.emit(
                topic,
                occurred_at=moved.occurred_at,
                known_at=moved.known_at,
                causes=moved.causes,
                zone=change.zone,
                value=count,
                limit=limit,
            )
            if kind:
                when = (moved.occurred_at, moved.known_at, moved.causes)
                of_zone = Finding(kind, "density", change.zone, *when, zone=change.zone)
                found.append(replace(of_zone, value=count, limit=limit) if kind == "raise" else of_zone)
        return found

    def _missed_registration(self, world: World, facts: Facts) -> list[Finding]:
        """10.4: `registration.missed` is what 6.1 says of an improper, not manual, begin of a visit."""
        if world.parameters("missed_registration", None) is None:
            return []
        return [
            _of_move("raise", "missed_registration", moved)
            for moved in facts.moves
            if moved.entry and moved.from_zone == OUTSIDE and not moved.registered and moved.reading
        ]

    def _denied_streak(self, world: World, facts: Facts) -> list[Finding]:
        """10.5."""
        denied, signal = facts.denied, facts.step.signal
        if denied is None or denied.point is None:
            return []
        to_zone = world.points[denied.point].to_zone
        parameters = world.parameters("denied_streak", to_zone, denied.person)
        if parameters is None:
            return []
        least = parameters.get("denials", 5)
        within = span(parameters.get("within_minutes", 5), MINUTE)
        credential = signal.credential.hash if signal.credential is not None else None
        at, found = signal.time.occurred_at, []
        subjects = [f"credential.{credential}"] if credential is not None else []
        for subject in [*subjects, f"point.{denied.point}"]:
            window = self._denials.setdefault(subject, Window())
            window.forget(at - _widest(world, "denied_streak", 5))
            newest = window.look(at, facts.step.position, least, within)
            if newest is None:
                continue
            of_credential = subject.startswith("credential.")
            # rules.md 11.2: a credential's finding has person, credential, zone (to_zone) and point, a
            # point's has zone and point.
            found.append(
                Finding(
                    "raise",
                    "denied_streak",
                    subject,
                    at,
                    facts.step.now,
                    newest,
                    person=denied.person if of_credential else None,
                    credential=credential if of_credential else None,
                    zone=to_zone if to_zone != OUTSIDE else None,
                    point=denied.point,
                    value=least,
                    limit=least,
                )
            )
        return found

    def _anti_passback(self, world: World, facts: Facts) -> list[Finding]:
        """10.6.

        rules.md 10.6: overrides are selected by where the reading leads, which is also the finding's zone;
        a reading that enters several of `zones` is one finding.
        """
        found = []
        for moved in facts.moves:
            if not moved.reading or moved.late or moved.zone == OUTSIDE:
                continue
            parameters = world.parameters("anti_passback", moved.zone, moved.person)
            if parameters is None:
                continue
            for zone in parameters.get("zones") or ():
                enters = world.inside(moved.zone, zone) and (
                    moved.other_side is None or not world.inside(moved.other_side, zone)
                )
                if enters and world.inside(moved.from_zone, zone):
                    found.append(_of_move("raise", "anti_passback", moved))
                    break
        return found

    def _door_forced(self, world: World, facts: Facts) -> list[Finding]:
        """10.7."""
        return [
            _of_door("raise", "door_forced", fact)
            for fact in facts.doors
            if fact.topic == Topic.DOOR_FORCED and world.parameters("door_forced", None) is not None
        ]

    def _door_held(self, world: World, facts: Facts) -> list[Finding]:
        """10.7."""
        kinds = {Topic.DOOR_HELD: "raise", Topic.DOOR_CLOSED: "clear"}
        return [
            _of_door(kinds[fact.topic], "door_held", fact)
            for fact in facts.doors
            if fact.topic in kinds and world.parameters("door_held", None) is not None
        ]

    def _impossible_travel(self, world: World, facts: Facts) -> list[Finding]:
        """10.8."""
        return _of_alarm("impossible_travel", Action.IMPOSSIBLE_TRAVEL, world, facts)

    def _two_sites(self, world: World, facts: Facts) -> list[Finding]:
        """10.8."""
        return _of_alarm("two_sites", Action.TWO_SITES, world, facts)


def _of_alarm(rule: str, action: Action, world: World, facts: Facts) -> list[Finding]:
    signal, told = facts.step.signal, facts.told
    if told is None or told.person is None or world.parameters(rule, None) is None:
        return []
    if signal.category != Category.ALARM or signal.action != action:
        return []
    leads_to = world.points[told.point].to_zone if told.point is not None else OUTSIDE
    return [
        Finding(
            "raise",
            rule,
            told.person,
            signal.time.occurred_at,
            facts.step.now,
            (facts.step.position,),
            person=told.person,
            credential=signal.credential.hash if signal.credential is not None else None,
            zone=leads_to if leads_to != OUTSIDE else None,
            point=told.point,
        )
    ]


def _widest(world: World, rule: str, default: float) -> int:
    """Return the widest W of a rule, over its parameters and every override."""
    found = world.policy.rules[rule]
    own = found.parameters.get("within_minutes", default)
    return max(
        span(own, MINUTE), *(span(o.set.get("within_minutes", own), MINUTE) for o in found.overrides), 0
    )


def _of_door(kind: str, rule: str, fact: DoorFact) -> Finding:
    found = Finding(kind, rule, fact.point, fact.occurred_at, fact.known_at, fact.causes, point=fact.point)
    return replace(found, value=fact.value, limit=fact.limit) if kind == "raise" else found


def _density_limit(world: World, zone: str, parameters: dict[str, Any]) -> int | None:
    """Return how many persons a zone may hold, or None."""
    limits: list[int] = []
    if parameters.get("limit") is not None:
        limits.append(parameters["limit"])
    per_m2, area_m2 = parameters.get("limit_per_m2"), world.zones[zone].area_m2
    if per_m2 is not None and area_m2 is not None:
        limits.append(math.floor(Fraction(str(per_m2)) * Fraction(str(area_m2))))
    return min(limits, default=None)
