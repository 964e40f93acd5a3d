"""The simulation: day after day of a campus, as signals and as truth."""

from collections import deque
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cached_property
from hashlib import blake2b
from pathlib import Path
from random import Random
from typing import Final

from connectors.simulation.campus import Campus
from connectors.simulation.crossing import Crossing
from connectors.simulation.days import Day
from connectors.simulation.delivery import DriftingClock, Line
from connectors.simulation.incidents import Planter, density_limits
from connectors.simulation.passages import CROWD_SIGNALS, Passages
from connectors.simulation.persons import Population
from connectors.simulation.report import Outage, Report
from connectors.simulation.truth import Incident, Truth
from domain.directory import Directory
from domain.policy import Policy
from domain.signal import HashCredential, Signal, write_signal
from domain.site import Site
from domain.times import HOUR_US, MINUTE_US, SECOND_US, microseconds
from domain.vocabulary import Action, Role

DEFAULT_START: Final = date(2026, 3, 2)
"""A Monday."""

_PART_US: Final = HOUR_US // 4  # divides every local day, also those of daylight saving
_REPORT_EVERY_US: Final = 2 * HOUR_US  # a device's sign of life
_OUTAGE_HOURS: Final = (10.0, 14.5)
_DRIFT_BEYOND_LIMIT_MS: Final = 2_500
_ABSENT_SHARE: Final = 0.06
_VISITING_SHARE: Final = 0.35
_FOREVER: Final = 1 << 62


