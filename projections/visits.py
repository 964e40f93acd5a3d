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
    toUnixTimestamp64Micro(min(known_at)) AS first_known, toUnixTimestamp64Micro(max(known_at)) AS last_known,
    anyIf(by.basis, by.topic = 'visit.started') AS start_basis,
    anyIf(by.basis, by.topic = 'visit.ended') AS end_basis
FROM (SELECT *, toUnixTimestamp64Micro(occurred_at) AS us FROM {table:Identifier}) AS by
WHERE site = {site:String} AND {of_person}
GROUP BY visit
HAVING start < {to:Int64}
    AND (NOT ended OR end > {from:Int64} OR start >= {from:Int64})
ORDER BY start, min(offset)
"""
_STEPS = """
SELECT topic, person, visit, zone, basis, toUnixTimestamp64Micro(occurred_at) AS at, position, ordinal
FROM {table:Identifier}
WHERE site = {site:String} AND topic = {topic:String} AND {of_person}
    AND {when} >= fromUnixTimestamp64Micro({first:Int64})
    AND {when} <= fromUnixTimestamp64Micro({last:Int64})
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
    asked = {"site": site.id, "person": person}
    found = history.rows(
        _VISITS.replace("{of_person}", of_person),
        asked | span(from_us, to_us) | {"table": f"{stored}visits"},
    )
    if not found:
        return []
    steps = _STEPS.replace("{of_person}", of_person)
    asked |= {"table": f"{stored}moves"}
    # What a visit's steps are is known between its start and its end; when they happened, their clocks say.
    of_visits = {"topic": "zone.entered"} | _from_to(found, "first_known", "last_known")
    corrections = {"topic": "presence.corrected"} | _from_to(found, "start", "end")
    entered: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in history.rows(steps.replace("{when}", "known_at"), asked | of_visits):
        entered[step["visit"]].append(step)
    corrected: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for step in history.rows(steps.replace("{when}", "occurred_at"), asked | corrections):
        corrected[step["person"]].append(step)
    return [_visit(row, entered[row["visit"]], corrected[row["who"]], site) for row in found]


def _from_to(found: list[dict[str, Any]], first: str, last: str) -> dict[str, int]:
    """Return the span of all visits: from the first `first` to the last `last`, or on if one is open."""
    return {
        "first": min(row[first] for row in found),
        "last": max(row[last] if row["ended"] else LAST for row in found),
    }


def _visit(
    row: dict[str, Any], entered: list[dict[str, Any]], corrected: list[dict[str, Any]], site: Site
) -> dict[str, Any]:
    end = row["end"] if row["ended"] else None
    within = [step for step in corrected if row["start"] <= step["at"] and (end is None or step["at"] < end)]
    steps = sorted(entered + within, key=itemgetter("at", "position", "ordinal"))
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
