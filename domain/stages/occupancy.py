"""Occupancy: how many are in every zone, at least and at most (rules 7).

The stage keeps the count, which rules look at. The bounds are asked for now and then and follow from where
everybody is, so they are computed when they are asked for.
"""

from typing import Any

from domain.kernels import AHEAD, inlined, loop, prefetch, stage
from domain.records import MOVED, NOWHERE


@inlined
def holds(zones: Any, outer: int, inner: int) -> bool:
    """Say whether `inner` is `outer` or within it. Outside is within nothing: it has no number.

    One question without branches: whether one zone holds another is as random as where people go.
    """
    number = zones[inner].first
    around = zones[outer]
    return bool((around.first <= number) & (number < around.last) & (inner != NOWHERE))


@inlined
def note_level(crossing: int, zone: int, count: int, levels: Any, size: Any) -> None:
    """Write a zone's new count."""
    level = levels[size[0]]
    size[0] += 1
    level.crossing = crossing
    level.zone = zone
    level.count = count


@stage
def occupy(crossings: Any, first: int, last: int, zones: Any, levels: Any, size: Any, watched: Any) -> None:
    """Count every move in the zones left and in those entered, innermost first.

    Where counts are watched (watched[0]), write a level for each that changed.
    """
    for k in range(first, last):
        row = crossings[k]
        if k + AHEAD < last:
            prefetch(zones, crossings[k + AHEAD].from_zone)
            prefetch(zones, crossings[k + AHEAD].to_zone)
        if row.kind != MOVED:
            continue
        inside = row.from_zone
        while inside != NOWHERE and not holds(zones, inside, row.to_zone):
            zone = zones[inside]
            zone.count -= 1
            if watched[0] != 0:
                note_level(k, inside, zone.count, levels, size)
            inside = zone.parent
        common = inside
        inside = row.to_zone
        while inside != common:
            zone = zones[inside]
            zone.count += 1
            if watched[0] != 0:
                note_level(k, inside, zone.count, levels, size)
            inside = zone.parent


@loop
def count_everybody(people: Any, zones: Any) -> None:
    """Add everybody to the counts of zones, which are all empty."""
    for code in range(len(people)):
        inside = people[code].zone
        while inside != NOWHERE:
            zones[inside].count += 1
            inside = zones[inside].parent


@loop
def measure(people: Any, passages: Any, zones: Any, measured: Any) -> None:
    """Say of every zone how many are in it for certain, and how many possibly (rule 7.1).

    Unregistered passages that are not settled loosen both (rule 7.2). `measured` has a row of zeros for each.
    """
    for code in range(len(people)):
        zone, maybe = people[code].zone, people[code].maybe
        inside = zone
        while inside != NOWHERE:
            measured[inside].possible += 1
            if holds(zones, inside, maybe):
                measured[inside].certain += 1
            inside = zones[inside].parent
        inside = maybe
        while inside != NOWHERE and not holds(zones, inside, zone):
            measured[inside].possible += 1
            inside = zones[inside].parent
    for k in range(len(passages)):
        passage = passages[k]
        inside = passage.to_zone
        while inside != NOWHERE and not holds(zones, inside, passage.from_zone):
            measured[inside].slack_in += passage.number
            inside = zones[inside].parent
        inside = passage.from_zone
        while inside != NOWHERE and not holds(zones, inside, passage.to_zone):
            measured[inside].slack_out += passage.number
            inside = zones[inside].parent
