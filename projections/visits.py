"""Visits: from coming onto the site to leaving it, step by step."""

from collections import defaultdict
from operator import itemgetter
from typing import Any

from domain.site import Site
from domain.times import iso
from projections.client import History
from projections.instants import LAST, span

_VISITS = """
SELECT
    visit, any(by.person) AS who, minIf(us, by.topic = 'visit.started') AS start,
    maxIf(us, by.topic = 'visit.ended') AS end, countIf(by.topic = 'visit.ended') > 0 AS ended,
    anyIf(by.basis, by.topic = 'visit.started') AS start_basis,
    anyIf(by.basis, by.topic = 'visit.ended') AS end_basis
FROM (SELECT *, toUnixTimestamp64Micro(occurred_at) AS us FROM {table:Identifier}) AS by
WHERE site = {site:String} AND {of_person}
GROUP BY visit
HAVING start < {to:Int64}
    AND (NOT ended OR end > {from:Int64} OR start >= {from:Int64})
ORDER BY start, min(position)
"""
_STEPS = """
SELECT topic, person, visit, zone, basis, toUnixTimestamp64Micro(occurred_at) AS at, position, ordinal
FROM {table:Identifier}
WHERE site = {site:String} AND topic IN ('zone.entered', 'presence.corrected')
    AND {of_person}
    AND occurred_at >= fromUnixTimestamp64Micro({first:Int64})
    AND occurred_at <= fromUnixTimestamp64Micro({last:Int64})
ORDER BY rank
"""


def visits(
    history: History,
    site: Site,
    *,
    person: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
) -> list[dict[str, Any]]:
    """Return the visits that overlap [from, to), in order of their start.

    Each is `{visit_id, person, started_at, ended_at, start_basis, end_basis, steps: [{zone, entered_at,
    left_at, basis}]}`; an open visit has no `ended_at` and no `end_basis`, and its last step no `left_at`.
    A reading that came late and corrected the past of a visit is a step of it.
    """
    # One person's events lie together in a projection of `events`, which the derived tables' views can use.
    of_person, stored = ("true", "") if person is None else ("person = {person:String}", "derive_")
    asked = {"site": site.id, "person": person} | span(from_us, to_us)
    found = history.rows(_VISITS.replace("{of_person}", of_person), asked | {"table": f"{stored}visits"})
    if not found:
        return []
    within = {
        "first": min(row["start"] for row in found),
        "last": max(row["end"] if row["ended"] else LAST for row in found),
    }
    entered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in history.rows(
        _STEPS.replace("{of_person}", of_person), asked | within | {"table": f"{stored}moves"}
    ):
        of = step["visit"] if step["topic"] == "zone.entered" else step["person"]
        entered[of].append(step)
    return [_visit(row, entered, site) for row in found]


def _visit(row: dict[str, Any], entered: dict[str, list[dict[str, Any]]], site: Site) -> dict[str, Any]:
    end = row["end"] if row["ended"] else None
    corrected = [
        step
        for step in entered[row["who"]]
        if row["start"] <= step["at"] and (end is None or step["at"] < end)
    ]
    steps = sorted(entered[row["visit"]] + corrected, key=itemgetter("at", "position", "ordinal"))
    left = [step["at"] for step in steps[1:]] + [end]
    return {
        "visit_id": row["visit"],
        "person": row["who"],
        "started_at": iso(row["start"], site.zone_info),
        "ended_at": None if end is None else iso(end, site.zone_info),
        "start_basis": row["start_basis"],
        "end_basis": row["end_basis"] if end is not None else None,
        "steps": [
            {
                "zone": step["zone"],
                "entered_at": iso(step["at"], site.zone_info),
                "left_at": None if until is None else iso(until, site.zone_info),
                "basis": step["basis"],
            }
            for step, until in zip(steps, left, strict=False)
        ],
    }
