"""The rules between sites (rules 13.2 to 13.4): a deterministic fold over uses.

A finding is named by what the order of arrival cannot change: for a card its two sites and the window of the
later use, for a person the two visits. Each use is compared with every one kept, whichever came first, and a
visit is known from its first to its last sighting, which only ever grows. So the sites' streams may come in
any order: the same findings are made.
"""

from bisect import insort
from collections.abc import Iterator
from functools import lru_cache
from math import asin, cos, radians, sin, sqrt
from operator import attrgetter
from typing import Final, Literal

import msgspec

from domain.times import SECOND_US
from streams.cross_site.uses import Use

EARTH_RADIUS_KM: Final = 6371.0088
"""The mean radius of the WGS 84 ellipsoid."""
MOST_KEPT: Final = 1_000
"""Uses of one credential at one site, or sightings of one visit."""
_SWEEP_US: Final = 3600 * SECOND_US


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked between sites; docs/rules.md, section 13.

    Attributes:
        speed_limit_kmh: nobody is faster from one site to another. A long-haul airliner cruises at Mach 0.85,
            where sound travels 295 m/s (ISA above 11 km): 903 km/h. Where nobody flies, 150 finds more.
        minimum_distance_km: sites nearer to each other than this are not compared for travel.
        tolerance_km: how far from its coordinates a site's readers may be, both sites together.
        tolerance_seconds: how far the clocks of two readers may differ.
        window_minutes: a card gives at most one finding for two sites in each window.
        overlap_minutes: two visits may overlap by as much.
        horizon_hours: what came into the log further apart is not compared.
        same_place: groups of sites that share a boundary: inside one is inside all.
    """

    speed_limit_kmh: float = 900
    minimum_distance_km: float = 10
    tolerance_km: float = 2
    tolerance_seconds: float = 30
    window_minutes: float = 60
    overlap_minutes: float = 5
    horizon_hours: float = 24
    same_place: tuple[frozenset[str], ...] = ()


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What was found. `name` tells it from every other, whatever the order in which the uses came.

    `earlier` and `later` are the pair that showed it. `seconds` lie between them, or is how long both visits
    are known to have lasted together.
    """

    kind: Literal["impossible_travel", "two_sites"]
    name: tuple[str, ...]
    earlier: Use
    later: Use
    seconds: float
    distance_km: float | None = None


class _Kept(msgspec.Struct, frozen=True):
    """A use and when it came into the log."""

    at: int
    appended_at: int
    use: Use


_at: Final = attrgetter("at")


