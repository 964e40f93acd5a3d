-- What people ordered, and what came of it.
CREATE OR REPLACE VIEW audit AS
SELECT
    site, occurred_at, received_at AS recorded_at, partition, offset AS position, 'signal' AS kind,
    concat(category, '.', action) AS what, JSONExtractString(ifNull(data, '{}'), 'kind') AS subject, person,
    data AS detail
FROM signals
WHERE category = 'control'
UNION ALL
SELECT
    site, occurred_at, known_at, partition, position, 'event', topic, ifNull(alert, ''), person, detail
FROM events
WHERE topic IN (
    'site.applied', 'policy.applied', 'directory.applied', 'control.rejected', 'alert.acknowledged',
    'alert.assigned', 'alert.noted', 'alert.closed', 'alert.reopened'
)
