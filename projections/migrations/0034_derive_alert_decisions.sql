CREATE OR REPLACE VIEW derive_alert_decisions AS
SELECT
    partition, offset, site, topic, assumeNotNull(alert) AS alert, ifNull(rule, '') AS rule,
    JSONExtractString(ifNull(detail, '{}'), 'by') AS decided_by,
    fromUnixTimestamp64Micro(JSONExtractInt(ifNull(detail, '{}'), 'decided_at'), 'UTC') AS decided_at,
    JSONExtract(ifNull(detail, '{}'), 'assignee', 'Nullable(String)') AS assignee,
    JSONExtract(ifNull(detail, '{}'), 'resolution', 'Nullable(String)') AS resolution,
    JSONExtract(ifNull(detail, '{}'), 'note', 'Nullable(String)') AS note,
    occurred_at, known_at, position
FROM events
WHERE topic IN ('alert.acknowledged', 'alert.assigned', 'alert.noted', 'alert.closed', 'alert.reopened')
    AND alert IS NOT NULL
