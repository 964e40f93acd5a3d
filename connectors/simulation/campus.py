"""The campus as the simulation sees it: codes instead of ids, and the way from every zone to every other."""

from collections import deque
from dataclasses import dataclass
from typing import Final

from domain.errors import InvalidDocument
from domain.site import Site
from domain.vocabulary import OUTSIDE, ZoneCategory

OUTSIDE_CODE: Final = -1
"""The code of outside: as an index it is the last place of a list with one place more than zones."""

LABS: Final = (ZoneCategory.LABORATORY, ZoneCategory.CHEMICAL)
SECURE: Final = (ZoneCategory.SERVER_ROOM, ZoneCategory.VAULT)

Door = tuple[int, int]
"""A point's code, and 1 where it is passed outwards (to its from-zone), else 0."""


@dataclass(frozen=True, slots=True)
class Rooms:
    """The zones people go to, by use, as codes."""

    offices: tuple[int, ...]
    meetings: tuple[int, ...]
    canteen: int
    reception: int
    labs: tuple[int, ...]
    stores: tuple[int, ...]
    secure: tuple[int, ...]
    halls: tuple[int, ...]
    guard_post: int
    general: tuple[int, ...]


class Campus:
    """A site's graph. Zones, points and devices have the codes of their order; outside is -1.

    `sides[point]` are the zones a passage leads to: inwards, outwards. `counted` points are turnstiles
    between outside and a zone; `guarded` ones are the other points with a contact.

    Raises:
        InvalidDocument: the site has no zone of a needed category, a point without `from_zone`, or a room
            that cannot be reached from outside.
    """

    def __init__(self, site: Site) -> None:
        self.site = site
        self.zone_ids: tuple[str, ...] = (*(zone.id for zone in site.zones), OUTSIDE)
        codes = {name: code for code, name in enumerate(self.zone_ids[:-1])} | {OUTSIDE: OUTSIDE_CODE}
        self.point_ids = tuple(point.id for point in site.points)
        self.sides: list[tuple[int, int]] = []
        self.contact = [point.contact for point in site.points]
        self.links: dict[tuple[int, int], tuple[Door, ...]] = {}
        for code, point in enumerate(site.points):
            if point.from_zone is None:
                raise InvalidDocument(f"points: {point.id} needs a from_zone to be simulated")
            inner, outer = codes[point.to_zone], codes[point.from_zone]
            self.sides.append((inner, outer))
            self.links[outer, inner] = (*self.links.get((outer, inner), ()), (code, 0))
            self.links[inner, outer] = (*self.links.get((inner, outer), ()), (code, 1))
        self.counted = [
            contact and OUTSIDE_CODE in sides for contact, sides in zip(self.contact, self.sides, strict=True)
        ]
        self.guarded = tuple(
            point for point, contact in enumerate(self.contact) if contact and not self.counted[point]
        )
        self.gates = tuple(point for point, counted in enumerate(self.counted) if counted)
        if not self.gates:
            raise InvalidDocument(
                "points: the simulation needs a point with contact between outside and a zone"
            )
        self._routes: dict[tuple[int, int], tuple[tuple[Door, ...], ...]] = {}
        self.parents = [codes[zone.parent] if zone.parent else OUTSIDE_CODE for zone in site.zones]
        self.rooms = self._rooms()
        self.device_ids, self.device_of = self._devices()
        self.offline_device, self.drifting_device = self._troubled()

    def route(self, start: int, goal: int) -> tuple[tuple[Door, ...], ...]:
        """Return the shortest way: for each step the doors that lead on, any of which will do."""
        if (start, goal) not in self._routes:
            self._routes[start, goal] = self._search(start, goal)
        return self._routes[start, goal]

    def building(self, zone: int) -> int:
        """Return the outermost zone that holds this one."""
        while self.parents[zone] != OUTSIDE_CODE:
            zone = self.parents[zone]
        return zone

    def _search(self, start: int, goal: int) -> tuple[tuple[Door, ...], ...]:
        came_from = {start: start}
        queue = deque([start])
        while queue and goal not in came_from:
            here = queue.popleft()
            for outer, inner in self.links:
                if outer == here and inner not in came_from:
                    came_from[inner] = here
                    queue.append(inner)
        if goal not in came_from:
            raise InvalidDocument(f"points: no way from {self.zone_ids[start]} to {self.zone_ids[goal]}")
        way: list[tuple[Door, ...]] = []
        while goal != start:
            way.append(self.links[came_from[goal], goal])
            goal = came_from[goal]
        return tuple(reversed(way))

    def _rooms(self) -> Rooms:
        reachable = {zone for link in self.links for zone in link}

        def of(*categories: ZoneCategory) -> tuple[int, ...]:
            fit = [
                code
                for code, zone in enumerate(self.site.zones)
                if code in reachable and zone.category in categories
            ]
            if not fit:
                raise InvalidDocument(f"zones: the simulation needs a zone of category {categories[0]}")
            return tuple(fit)

        return Rooms(
            offices=of(ZoneCategory.OFFICE),
            meetings=of(ZoneCategory.MEETING),
            canteen=of(ZoneCategory.CANTEEN)[0],
            reception=of(ZoneCategory.RECEPTION)[0],
            labs=of(*LABS),
            stores=of(ZoneCategory.STORAGE),
            secure=of(*SECURE),
            halls=of(ZoneCategory.CIRCULATION),
            guard_post=of(ZoneCategory.RESTRICTED)[0],
            general=of(ZoneCategory.GENERAL),
        )

    def _devices(self) -> tuple[tuple[str, ...], list[int]]:
        """Return the devices' ids and every point's device; a point without one is its own."""
        names = [device.id for device in self.site.devices]
        of_point = []
        for point in self.site.points:
            name = point.device or point.id
            if name not in names:
                names.append(name)
            of_point.append(names.index(name))
        return tuple(names), of_point

    def _troubled(self) -> tuple[int | None, int | None]:
        """Return the devices that will lose their line and their time, or None where none is fit.

        Fit is a device of readers alone, since contacts reported late explain nothing, and off the guards'
        rounds, since a clock that runs ahead at night would make their readings late.
        """
        rounds = {*self.rooms.halls, OUTSIDE_CODE}
        fit = []
        for device in range(len(self.device_ids)):
            points = [point for point, of in enumerate(self.device_of) if of == device]
            if points and not any(self.contact[p] or rounds.issuperset(self.sides[p]) for p in points):
                fit.append((len(points), -device))
        if len(fit) < 2:
            return None, None
        return -min(fit)[1], -max(fit)[1]