class Simulation:
    """One simulation: `directory`, `signals()` and `truth` belong together. Made by `simulate`."""

    def __init__(
        self,
        site: Site,
        policy: Policy,
        *,
        persons: int,
        days: int,
        seed: int,
        start: date,
        hash_credential: HashCredential,
        person_prefix: str,
    ) -> None:
        self.campus = Campus(site)
        self.policy, self._days, self._seed, self._start = policy, days, seed, start
        self._hashed = hash_credential
        rng = Random(f"{seed}/persons")
        self._population = Population(self.campus, persons, days, start, rng, hash_credential, person_prefix)
        self._source = f"simulation:{seed}:{start}:{days}:{persons}"
        self._truth: Truth | None = None

    @cached_property
    def directory(self) -> Directory:
        """Everybody who is known; strangers with unknown credentials are not in it."""
        return self._population.directory()

    @property
    def begins_at_us(self) -> int:
        """The local midnight at which the first day begins, UTC microseconds."""
        return self._midnight(0)

    @property
    def truth(self) -> Truth:
        """What really happened, complete; runs the simulation where `signals` was not read to its end."""
        if self._truth is None:
            for _ in self.signals():
                pass
            assert self._truth is not None
        return self._truth

    def signals(self) -> Iterator[Signal]:
        """Yield every signal in the order received, from the beginning; holds about one day in memory.

        The last night shift goes home on the morning after the last day.
        """
        campus, policy = self.campus, self.policy
        truth = Truth(campus, tuple(member.id for member in self._population.members))
        limits = density_limits(campus.site, policy)
        passages = Passages(campus, policy, limits, len(self._population.members), truth)
        planter = Planter(campus, policy, limits, self._hashed, truth)
        line = Line(campus, self._source, self._clock(), truth)
        later: list[Crossing] = []
        for number in range(self._days + 1):
            rng = Random(f"{self._seed}/{number}")
            is_last = number == self._days
            day = self._day(number, rng) if is_last else self._plan(number, rng, planter)
            outage = None if is_last else self._outage(number, day, truth)
            crossings = deque(sorted(later + day.crossings))
            passages.begin(rng, day.carried, day.denials, outage)
            line.begin(rng, outage, self._signs_of_life(number, outage, truth))
            for until_us in self._parts(number):
                reports = passages.until(until_us, _taken(crossings, until_us))
                yield from line.until(until_us, reports)
            later = list(crossings)
        truth.incidents = [incident for incident in truth.incidents if _is_shown(incident)]
        truth.incidents.sort(key=lambda incident: incident.at_us)
        self._truth = truth

    def write_signals(self, path: Path) -> int:
        """Write every signal as a CloudEvents envelope in JSON, one on each line; return how many.

        Raises:
            OSError: the file cannot be written.
        """
        number = 0
        with path.open("wb") as file:
            for signal in self.signals():
                file.write(write_signal(signal) + b"\n")
                number += 1
        return number

    def write_truth(self, path: Path) -> None:
        """Write the truth as JSON, see `Truth.write`."""
        self.truth.write(path)

    def _parts(self, number: int) -> Iterator[int]:
        """Yield the ends of a day's parts: short ones, so that little is held between the stages."""
        if number == self._days:
            yield _FOREVER
            return
        yield from range(self._midnight(number) + _PART_US, self._midnight(number + 1) + 1, _PART_US)

    def _midnight(self, number: int) -> int:
        """Return the local midnight at which a day begins, in UTC microseconds."""
        local = datetime.combine(self._start + timedelta(days=number), time(), self.campus.site.zone_info)
        return microseconds(local)

    def _day(self, number: int, rng: Random) -> Day:
        date_ = self._start + timedelta(days=number)
        return Day(self.campus, self._population, date_, self._midnight(number), rng)

    def _is_workday(self, day: date) -> bool:
        rule = self.policy.rules.get("after_hours")
        calendar = self.policy.calendars.get(str(rule.parameters.get("calendar"))) if rule else None
        return bool(calendar.spans(day)) if calendar else day.weekday() < 5

    def _plan(self, number: int, rng: Random, planter: Planter) -> Day:
        day = self._day(number, rng)
        people = self._population
        employees = people.of(Role.EMPLOYEE)
        rng.shuffle(employees)
        times = max(1, len(people.members) // 1000)
        workday = self._is_workday(day.date)
        away = max(1, sum(rng.random() < _ABSENT_SHARE for _ in employees)) if workday else len(employees)
        absent, present = employees[:away], employees[away:]
        planter.plant(day, times, present, absent)
        if workday:
            if number % 2 == 0:
                planter.gather(day, present)
            for member in present:
                day.work(member)
            for member in people.of(Role.CONTRACTOR):
                day.contract(member)
            for member in people.of(Role.VISITOR):
                if rng.random() < _VISITING_SHARE:
                    day.visit(member)
        for shift, member in enumerate(people.of(Role.GUARD)):
            day.guard(member, shift)
        for member in people.of(Role.CLEANER) if day.date.weekday() < 6 else ():
            day.clean(member)
        return day

    def _outage(self, number: int, day: Day, truth: Truth) -> Outage | None:
        device = self.campus.offline_device
        if device is None or number % 3 or not self._is_workday(day.date):
            return None
        name = self.campus.device_ids[device]
        truth.incidents.append(Incident("offline_reader", "device.fell_silent", device=name))
        start, end = (day.us(hour * 3600) for hour in _OUTAGE_HOURS)
        return Outage(device, start, end, len(truth.incidents) - 1)

    def _clock(self) -> DriftingClock:
        """Return the drifting device's clock: wrong at two signs of life in the first night."""
        first = self._midnight(0)
        ahead_ms = self.policy.devices.clock_offset_limit_ms + _DRIFT_BEYOND_LIMIT_MS
        return DriftingClock(first + HOUR_US, first + 4 * HOUR_US + 5 * MINUTE_US, ahead_ms)

    def _signs_of_life(self, number: int, outage: Outage | None, truth: Truth) -> list[Report]:
        """Return the devices' reports of being online, and the one at the end of an outage."""
        campus, begin = self.campus, self._midnight(number)
        end = self._midnight(number + 1) if number < self._days else begin + 7 * HOUR_US
        drift = -1
        if number == 0 and campus.drifting_device is not None:
            drift = len(truth.incidents)
            name = campus.device_ids[campus.drifting_device]
            truth.incidents.append(Incident("clock_drift", "device.clock_drifted", device=name))
        found = []
        for turn, base in enumerate(range(begin, end, _REPORT_EVERY_US)):
            for device in range(len(campus.device_ids)):
                at = base + (3 * device + 1) * SECOND_US
                shown = drift if device == campus.drifting_device and turn in (1, 2) else -1
                if outage is None or not outage.holds(device, at):
                    found.append(Report(at, Action.ONLINE, device, incident=shown))
        if outage is not None:
            found.append(Report(outage.end_us, Action.ONLINE, outage.device))
        return found


def simulate(
    site: Site,
    policy: Policy,
    *,
    persons: int,
    days: int,
    seed: int,
    start: date = DEFAULT_START,
    hash_credential: HashCredential | None = None,
    person_prefix: str = "",
) -> Simulation:
    """Return the simulation of a site's days, wholly determined by its arguments.

    Args:
        site: a campus; see `Campus` for what it must have.
        policy: what incidents are measured by. People stay inside for up to ten hours between readings,
            so `timeout_hours` should be above that.
        persons: how many people there are, all roles together; at least 1.
        days: how many local days, at least 1.
        seed: another seed gives other people, days and ids.
        start: the first day; of a datetime, its date (at the site, where it has an offset).
        hash_credential: format and value to keyed hash; by default BLAKE2b keyed by the seed.
        person_prefix: what every person's id begins with, to tell the people of two sites apart.

    Raises:
        InvalidDocument: the site lacks something the simulation needs; the message names it.
        ValueError: `persons` or `days` is below 1.
    """
    if persons < 1 or days < 1:
        raise ValueError(f"a simulation needs at least 1 person and 1 day, not {persons} and {days}")
    if isinstance(start, datetime):
        start = (start.astimezone(site.zone_info) if start.tzinfo else start).date()
    return Simulation(
        site,
        policy,
        persons=persons,
        days=days,
        seed=seed,
        start=start,
        hash_credential=hash_credential or _keyed_by(seed),
        person_prefix=person_prefix,
    )


def _keyed_by(seed: int) -> HashCredential:
    key = f"simulation:{seed}".encode()

    def hashed(form: str, value: str) -> str:
        return blake2b(f"{form}:{value}".encode(), key=key, digest_size=16).hexdigest()

    return hashed


def _taken(crossings: deque[Crossing], until_us: int) -> Iterator[Crossing]:
    """Take the crossings before a time off the front."""
    while crossings and crossings[0].at_us < until_us:
        yield crossings.popleft()


def _is_shown(incident: Incident) -> bool:
    """Tell whether an incident came about: a crowd that only brushed the limit may not be noticed."""
    return len(incident.signals) >= (CROWD_SIGNALS if incident.kind == "overload" else 1)
