"""Occupancy: how many are in every zone, at least and at most (rules 7)."""

from typing import Any

from domain.kernels import AHEAD, inlined, prefetch, stage
from domain.records import MOVED, NOWHERE, PASSAGE_SETTLED, PASSED


@inlined
def holds(zones: Any, outer: int, inner: int) -> bool:
    """Say whether `inner` is `outer` or within it. Outside is within nothing: it has no number.

    One question without branches: whether one zone holds another is as random as where people go.
    """
    number = zones[inner].first
    around = zones[outer]
    return bool((around.first <= number) & (number < around.last) & (inner != NOWHERE))


@inlined
def place(zones: Any, zone: int, maybe: int, one: int) -> None:
    """Add a person (one = 1) to all zones that hold the person for sure or maybe, or take it off (-1)."""
    inside = zone
    while inside != NOWHERE:
        row = zones[inside]
        row.count += one
        row.possible += one
        if zone == maybe or holds(zones, inside, maybe):
            row.certain += one
        inside = row.parent
    if maybe == zone:
        return
    inside = maybe
    while inside != NOWHERE and not holds(zones, inside, zone):
        zones[inside].possible += one
        inside = zones[inside].parent


@inlined
def loosen(zones: Any, from_zone: int, to_zone: int, number: int) -> None:
    """Widen the bounds by passages between two zones (rule 7.2), or narrow them again."""
    inside = to_zone
    while inside != NOWHERE and not holds(zones, inside, from_zone):
        zones[inside].slack_in += number
        inside = zones[inside].parent
    inside = from_zone
    while inside != NOWHERE and not holds(zones, inside, to_zone):
        zones[inside].slack_out += number
        inside = zones[inside].parent


@inlined
def note_levels(zones: Any, start: int, beyond: int, crossing: int, levels: Any, size: Any) -> None:
    """Write the new count of `start` and the zones around it that do not hold `beyond`, innermost first."""
    inside = start
    while inside != NOWHERE and not holds(zones, inside, beyond):
        level = levels[size[0]]
        size[0] += 1
        level.crossing = crossing
        level.zone = inside
        level.count = zones[inside].count
        inside = zones[inside].parent


@stage
def occupy(crossings: Any, first: int, last: int, zones: Any, levels: Any, size: Any, watched: Any) -> None:
    """Apply every crossing; where counts are watched (watched[0]), write a level for each that changed."""
    for k in range(first, last):
        row = crossings[k]
        if k + AHEAD < last:
            prefetch(zones, crossings[k + AHEAD].from_zone)
            prefetch(zones, crossings[k + AHEAD].to_zone)
        if row.kind == PASSED:
            loosen(zones, row.from_zone, row.to_zone, row.number)
        elif row.kind == PASSAGE_SETTLED:
            loosen(zones, row.from_zone, row.to_zone, -row.number)
        else:
            place(zones, row.from_zone, row.from_maybe, -1)
            place(zones, row.to_zone, row.maybe, 1)
            if row.kind == MOVED and watched[0] != 0:
                note_levels(zones, row.from_zone, row.to_zone, k, levels, size)
                note_levels(zones, row.to_zone, row.from_zone, k, levels, size)


def bounds(row: Any) -> tuple[int, int, int]:
    """Return (count, low, high) of a zone's row (rule 7.3)."""
    low = max(0, int(row["certain"]) - int(row["slack_out"]))
    return int(row["count"]), low, int(row["possible"]) + int(row["slack_in"])
