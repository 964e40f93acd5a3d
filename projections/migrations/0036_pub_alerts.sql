-- An alert's own id may name its subject: `position` and `rule` stand for it here. Cleared is one whose newest event
-- says so: a finding that joins a cleared alert opens it again. Of its case: how far it is.
CREATE OR REPLACE VIEW pub.alerts AS
SELECT
    site, anyIf(told.rule, is_raised) AS rule, anyIf(told.severity, is_raised) AS severity,
    anyIf(told.zone, is_raised) AS zone, anyIf(told.point, is_raised) AS point,
    minIf(told.occurred_at, is_raised) AS occurred_at, minIf(told.position, is_raised) AS position,
    anyIf(told.value, is_raised) AS value, anyIf(told.`limit`, is_raised) AS `limit`,
    if(
        argMaxIf(told.topic, told.offset, told.topic != '') = 'alert.cleared',
        argMaxIf(told.occurred_at, told.offset, told.topic != ''), NULL
    ) AS cleared_at,
    countIf(told.topic = 'alert.joined') AS joined,
    nullIf(max(told.status), '') AS case_status, nullIf(max(told.resolution), '') AS resolution,
    nullIf(max(told.decided_at), toDateTime64(0, 6, 'UTC')) AS decided_at
FROM
(
    SELECT
        site, alert, offset, topic, topic = 'alert.raised' AS is_raised, rule, severity, zone, point, occurred_at,
        position, value, `limit`, '' AS status, '' AS resolution, toDateTime64(0, 6, 'UTC') AS decided_at
    FROM alerts
    UNION ALL
    SELECT
        site, alert, 0, '', 0, '', '', NULL, NULL, toDateTime64(0, 6, 'UTC'), 0, NULL, NULL, status,
        ifNull(resolution, ''), decided_at
    FROM cases
) AS told
GROUP BY site, told.alert
HAVING countIf(is_raised) > 0
