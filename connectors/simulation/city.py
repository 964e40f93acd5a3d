"""A simulated city: many sites at once, the same campus with other people, and cards cloned between.

A site's own signals are those of `simulate`, so everything that holds of them holds here.
"""

import heapq
from collections.abc import Iterator
from datetime import date
from hashlib import blake2b
from operator import attrgetter
from pathlib import Path
from random import Random
from typing import Final

import msgspec

from connectors.simulation.simulation import DEFAULT_START, Simulation, simulate
from connectors.simulation.truth import Incident
from domain.policy import Policy
from domain.signal import Signal
from domain.site import Site
from domain.vocabulary import Action, Category, Direction, Reason

_APART_DEGREES: Final = 0.04
"""Between neighbouring sites, along one meridian: about 4.4 km."""
_FIRST_LATITUDE: Final = 30.0
_LONGITUDE: Final = 114.3
_CLONE_AFTER_US: Final = 120_000_000
_CLONES_EVERY: Final = 20_000
"""About how many granted readings of a city lie between two uses of a cloned card."""

_received_at = attrgetter("time.received_at")


class City:
    """The simulations of a city's sites, and their signals as one stream.

    `incidents` are the cards used at a far site two minutes after their holder passed a door of another; they
    are complete when `signals` has been read to its end.
    """

    def __init__(
        self,
        site: Site,
        policy: Policy,
        *,
        sites: int,
        persons: int,
        days: int,
        seed: int,
        start: date = DEFAULT_START,
    ) -> None:
        """Plan a city.

        Args:
            site: what every site looks like; site n of them is called `{id}-{n}`, from 1.
            policy: of every site.
            sites: how many.
            persons: how many people each site has; a person belongs to one site.
            days: how many local days, at least 1.
            seed: another seed gives other people, days and ids.
            start: the first day.

        Raises:
            InvalidDocument: the site cannot be simulated.
            ValueError: `sites`, `persons` or `days` is below 1.
        """
        if sites < 1:
            raise ValueError(f"a city needs at least 1 site, not {sites}")
        self._seed = seed
        self.simulations: list[Simulation] = [
            simulate(
                _placed(site, number),
                policy,
                persons=persons,
                days=days,
                seed=seed * 10_000 + number,
                start=start,
                person_prefix=f"{number}-",
            )
            for number in range(1, sites + 1)
        ]
        self.incidents: list[Incident] = []

    def signals(self) -> Iterator[Signal]:
        """Yield the signals of all sites in the order received; of one site, in its own order."""
        self.incidents = []
        rng = Random(f"{self._seed}/clones")
        clones: list[tuple[int, str, Signal]] = []
        streams = [simulation.signals() for simulation in self.simulations]
        for signal in heapq.merge(*streams, key=_received_at):
            while clones and clones[0][0] <= signal.time.received_at:
                yield heapq.heappop(clones)[2]
            yield signal
            if signal.action is Action.GRANTED and signal.credential and rng.random() * _CLONES_EVERY < 1:
                clone = self._clone(signal)
                if clone is not None:
                    heapq.heappush(clones, (clone.time.received_at, clone.id, clone))
        yield from (clone for _, _, clone in sorted(clones, key=lambda entry: entry[:2]))

    def write_truth(self, path: Path) -> None:
        """Write what was planted between the sites as JSON: `{"incidents": [...]}`."""
        path.write_bytes(msgspec.json.format(msgspec.json.encode({"incidents": self.incidents})))

    def _clone(self, used: Signal) -> Signal | None:
        """Return the same card refused at the site half the city away; None in a city of one site."""
        sites = len(self.simulations)
        here = next(n for n, one in enumerate(self.simulations) if one.campus.site.id == used.site)
        there = self.simulations[(here + sites // 2) % sites].campus
        if there.site.id == used.site:
            return None
        point = there.site.points[0]
        at_us = used.time.occurred_at + _CLONE_AFTER_US
        signal = Signal(
            id=blake2b(f"clone:{used.id}".encode(), digest_size=16).hexdigest(),
            site=there.site.id,
            device=point.device or there.device_ids[0],
            category=Category.CREDENTIAL,
            action=Action.DENIED,
            time=msgspec.structs.replace(
                used.time, occurred_at=at_us, received_at=used.time.received_at + _CLONE_AFTER_US, raw=None
            ),
            point=point.id,
            reason=Reason.UNKNOWN_CREDENTIAL,
            direction=Direction.IN,
            credential=used.credential,
            delivery=used.delivery,
        )
        self.incidents.append(
            Incident(
                "cloned_card", "impossible_travel", point=point.id, at_us=at_us, signals=[used.id, signal.id]
            )
        )
        return signal


def _placed(site: Site, number: int) -> Site:
    return site.model_copy(
        update={
            "id": f"{site.id}-{number}",
            "latitude": round(_FIRST_LATITUDE + _APART_DEGREES * number, 6),
            "longitude": _LONGITUDE,
        }
    )
