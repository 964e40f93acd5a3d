"""What goes wrong, planted into a day's plan so that the readings can show it and the rules can bound it."""

from collections.abc import Callable
from typing import Any, Final

from connectors.simulation.campus import OUTSIDE_CODE, Campus
from connectors.simulation.crossing import NOBODY, Crossing, Intent
from connectors.simulation.days import HOUR_S, MINUTE_S, Day, Errand
from connectors.simulation.persons import Member
from connectors.simulation.truth import Incident, Truth
from domain.policy import Policy
from domain.signal import Credential, HashCredential
from domain.site import Site, persons_in
from domain.vocabulary import Reason

_GUESTS_BEYOND_LIMIT: Final = 12
_MOST_GUESTS: Final = 0.8  # of those present


def density_limits(site: Site, policy: Policy) -> dict[int, int]:
    """Return the greatest number of persons allowed, by zone's code, for the zones with a limit."""
    rule = policy.rules.get("density")
    around, found = site.zones_around(), dict[int, int]()
    for code, zone in enumerate(site.zones if rule and rule.enabled else ()):
        assert rule is not None
        given = dict(rule.parameters)
        for override in rule.overrides:
            for_all = override.roles is None and override.departments is None
            zones = override.zones
            if for_all and (zones is None or any(name in around[zone.id] for name in zones)):
                given |= override.set
        limits = [given["limit"]] if given.get("limit") else []
        if given.get("limit_per_m2") and zone.area_m2:
            limits.append(persons_in(zone.area_m2, given["limit_per_m2"]))
        if limits:
            found[code] = min(limits)
    return found


