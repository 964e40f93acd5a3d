"""Who was inside at a time, as known at another (sections 7 and 8 of the rules)."""

from collections import Counter
from typing import Any

from domain.site import Site
from domain.times import iso
from domain.vocabulary import OUTSIDE
from projections.client import History
from projections.instants import LAST

_CHECKPOINT = """
SELECT partition, up_to
FROM checkpoints
WHERE partition IN (SELECT partition FROM moves WHERE site = {site:String} LIMIT 1)
    AND at <= fromUnixTimestamp64Micro({until:Int64})
ORDER BY up_to DESC
LIMIT 1
"""
_PRESENT = """
SELECT zone, maybe_zone, count() AS persons
FROM
(
    SELECT argMax(at.zone, at.rank) AS zone, argMax(at.maybe_zone, at.rank) AS maybe_zone
    FROM
    (
        SELECT person, zone, maybe_zone, rank
        FROM presence
        WHERE site = {site:String} AND partition = {partition:UInt16} AND up_to = {up_to:UInt64}
            AND occurred_at <= fromUnixTimestamp64Micro({at:Int64})
        UNION ALL
        SELECT person, zone, maybe_zone, rank
        FROM moves
        WHERE site = {site:String} AND (partition != {partition:UInt16} OR offset >= {up_to:UInt64})
            AND occurred_at <= fromUnixTimestamp64Micro({at:Int64})
            AND known_at <= fromUnixTimestamp64Micro({known:Int64})
    ) AS at
    GROUP BY at.person
)
GROUP BY zone, maybe_zone
"""
_SLACK = """
SELECT from_zone, to_zone, sum(persons) AS persons
FROM passages
WHERE site = {site:String} AND occurred_at <= fromUnixTimestamp64Micro({at:Int64})
    AND known_at <= fromUnixTimestamp64Micro({known:Int64})
GROUP BY from_zone, to_zone
"""
_LAST_MOVED = """
SELECT count() AS moves, toUnixTimestamp64Micro(max(occurred_at)) AS at
FROM moves
WHERE site = {site:String} AND person = {person:String}
"""


def last_moved(history: History, site: Site, person: str) -> int | None:
    """Return when a person was last known to move, UTC microseconds; None: never."""
    found = history.rows(_LAST_MOVED, {"site": site.id, "person": person})[0]
    return int(found["at"]) if found["moves"] else None


def occupancy_at(
    history: History, site: Site, at_us: int, as_known_at_us: int | None = None
) -> dict[str, Any]:
    """Return `{at, zones: [{zone, count, low, high}], total}`; every zone of the site, in its order.

    `at_us` and `as_known_at_us` are UTC microseconds, both inclusive; without the latter, as known now.
    """
    known = LAST if as_known_at_us is None else as_known_at_us
    when = {"site": site.id, "at": at_us, "known": known, "until": min(at_us, known)}
    checkpoint = history.rows(_CHECKPOINT, when) or [{"partition": 0, "up_to": 0}]
    present = history.rows(_PRESENT, when | checkpoint[0])
    count, low, high = _roll_up(site, present, history.rows(_SLACK, when))
    return {
        "at": iso(at_us, site.zone_info),
        "zones": [
            {"zone": zone.id, "count": count[zone.id], "low": max(0, low[zone.id]), "high": high[zone.id]}
            for zone in site.zones
        ],
        "total": sum(row["persons"] for row in present if row["zone"] != OUTSIDE),
    }


def _roll_up(
    site: Site, present: list[dict[str, Any]], passages: list[dict[str, Any]]
) -> tuple[Counter[str], Counter[str], Counter[str]]:
    """Return count, low (perhaps below 0) and high of each zone, by rules 7.1 to 7.3."""
    around = {zone: frozenset(chain) for zone, chain in site.zones_around().items()}
    count: Counter[str] = Counter()
    low: Counter[str] = Counter()
    high: Counter[str] = Counter()
    nowhere: frozenset[str] = frozenset()
    for row in present:
        here, maybe = around.get(row["zone"], nowhere), around.get(row["maybe_zone"], nowhere)
        for zone in here:
            count[zone] += row["persons"]
        for zone in here & maybe:
            low[zone] += row["persons"]
        for zone in here | maybe:
            high[zone] += row["persons"]
    for row in passages:
        left, entered = around.get(row["from_zone"], nowhere), around.get(row["to_zone"], nowhere)
        for zone in left - entered:
            low[zone] -= row["persons"]
        for zone in entered - left:
            high[zone] += row["persons"]
    return count, low, high
