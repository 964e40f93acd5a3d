CREATE OR REPLACE VIEW derive_visits AS
SELECT
    partition, offset, site, topic, assumeNotNull(visit) AS visit, person, zone, point,
    basis, occurred_at, known_at, position, late
FROM events
WHERE topic IN ('visit.started', 'visit.ended') AND visit IS NOT NULL AND person IS NOT NULL
