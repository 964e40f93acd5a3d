CREATE OR REPLACE VIEW derive_moves AS
SELECT
    partition, offset, site, topic, person,
    ifNull(zone, 'outside') AS zone, coalesce(maybe_zone, zone, 'outside') AS maybe_zone,
    point, visit, basis, occurred_at, known_at, position, ordinal,
    bitShiftLeft(toInt128(toUnixTimestamp64Micro(occurred_at)), 64)
        + toInt128(position) * 1048576 + ordinal AS rank
FROM events
WHERE topic IN ('zone.entered', 'site.left', 'presence.settled', 'presence.corrected') AND person IS NOT NULL