class CrossSite:
    """Compares the uses of one partition of the persons' log, in its order."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._horizon_us = round(limits.horizon_hours * 3600 * SECOND_US)
        self._window_us = round(limits.window_minutes * 60 * SECOND_US)
        self._overlap_us = round(limits.overlap_minutes * 60 * SECOND_US)
        self._readings: dict[str, dict[str, list[_Kept]]] = {}
        """By credential (or person), then by site; ascending by time."""
        self._visits: dict[str, dict[str, list[_Kept]]] = {}
        """By person, then by visit; ascending by time."""
        self._found: dict[tuple[str, ...], int] = {}
        """Findings by name, and when they were made, by the log's time."""
        self._newest = 0
        self._sweep_at = 0

    def __len__(self) -> int:
        """Return how many uses are kept."""
        kept = (*self._readings.values(), *self._visits.values())
        return sum(len(trail) for trails in kept for trail in trails.values())

    def see(self, use: Use, appended_at: int) -> list[Finding]:
        """Compare a use with those kept, keep it, and return what is found for the first time.

        `appended_at` is when it came into the persons' log, by that log's time, UTC microseconds.
        """
        self._newest = max(self._newest, appended_at)
        if self._newest >= self._sweep_at:
            self._forget()
        kept = _Kept(use.at, appended_at, use)
        return list(self._travels(kept) if use.what == "reading" else self._overlaps(kept))

    def _travels(self, kept: _Kept) -> Iterator[Finding]:
        use = kept.use
        trails = self._readings.setdefault(use.key, {})
        for site, trail in trails.items():
            if self._same_place(site, use.site):
                continue
            sites = sorted((site, use.site))
            for other in self._comparable(trail, kept):
                if not impossible(use, other.use, self._limits):
                    continue
                window = max(use.at, other.at) // self._window_us
                name = ("impossible_travel", use.key, *sites, str(window))
                if self._is_new(name):
                    yield _travel(name, *sorted((use, other.use), key=_order))
        _keep(trails.setdefault(use.site, []), kept)

    def _overlaps(self, kept: _Kept) -> Iterator[Finding]:
        use = kept.use
        visits = self._visits.setdefault(use.key, {})
        _keep(visits.setdefault(use.visit or "", []), kept)
        known = {visit: list(self._comparable(trail, kept)) for visit, trail in visits.items()}
        own = known.pop(use.visit or "")
        for visit, other in known.items():
            if not other or self._same_place(other[0].use.site, use.site):
                continue
            overlap_us = min(own[-1].at, other[-1].at) - max(own[0].at, other[0].at)
            name = ("two_sites", use.key, *sorted((visit, use.visit or "")))
            if overlap_us > self._overlap_us and self._is_new(name):
                earlier, later = sorted((own[-1].use, other[-1].use), key=_order)
                seconds = overlap_us / SECOND_US
                yield Finding(kind="two_sites", name=name, earlier=earlier, later=later, seconds=seconds)

    def _comparable(self, trail: list[_Kept], kept: _Kept) -> Iterator[_Kept]:
        """Yield what came into the log within the horizon of this one."""
        for other in trail:
            if abs(other.appended_at - kept.appended_at) <= self._horizon_us:
                yield other

    def _same_place(self, a: str, b: str) -> bool:
        return a == b or any(a in group and b in group for group in self._limits.same_place)

    def _is_new(self, name: tuple[str, ...]) -> bool:
        new = name not in self._found
        self._found[name] = self._newest
        return new

    def _forget(self) -> None:
        """Drop what nothing that is still to come can be compared with."""
        self._sweep_at = self._newest + _SWEEP_US
        oldest = self._newest - self._horizon_us
        for subjects in (self._readings, self._visits):
            for subject, trails in list(subjects.items()):
                for name, trail in list(trails.items()):
                    trail[:] = [kept for kept in trail if kept.appended_at >= oldest]
                    if not trail:
                        del trails[name]
                if not trails:
                    del subjects[subject]
        self._found = {name: at for name, at in self._found.items() if at >= oldest}


def impossible(a: Use, b: Use, limits: Limits) -> bool:
    """Return whether nobody can have been at both places at these times (rule 13.2)."""
    distance = _between(a, b)
    if distance is None or distance < limits.minimum_distance_km:
        return False
    seconds = abs(a.at - b.at) / SECOND_US + limits.tolerance_seconds
    return seconds * limits.speed_limit_kmh < (distance - limits.tolerance_km) * 3600


@lru_cache(maxsize=65_536)
def distance_km(latitude: float, longitude: float, latitude_2: float, longitude_2: float) -> float:
    """Return the great-circle distance of two places given in degrees (the haversine formula).

    >>> round(distance_km(52.52, 13.405, 38.722, -9.139))  # Berlin, Lisbon
    2312
    """
    north, north_2 = radians(latitude), radians(latitude_2)
    east = radians(longitude_2 - longitude)
    half_chord = sin((north_2 - north) / 2) ** 2 + cos(north) * cos(north_2) * sin(east / 2) ** 2
    return 2 * EARTH_RADIUS_KM * asin(min(1.0, sqrt(half_chord)))


def _between(a: Use, b: Use) -> float | None:
    if a.latitude is None or a.longitude is None or b.latitude is None or b.longitude is None:
        return None
    return distance_km(a.latitude, a.longitude, b.latitude, b.longitude)


def _travel(name: tuple[str, ...], earlier: Use, later: Use) -> Finding:
    return Finding(
        kind="impossible_travel",
        name=name,
        earlier=earlier,
        later=later,
        seconds=(later.at - earlier.at) / SECOND_US,
        distance_km=_between(earlier, later),
    )


def _order(use: Use) -> tuple[int, str]:
    return use.at, use.id


def _keep(trail: list[_Kept], kept: _Kept) -> None:
    insort(trail, kept, key=_at)
    if len(trail) > MOST_KEPT:
        del trail[0]
