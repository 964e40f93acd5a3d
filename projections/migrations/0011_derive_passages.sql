CREATE OR REPLACE VIEW derive_passages AS
SELECT
    partition, offset, site, topic, ifNull(from_zone, 'outside') AS from_zone, ifNull(zone, 'outside') AS to_zone,
    point, if(topic = 'passage.settled', -1, 1) * ifNull(value, 0) AS persons, occurred_at, known_at
FROM events
WHERE topic IN ('passage.unregistered', 'passage.settled')
