"""What everybody means to do on one day."""

from datetime import date
from random import Random
from typing import Final, NamedTuple

from connectors.simulation.campus import OUTSIDE_CODE, Campus
from connectors.simulation.crossing import NO_INCIDENT, NOBODY, Crossing, Intent
from connectors.simulation.persons import Member, Population
from connectors.simulation.report import Denial
from domain.signal import Credential
from domain.times import SECOND_US
from domain.vocabulary import Reason, Role

MINUTE_S: Final = 60.0
HOUR_S: Final = 3600.0
_SHIFTS: Final = (22 * HOUR_S, 6 * HOUR_S, 14 * HOUR_S)
_MOBILE_USED: Final = 0.3
_NOT_ENTERED: Final = (Intent.HESITATE, Intent.DENIED)


class Errand(NamedTuple):
    """A way from one's place to a room and back: when (seconds of the day), and how long one stays.

    `last` is what happens at the room's door.
    """

    start_s: float
    room: int
    stay_s: float
    last: Intent = Intent.PASS
    extra: int = NOBODY
    incident: int = NO_INCIDENT


class Day:
    """The plan of one day, as it is made. Times are seconds after the local midnight.

    Ordinary days stay inside the working hours 07:00 to 19:00, so that what the rules find in them is what
    `incidents` has planted.
    """

    def __init__(
        self, campus: Campus, population: Population, day: date, midnight_us: int, rng: Random
    ) -> None:
        self.campus, self.population, self.rng = campus, population, rng
        self.date, self.midnight_us = day, midnight_us
        self.crossings: list[Crossing] = []
        self.denials: list[Denial] = []
        self.carried: list[Credential | None] = [
            member.mobile if member.mobile and rng.random() < _MOBILE_USED else member.card(day)
            for member in population.members
        ]
        labs, rooms = campus.rooms.labs, campus.rooms
        self._haunts = {"Research": labs, "Operations": rooms.stores, "Engineering": rooms.stores}

    def us(self, at_s: float) -> int:
        """Return a time of the day in UTC microseconds, whole milliseconds."""
        return self.midnight_us + int(at_s * 1_000) * 1_000

    def seconds(self, at_us: int) -> float:
        """Return a time in UTC microseconds as seconds of the day."""
        return (at_us - self.midnight_us) / SECOND_US

    def deny(self, credential: Credential, reason: Reason) -> int:
        """Return the number under which a crossing names this denial."""
        self.denials.append(Denial(credential, reason))
        return len(self.denials) - 1

    def go(self, body: int, at_s: float, start: int, goal: int, holder: int = NOBODY) -> float:
        """Walk from zone to zone through every door between, and return when the last one is reached."""
        random, append, midnight_us = self.rng.random, self.crossings.append, self.midnight_us
        holder = body if holder == NOBODY else holder
        for doors in self.campus.route(start, goal):
            at_s += 15.0 + 25.0 * random()
            point, out = doors[0] if len(doors) == 1 else doors[int(random() * len(doors))]
            append(Crossing(midnight_us + int(at_s * 1_000) * 1_000, Intent.PASS, body, holder, point, out))
        return at_s

    def run(self, body: int, at_s: float, home: int, errand: Errand) -> float:
        """Go on an errand and come back; return when home again."""
        at_s = self.go(body, at_s, home, errand.room)
        last = self.crossings[-1]
        self.crossings[-1] = last._replace(intent=errand.last, extra=errand.extra, incident=errand.incident)
        if errand.last in _NOT_ENTERED:
            return self.go(body, at_s + 20.0, self.campus.sides[last.point][1 - last.out], home)
        return self.go(body, at_s + errand.stay_s, errand.room, home)

    def work(
        self,
        member: Member,
        *,
        arrive_s: float | None = None,
        leave_s: float | None = None,
        start: int = OUTSIDE_CODE,
        goal: int = OUTSIDE_CODE,
        errands: list[Errand] | None = None,
    ) -> None:
        """Plan a working day: arrive, errands from the own office as far as they fit, leave."""
        random, body, home = self.rng.random, member.code, member.home
        early = HOUR_S if member.role is Role.CONTRACTOR else 0.0
        if arrive_s is None:
            arrive_s = self._about(8.35 * HOUR_S, 25 * MINUTE_S, 7.1 * HOUR_S, 10 * HOUR_S)
        if leave_s is None:
            leave_s = self._about(17.75 * HOUR_S - early, 32 * MINUTE_S, 16.5 * HOUR_S - early, 18.7 * HOUR_S)
        if start == OUTSIDE_CODE and len(member.cards) > 1 and random() < 0.1:
            self._try_old_card(member, arrive_s)
        at_s = self.go(body, arrive_s, start, home)
        for errand in self._errands(member) if errands is None else errands:
            if max(at_s + 5 * MINUTE_S, errand.start_s) + errand.stay_s + 20 * MINUTE_S < leave_s:
                at_s = max(at_s + 5 * MINUTE_S, errand.start_s)
                if random() < 0.012:
                    self._hesitate(body, at_s - MINUTE_S, home)
                at_s = self.run(body, at_s, home, errand)
        self.go(body, max(at_s + 2 * MINUTE_S, leave_s), home, goal)

    def contract(self, member: Member) -> None:
        """Plan a contractor's day; one whose card has expired is refused at the gate and goes."""
        if self.carried[member.code] is not None:
            self.work(member)
            return
        at_s = self._about(8.5 * HOUR_S, 20 * MINUTE_S, 7.1 * HOUR_S, 10 * HOUR_S)
        self._refuse(member, at_s, self.deny(member.cards[0], Reason.EXPIRED))

    def visit(self, member: Member) -> None:
        """Plan a visit: reception, a meeting, and out again."""
        body, rooms, random = member.code, self.campus.rooms, self.rng.random
        meeting = rooms.meetings[int(random() * len(rooms.meetings))]
        at_s = self.go(body, (9.2 + 5.8 * random()) * HOUR_S, OUTSIDE_CODE, rooms.reception)
        at_s = self.go(body, at_s + (8 + 7 * random()) * MINUTE_S, rooms.reception, meeting)
        self.go(body, at_s + (30 + 30 * random()) * MINUTE_S, meeting, OUTSIDE_CODE)

    def guard(self, member: Member, shift: int) -> None:
        """Plan a guard's eight hours: the post, and a round of the halls about every hour."""
        body, random, rooms = member.code, self.rng.random, self.campus.rooms
        start_s = _SHIFTS[shift % len(_SHIFTS)]
        end_s = start_s + 8 * HOUR_S + 5 * MINUTE_S
        at_s = self.go(body, start_s - (5 + 10 * random()) * MINUTE_S, OUTSIDE_CODE, rooms.guard_post)
        while at_s + 2 * HOUR_S < end_s:
            at_s += (35 + 25 * random()) * MINUTE_S
            place = rooms.guard_post
            for _ in range(3):
                hall = rooms.halls[int(random() * len(rooms.halls))]
                at_s = self.go(body, at_s, place, hall) + (5 + 4 * random()) * MINUTE_S
                place = hall
            at_s = self.go(body, at_s, place, rooms.guard_post)
        self.go(body, max(at_s + MINUTE_S, end_s), rooms.guard_post, OUTSIDE_CODE)

    def clean(self, member: Member) -> None:
        """Plan a cleaner's early morning in the rooms of one building."""
        body, random, rooms = member.code, self.rng.random, self.campus.rooms
        every = [*rooms.offices, *rooms.meetings, rooms.canteen]
        building = self.campus.building(every[member.code % len(every)])
        mine = [room for room in every if self.campus.building(room) == building]
        place, at_s = OUTSIDE_CODE, (4.8 + 0.5 * random()) * HOUR_S
        for room in self.rng.sample(mine, min(6, len(mine))):
            at_s = self.go(body, at_s, place, room) + (8 + 7 * random()) * MINUTE_S
            place = room
        self.go(body, at_s, place, OUTSIDE_CODE)

    def _about(self, mean_s: float, deviation_s: float, least_s: float, most_s: float) -> float:
        return min(most_s, max(least_s, self.rng.gauss(mean_s, deviation_s)))

    def _errands(self, member: Member) -> list[Errand]:
        """Return an ordinary day's errands in order: meetings, the laboratory, lunch, a wrong door."""
        random, rooms = self.rng.random, self.campus.rooms
        found = []
        if random() < 0.25:
            found.append(self._meeting(9.5 + 1.5 * random()))
        haunts = self._haunts.get(member.department or "")
        if haunts and random() < (0.7 if member.department == "Research" else 0.12):
            last = Intent.HESITATE if random() < 0.08 else Intent.PASS
            room = haunts[int(random() * len(haunts))]
            found.append(
                Errand((10.2 + 0.8 * random()) * HOUR_S, room, (15 + 25 * random()) * MINUTE_S, last)
            )
        if random() < 0.6:
            start_s = self._about(12.3 * HOUR_S, 15 * MINUTE_S, 11.9 * HOUR_S, 13.2 * HOUR_S)
            found.append(Errand(start_s, rooms.canteen, (20 + 15 * random()) * MINUTE_S))
        if random() < 0.25:
            found.append(self._meeting(14.2 + 1.3 * random()))
        carried = self.carried[member.code]
        if carried and random() < 0.012:
            room = rooms.secure[int(random() * len(rooms.secure))]
            denial = self.deny(carried, Reason.NO_PERMISSION)
            found.append(Errand((15.5 + 0.5 * random()) * HOUR_S, room, 0.0, Intent.DENIED, denial))
        return found

    def _meeting(self, hour: float) -> Errand:
        meetings = self.campus.rooms.meetings
        room = meetings[int(self.rng.random() * len(meetings))]
        return Errand(hour * HOUR_S, room, (25 + 25 * self.rng.random()) * MINUTE_S)

    def _hesitate(self, body: int, at_s: float, home: int) -> None:
        point, out = self.campus.route(home, OUTSIDE_CODE)[0][0]
        self.crossings.append(Crossing(self.us(at_s), Intent.HESITATE, body, body, point, out))

    def _try_old_card(self, member: Member, at_s: float) -> None:
        if member.card(self.date) is member.cards[1]:
            self._refuse(member, at_s, self.deny(member.cards[0], Reason.LOST))

    def _refuse(self, member: Member, at_s: float, denial: int) -> None:
        """Let somebody outside be refused at a gate."""
        gate = self.rng.choice(self.campus.gates)
        out = 1 if self.campus.sides[gate][0] == OUTSIDE_CODE else 0
        self.crossings.append(
            Crossing(self.us(at_s), Intent.DENIED, member.code, member.code, gate, out, denial)
        )
