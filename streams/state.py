"""The engine's state: tables of people, zones, points, devices and credentials, timers, and documents."""

from typing import Any, Final

import numpy as np

from detectors.base import Detector
from detectors.registry import DETECTORS
from domain.deadlines import Deadlines
from domain.kernels import Table
from domain.names import Names
from domain.policy import Policy
from domain.records import (
    ANYWHERE,
    CLOCK_STATE,
    CREDENTIAL_HELD,
    DEVICE,
    FIRST_ZONE,
    HOLDING,
    LONG_AGO,
    NONE,
    NOWHERE,
    PASSAGE,
    PENDING,
    PERSON,
    POINT,
    SETTINGS,
    SITE,
    ZONE,
)  # fmt: skip
from domain.site import Site
from domain.stages.alerts import LastAlerts
from domain.timers import NEVER, Heap, Queue
from domain.vocabulary import OUTSIDE

SITE_NAME: Final = "the site as a whole"
"""Interned as zone code 1; no zone of a site can be called so, for ids hold no spaces."""


class State:
    """Everything a decision depends on. Tables have a row for every code of their names."""

    def __init__(self, site_id: str) -> None:
        self.site_id = site_id
        self.position = 0
        self.policy_version = 0
        self.site: Site | None = None
        self.policy = Policy()
        self.groups: list[tuple[str, str | None]] = [("", None), ("unknown", None)]
        """Role and department by group: 0 is nobody, 1 whom the directory does not know."""

        self.persons = Names()
        self.zone_names = Names()
        self.point_names = Names()
        self.device_names = Names()
        self.credential_names = Names()
        self.zone_names.code(SITE_NAME)

        self.clock = Table(CLOCK_STATE, 1)
        self.settings = Table(SETTINGS, 1)
        self.people = Table(
            PERSON, 1, last_at=LONG_AGO, seen_at=LONG_AGO, visit=NONE, due=NEVER, armed=NEVER, group=1
        )
        self.people.rows[0]["group"] = 0
        self.zones = Table(ZONE, FIRST_ZONE, first=NONE, last=NONE, parent=SITE)
        self.points = Table(
            POINT, 1, exit_requested_at=NONE, held_due=NEVER, from_zone=ANYWHERE, opened_position=NONE
        )
        self.devices = Table(
            DEVICE, 1, last_at=LONG_AGO, last_seq=NONE, due=NEVER, armed=NEVER, last_position=NONE
        )
        self.credentials = Table(CREDENTIAL_HELD, 1)
        self.holdings = Table(HOLDING, 0)
        self.pending = Table(PENDING, 1)
        self.pending_used = np.ones(1, np.uint32)
        self.grants = Queue()
        self.deadlines = Deadlines()
        self.passages = Heap(PASSAGE)
        self.silences = Heap()
        self.helds = Queue()
        self.last_alerts = LastAlerts()
        self.detectors: dict[str, Detector[Any]] = {name: make() for name, make in DETECTORS.items()}
        self.zones.rows[NOWHERE]["parent"] = self.zones.rows[SITE]["parent"] = NOWHERE
        self.zones.rows[SITE]["first"], self.zones.rows[SITE]["last"] = 0, 1
        self.settings.rows[0]["absence_us"] = NEVER
        self.grow()

    def grow(self) -> None:
        """Give every new code its row."""
        self.people.grow(len(self.persons))
        self.zones.grow(len(self.zone_names))
        self.points.grow(len(self.point_names))
        self.devices.grow(len(self.device_names))
        self.credentials.grow(len(self.credential_names))
        counts = {
            "persons": len(self.persons),
            "zones": len(self.zone_names),
            "points": len(self.point_names),
            "credentials": len(self.credential_names),
        }
        for detector in self.detectors.values():
            detector.grow(counts)

    @property
    def now(self) -> int:
        """The log's time."""
        return int(self.clock.rows[0]["now"])

    def zone_code(self, zone: str) -> int:
        """Return the code of a declared zone, `outside` included.

        Raises:
            KeyError: there is no such zone.
        """
        if zone == OUTSIDE:
            return NOWHERE
        code = self.zone_names.find(zone)
        if code == 0 or not self.zones.rows[code]["declared"]:
            raise KeyError(zone)
        return code

    @property
    def depth(self) -> int:
        """How many zones lie within one another at the most, the site as a whole included."""
        deepest = 1
        for code in range(FIRST_ZONE, self.zones.count):
            depth = 1
            while (code := int(self.zones.rows[code]["parent"])) != NOWHERE:
                depth += 1
            deepest = max(deepest, depth)
        return deepest

    def tables(self) -> dict[str, Any]:
        """Return every part that is dumped and loaded as bytes, by name."""
        parts: dict[str, Any] = {
            name: getattr(self, name)
            for name in (
                "clock", "people", "zones", "points", "devices", "credentials", "holdings", "pending",
                "grants", "deadlines", "passages", "silences", "helds", "last_alerts", "persons",
                "zone_names", "point_names", "device_names", "credential_names",
            )
        }  # fmt: skip
        for name, detector in self.detectors.items():
            for table, part in detector.tables.items():
                parts[f"{name}.{table}"] = part
        return parts
