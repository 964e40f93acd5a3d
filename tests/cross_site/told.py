"""Uses as the tests tell them: cities, cards, and minutes from one start."""

from typing import Final

from domain.signal import Credential
from streams.cross_site.uses import Use

START: Final = 1_709_546_400_000_000
"""2024-03-04 10:00 UTC."""
MINUTE: Final = 60_000_000
PLACES: Final = {
    "berlin": (52.52, 13.405),
    "potsdam": (52.39, 13.065),  # 27 km from Berlin
    "lisbon": (38.722, -9.139),  # 2,312 km from Berlin
    "sydney": (-33.869, 151.209),
    "nowhere": (None, None),
}


def at(minutes: float) -> int:
    """Return a time of the tests, UTC microseconds."""
    return START + round(minutes * MINUTE)


def reading(site: str, minutes: float, card: str = "c-1", *, person: str | None = None) -> Use:
    """Return a use of a card; its id says where and when."""
    latitude, longitude = PLACES[site]
    return Use(
        what="reading", site=site, at=at(minutes), id=f"{site}@{minutes}", point="gate", person=person,
        credential=Credential("card", card) if card else None, latitude=latitude, longitude=longitude,
    )  # fmt: skip


def sighting(site: str, minutes: float, visit: int = 1, person: str = "ann") -> Use:
    """Return a sighting of a person in the site's n-th visit."""
    return Use(
        what="visit", site=site, at=at(minutes), id=f"{site}:{visit}@{minutes}", point="reader",
        person=person, visit=f"{site}:visit:{visit}:{person}",
    )  # fmt: skip
