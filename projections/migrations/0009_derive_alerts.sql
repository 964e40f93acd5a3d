CREATE OR REPLACE VIEW derive_alerts AS
SELECT
    partition, offset, site, topic, assumeNotNull(alert) AS alert, ifNull(rule, '') AS rule, severity, person,
    credential, zone, point, visit, occurred_at, known_at, position, value, `limit`, causes
FROM events
WHERE topic IN ('alert.raised', 'alert.joined', 'alert.cleared') AND alert IS NOT NULL
