"""`site.yaml`: the site, with everything in it that names something else looked up."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from domain.site import Site, Source
from domain.vocabulary import OUTSIDE
from infra import yaml_document
from infra.invalid_settings import Complaint, Loc


def load_site(path: Path) -> Site:
    """Return the site in a file.

    Raises:
        InvalidSettings: with every problem, unknown parents, zones, points and devices included.
    """
    return yaml_document.load(path, Site, check_site)


def check_site(data: Any) -> list[Complaint]:
    """Return what a site's plain data names that is not there, ids given twice, and unusable sources.

    Parts that do not fit the model are passed over: the model has complained of them.
    """
    zones, points, devices = (_entries(data, field) for field in ("zones", "points", "devices"))
    found = [*_twice("zones", zones), *_twice("points", points), *_twice("devices", devices)]
    zone_ids = {zone.get("id") for _, zone in zones}
    parents = {zone.get("id"): zone.get("parent") for _, zone in zones}
    for place, zone in zones:
        loc: Loc = ("zones", place, "parent")
        parent = zone.get("parent")
        if zone.get("id") == OUTSIDE:
            found.append(
                (("zones", place, "id"), f"{OUTSIDE!r} is everywhere off the site; choose another id")
            )
        if parent is not None and parent not in zone_ids:
            found.append(
                (loc, f"{parent!r} is no zone; add it to zones, or leave parent out for the site itself")
            )
        elif _inside_itself(zone.get("id"), parents):
            found.append((loc, f"{zone.get('id')!r} lies inside itself; break the circle"))
    device_ids = {device.get("id") for _, device in devices}
    for place, point in points:
        for field in ("to_zone", "from_zone"):
            name = point.get(field)
            if isinstance(name, str) and name != OUTSIDE and name not in zone_ids:
                found.append((("points", place, field), f"{name!r} is no zone; add it, or write {OUTSIDE!r}"))
        name = point.get("device")
        if isinstance(name, str) and name not in device_ids:
            found.append((("points", place, "device"), f"{name!r} is no device; add it to devices"))
    found += _source_complaints(data, {point.get("id") for _, point in points})
    return found


def _source_complaints(data: Any, point_ids: set[Any]) -> Iterator[Complaint]:
    from connectors.csv_file.mapping import check_source

    sources = data.get("sources")
    for name, entry in sources.items() if isinstance(sources, dict) else ():
        try:
            source = Source.model_validate(entry)
        except ValidationError:
            continue
        for field, message in check_source(source):
            yield ("sources", name, *field.split(".", 1)), message
        for spelling, point in source.points.items():
            if point not in point_ids:
                yield ("sources", name, "points", spelling), f"{point!r} is no point; add it to points"


def _entries(data: Any, field: str) -> list[tuple[int, dict[str, Any]]]:
    listed = data.get(field)
    if not isinstance(listed, list):
        return []
    return [
        (place, entry)
        for place, entry in enumerate(listed)
        if isinstance(entry, dict) and isinstance(entry.get("id"), str)
    ]


def _twice(field: str, entries: list[tuple[int, dict[str, Any]]]) -> list[Complaint]:
    first: dict[str, int] = {}
    found: list[Complaint] = []
    for place, entry in entries:
        if entry["id"] in first:
            found.append(
                (
                    (field, place, "id"),
                    f"{entry['id']!r} is the id of {field}.{first[entry['id']]} too; choose another",
                )
            )
        first.setdefault(entry["id"], place)
    return found


def _inside_itself(zone: Any, parents: dict[Any, Any]) -> bool:
    above, steps = parents.get(zone), 0
    while isinstance(above, str) and above != zone and steps <= len(parents):
        above, steps = parents.get(above), steps + 1
    return bool(above == zone)
