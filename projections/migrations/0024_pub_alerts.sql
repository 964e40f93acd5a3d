-- An alert's own id may name its subject: `position` and `rule` stand for it here.
CREATE OR REPLACE VIEW pub.alerts AS
SELECT
    site, any(raised.rule) AS rule, any(raised.severity) AS severity, any(raised.zone) AS zone,
    any(raised.point) AS point, min(raised.occurred_at) AS occurred_at, min(raised.position) AS position,
    any(raised.value) AS value, any(raised.`limit`) AS `limit`,
    nullIf(maxIf(changed.occurred_at, changed.topic = 'alert.cleared'), toDateTime64(0, 6, 'UTC')) AS cleared_at,
    countIf(changed.topic = 'alert.joined') AS joined
FROM (SELECT * FROM alerts WHERE topic = 'alert.raised') AS raised
LEFT JOIN (SELECT * FROM alerts WHERE topic != 'alert.raised') AS changed
    ON changed.site = raised.site AND changed.alert = raised.alert
GROUP BY raised.site AS site, raised.alert