class Planter:
    """Plants incidents; each kind once for every thousand persons and day, and at least once.

    `present` (taken from as incidents need people) and `absent` are today's; a kind for which nobody is
    left is not planted.
    """

    def __init__(
        self, campus: Campus, policy: Policy, limits: dict[int, int], hashed: HashCredential, truth: Truth
    ) -> None:
        self._campus, self._limits, self._hashed, self._truth = campus, limits, hashed, truth
        self._entries, self._entries_min = _often(policy, "rapid_reentry", "entries", 3, 10.0)
        self._denials, self._denials_min = _often(policy, "denied_streak", "denials", 5, 5.0)
        self._locked = [p for p in campus.guarded if campus.sides[p][0] not in campus.rooms.halls]
        self._strangers = 0

    def plant(self, day: Day, times: int, present: list[Member], absent: list[Member]) -> None:
        """Plant what needs no crowd; `present` may be empty, as on a Sunday."""
        kinds: tuple[Callable[[Day, list[Member], list[Member]], None], ...] = (
            self._after_hours,
            self._rapid_reentry,
            self._tailgating,
            self._card_sharing,
            self._held_door,
            self._forced_door,
            self._denied_streak,
        )
        for _ in range(times):
            for kind in kinds:
                kind(day, present, absent)

    def gather(self, day: Day, present: list[Member]) -> None:
        """Fill the first general room with a limit beyond it, if there are people enough."""
        hall = next((zone for zone in self._campus.rooms.general if zone in self._limits), None)
        if hall is None:
            return
        guests = self._limits[hall] + _GUESTS_BEYOND_LIMIT
        if guests > len(present) * _MOST_GUESTS:
            return
        for _ in range(guests):
            start_s = (14.1 + 0.2 * day.rng.random()) * HOUR_S
            stay_s = (1.2 + 0.1 * day.rng.random()) * HOUR_S
            day.work(present.pop(), errands=[Errand(start_s, hall, stay_s)])

    def _open(
        self,
        kind: str,
        noticed_by: str,
        *,
        person: str | None = None,
        zone: int | None = None,
        point: int | None = None,
    ) -> int:
        """Open an incident and return its place, by which crossings show it."""
        self._truth.incidents.append(
            Incident(
                kind,
                noticed_by,
                person=person,
                zone=None if zone is None else self._campus.zone_ids[zone],
                point=None if point is None else self._campus.point_ids[point],
            )
        )
        return len(self._truth.incidents) - 1

    def _open_at(self, day: Day, place: int, kind: str, noticed_by: str, member: Member) -> None:
        """Open an incident that the crossing at this place in the plan shows."""
        reading = day.crossings[place]
        zone = self._campus.sides[reading.point][reading.out]
        incident = self._open(kind, noticed_by, person=member.id, zone=zone, point=reading.point)
        day.crossings[place] = reading._replace(incident=incident)

    def _after_hours(self, day: Day, present: list[Member], absent: list[Member]) -> None:
        """Somebody comes back late in the evening."""
        people = present or absent
        if not people:
            return
        member = people.pop()
        if people is present:
            day.work(member)
        first = len(day.crossings)
        at_s = day.go(member.code, (20.5 + 1.5 * day.rng.random()) * HOUR_S, OUTSIDE_CODE, member.home)
        self._open_at(day, first, "after_hours", "after_hours", member)
        day.go(member.code, at_s + (25 + 30 * day.rng.random()) * MINUTE_S, member.home, OUTSIDE_CODE)

    def _rapid_reentry(self, day: Day, present: list[Member], _: list[Member]) -> None:
        """Somebody goes in and out of a meeting room again and again."""
        campus = self._campus
        fit = [room for room in campus.rooms.meetings if self._plain(room)]
        if not present or not fit:
            return
        member, room = present.pop(), day.rng.choice(fit)
        incident = self._open("rapid_reentry", "rapid_reentry", person=member.id, zone=room)
        body, home = member.code, member.home
        day.go(body, (7.5 + day.rng.random()) * HOUR_S, OUTSIDE_CODE, home)
        before = self._zone_before(home, room)
        at_s = day.go(body, (9.7 + day.rng.random()) * HOUR_S, home, before)
        at_s += (self._entries_min + 1) * MINUTE_S  # so that the entries into that zone do not add up too
        at_s = day.go(body, at_s, before, room)
        entry = day.crossings[-1]
        day.crossings[-1] = entry._replace(incident=incident)
        step_s = min(45.0, self._entries_min * MINUTE_S * 0.8 / (2 * self._entries))
        for turn in range(2, 2 * self._entries):
            at_s += step_s
            inwards = turn % 2 == 1
            step = entry._replace(at_us=day.us(at_s), out=entry.out if inwards else 1 - entry.out)
            day.crossings.append(step._replace(incident=incident) if inwards else step)
        at_s = day.go(body, at_s + (self._entries_min + 5) * MINUTE_S, room, home)
        day.go(body, max(at_s + MINUTE_S, 16.7 * HOUR_S), home, OUTSIDE_CODE)

    def _tailgating(self, day: Day, present: list[Member], _: list[Member]) -> None:
        """Somebody slips in at a gate behind another, and is first read at an inner door."""
        if len(present) < 2:
            return
        carrier, follower = present.pop(), present.pop()
        first = len(day.crossings)
        day.work(carrier)
        while day.crossings[first].intent != Intent.PASS:
            first += 1
        gate = day.crossings[first]
        if not self._campus.counted[gate.point]:
            day.work(follower)
            return
        plaza = self._campus.sides[gate.point][gate.out]
        self._slip(day, first, follower)
        reading = len(day.crossings)
        day.work(follower, arrive_s=day.seconds(gate.at_us) + 15.0, start=plaza)
        self._open_at(day, reading, "tailgating", "missed_registration", follower)

    def _card_sharing(self, day: Day, present: list[Member], absent: list[Member]) -> None:
        """Somebody slips out behind another and gives the card to a friend, who comes in with it."""
        if len(present) < 2 or not absent:
            return
        carrier, lender, friend = present.pop(), present.pop(), absent.pop()
        day.work(carrier, leave_s=(12.8 + 0.5 * day.rng.random()) * HOUR_S, errands=[])
        gate = day.crossings[-1]
        if not self._campus.counted[gate.point]:
            day.work(lender)
            return
        self._slip(day, len(day.crossings) - 1, lender)
        gate_s = day.seconds(gate.at_us)
        plaza = self._campus.sides[gate.point][1 - gate.out]
        day.work(lender, leave_s=gate_s - 7 * MINUTE_S, goal=plaza, errands=[])
        first = len(day.crossings)
        canteen = self._campus.rooms.canteen
        at_s = day.go(friend.code, gate_s + 10 * MINUTE_S, OUTSIDE_CODE, canteen, lender.code)
        self._open_at(day, first, "card_sharing", "anti_passback", lender)
        day.go(friend.code, at_s + 25 * MINUTE_S, canteen, OUTSIDE_CODE, lender.code)

    def _slip(self, day: Day, place: int, follower: Member) -> None:
        """Let somebody slip through behind the crossing at this place in the plan."""
        gate = day.crossings[place]
        incident = self._open(
            "unregistered_passage", "passage.unregistered", person=follower.id, point=gate.point
        )
        day.crossings[place] = gate._replace(intent=Intent.TAILGATED, extra=follower.code, incident=incident)

    def _held_door(self, day: Day, present: list[Member], _: list[Member]) -> None:
        """Somebody leaves a door with a contact open behind them."""
        if not present or not self._locked:
            return
        member, point = present.pop(), day.rng.choice(self._locked)
        incident = self._open("held_door", "door_held", point=point)
        start_s = (9.5 + 1.5 * day.rng.random()) * HOUR_S
        room = self._campus.sides[point][0]
        day.work(member, errands=[Errand(start_s, room, 20 * MINUTE_S, Intent.HELD, incident=incident)])

    def _forced_door(self, day: Day, present: list[Member], absent: list[Member]) -> None:
        """A door opens in the evening without a grant; another, harmlessly, by its exit button."""
        del present, absent
        if not self._campus.guarded:
            return
        point, other = day.rng.choice(self._campus.guarded), day.rng.choice(self._campus.guarded)
        incident = self._open("forced_door", "door_forced", point=point)
        forced_at = day.us((19.5 + 2.5 * day.rng.random()) * HOUR_S)
        asked_at = day.us((6.2 + 0.5 * day.rng.random()) * HOUR_S)
        day.crossings.append(Crossing(forced_at, Intent.FORCED, NOBODY, NOBODY, point, 0, incident=incident))
        day.crossings.append(Crossing(asked_at, Intent.REQUESTED, NOBODY, NOBODY, other, 0))

    def _denied_streak(self, day: Day, present: list[Member], absent: list[Member]) -> None:
        """A stranger tries an unknown card at a gate again and again."""
        del present, absent
        self._strangers += 1
        credential = Credential("card", self._hashed("card", f"9{self._strangers:08d}"))
        gate = day.rng.choice(self._campus.gates)
        out = 1 if self._campus.sides[gate][0] == OUTSIDE_CODE else 0
        incident = self._open("denied_streak", "denied_streak", point=gate)
        denial = day.deny(credential, Reason.UNKNOWN_CREDENTIAL)
        at_s = (19.2 + 3.0 * day.rng.random()) * HOUR_S
        step_s = min(20.0, self._denials_min * MINUTE_S * 0.8 / self._denials)
        for turn in range(self._denials):
            at_us = day.us(at_s + turn * step_s)
            day.crossings.append(Crossing(at_us, Intent.DENIED, NOBODY, NOBODY, gate, out, denial, incident))

    def _zone_before(self, start: int, goal: int) -> int:
        """Return the last zone on the way before the goal."""
        point, out = self._campus.route(start, goal)[-1][0]
        return self._campus.sides[point][1 - out]

    def _plain(self, room: int) -> bool:
        """Tell whether every door of a room is a reader without contact that keeps its line."""
        campus = self._campus
        points = [point for point, sides in enumerate(campus.sides) if room in sides]
        return not any(campus.contact[p] or campus.device_of[p] == campus.offline_device for p in points)


def _often(policy: Policy, rule: str, name: str, times: int, minutes: float) -> tuple[int, float]:
    """Return how often within how many minutes a rule takes notice, for everybody everywhere."""
    given: dict[str, Any] = policy.rules[rule].parameters if rule in policy.rules else {}
    return int(given.get(name, times)), float(given.get("within_minutes", minutes))
