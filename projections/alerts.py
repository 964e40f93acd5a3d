"""Alerts: what was found, whether it still stands, and the signals it rests on."""

from typing import Any

from domain.site import Site
from projections.client import History
from projections.instants import iso, span

_ALERTS = """
SELECT
    alert, anyIf(by.rule, raised) AS of_rule, anyIf(by.severity, raised) AS of_severity,
    anyIf(by.person, raised) AS of_person, anyIf(by.zone, raised) AS of_zone,
    anyIf(by.point, raised) AS of_point,
    minIf(us, raised) AS at, countIf(by.topic = 'alert.cleared') > 0 AS cleared, any(by.partition) AS log,
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
    AND ({zone:Nullable(String)} IS NULL OR of_zone = {zone:Nullable(String)})
    AND at >= {from:Int64} AND at < {to:Int64}
ORDER BY at, minIf(by.offset, raised)
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

    Each is `{alert_id, rule, severity, person, zone, point, occurred_at, status, evidence}`: `status` is
    `open` or `cleared`, `evidence` the ids of the signals that raised it and of those that joined it, in
    log order.
    """
    wanted = {"site": site.id, "rule": rule, "person": person, "zone": zone} | span(from_us, to_us)
    found = history.rows(_ALERTS, wanted)
    ids = _signal_ids(history, {(row["log"], position) for row in found for position in row["positions"]})
    return [
        {
            "alert_id": row["alert"],
            "rule": row["of_rule"],
            "severity": row["of_severity"],
            "person": row["of_person"],
            "zone": row["of_zone"],
            "point": row["of_point"],
            "occurred_at": iso(row["at"], site),
            "status": "cleared" if row["cleared"] else "open",
            "evidence": [
                ids[row["log"], position] for position in row["positions"] if (row["log"], position) in ids
            ],
        }
        for row in found
    ]


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
