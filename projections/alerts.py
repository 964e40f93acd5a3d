"""Alerts: what was found, whether it still stands, the signals it rests on, and what people decided."""

from typing import Any, Final

from domain.site import Site
from domain.times import iso
from projections.client import History
from projections.instants import span

_ALERTS = """
SELECT
    alert, anyIf(by.rule, raised) AS of_rule, anyIf(by.severity, raised) AS of_severity,
    anyIf(by.person, raised) AS of_person, anyIf(by.zone, raised) AS of_zone,
    anyIf(by.point, raised) AS of_point,
    minIf(us, raised) AS at, argMax(by.topic, by.offset) = 'alert.cleared' AS cleared,
    any(by.partition) AS log,
    arrayDistinct(arrayFlatten(arrayMap(
        found -> found.2, arraySort(groupArrayIf((by.offset, by.causes), by.topic != 'alert.cleared'))
    ))) AS positions
FROM
(
    SELECT *, toUnixTimestamp64Micro(occurred_at) AS us, topic = 'alert.raised' AS raised
    FROM alerts
    WHERE site = {site:String}
) AS by
GROUP BY alert
HAVING countIf(raised) > 0
    AND ({rule:Nullable(String)} IS NULL OR of_rule = {rule:Nullable(String)})
    AND ({person:Nullable(String)} IS NULL OR of_person = {person:Nullable(String)})
    AND (empty({zones:Array(String)}) OR of_zone IN {zones:Array(String)})
    AND at >= {from:Int64} AND at < {to:Int64}
ORDER BY at, minIf(by.offset, raised)
"""
_CASES: Final = """
SELECT alert, status, decided_by, toUnixTimestamp64Micro(decided_at) AS at, assignee, resolution
FROM cases
WHERE site = {site:String} AND alert IN {alerts:Array(String)}
"""


def alerts(
    history: History,
    site: Site,
    *,
    rule: str | None = None,
    person: str | None = None,
    zone: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
) -> list[dict[str, Any]]:
    """Return the alerts that happened in [from, to), in order of time.

    Each is `{alert_id, rule, severity, person, zone, point, occurred_at, status, evidence, case}`: `status`
    is `open` or `cleared`, as its newest event leaves it; `evidence` the ids of the signals that
    raised it and of those that joined it, in log order; `case` None, or what people decided about it:
    `{status, by, decided_at, assignee, resolution}`, with `status` `open`, `acknowledged` or `closed`, and
    by whom and when the newest decision was taken. Those of a zone are also those of the zones within it.
    """
    zones = [] if zone is None else _within(site, zone)
    wanted = {"site": site.id, "rule": rule, "person": person, "zones": zones} | span(from_us, to_us)
    found = history.rows(_ALERTS, wanted)
    ids = _signal_ids(history, {(row["log"], position) for row in found for position in row["positions"]})
    cases = _cases(history, site, [row["alert"] for row in found])
    return [
        {
            "alert_id": row["alert"],
            "rule": row["of_rule"],
            "severity": row["of_severity"],
            "person": row["of_person"],
            "zone": row["of_zone"],
            "point": row["of_point"],
            "occurred_at": iso(row["at"], site.zone_info),
            "status": "cleared" if row["cleared"] else "open",
            "evidence": [
                ids[row["log"], position] for position in row["positions"] if (row["log"], position) in ids
            ],
            "case": cases.get(row["alert"]),
        }
        for row in found
    ]


def alert_exists(history: History, site: Site, alert: str) -> bool:
    """Return whether an alert of this id was raised."""
    raised = "SELECT count() AS n FROM alerts WHERE site = {site:String} AND alert = {alert:String}"
    found = history.rows(f"{raised} AND topic = 'alert.raised'", {"site": site.id, "alert": alert})
    return bool(found[0]["n"])


def decisions_about(history: History, site: Site, alert: str) -> int:
    """Return how many decisions about an alert the log was told of."""
    told = "SELECT count() AS n FROM alert_decisions WHERE site = {site:String} AND alert = {alert:String}"
    return int(history.rows(told, {"site": site.id, "alert": alert})[0]["n"])


def count_decisions(history: History) -> int:
    """Return how many decisions about alerts the log was told of."""
    return int(history.rows("SELECT count() AS n FROM alert_decisions")[0]["n"])


def _cases(history: History, site: Site, alerts: list[str]) -> dict[str, dict[str, Any]]:
    """Return what people decided, by alert."""
    return {
        row["alert"]: {
            "status": row["status"],
            "by": row["decided_by"],
            "decided_at": iso(row["at"], site.zone_info),
            "assignee": row["assignee"],
            "resolution": row["resolution"],
        }
        for row in history.rows(_CASES, {"site": site.id, "alerts": alerts})
    }


def _signal_ids(history: History, places: set[tuple[int, int]]) -> dict[tuple[int, int], str]:
    """Return the ids of the signals at these (partition, offset)."""
    ids = {}
    for partition in {partition for partition, _ in places}:
        offsets = sorted(offset for there, offset in places if there == partition)
        for row in history.rows(
            "SELECT offset, id FROM signals "
            "WHERE partition = {partition:UInt16} AND offset IN {offsets:Array(UInt64)}",
            {"partition": partition, "offsets": offsets},
        ):
            ids[partition, row["offset"]] = row["id"]
    return ids


def _within(site: Site, zone: str) -> list[str]:
    """Return a zone, which may have been one once, and all zones within it."""
    return [zone, *(inner for inner, around in site.zones_around().items() if zone in around[1:])]
