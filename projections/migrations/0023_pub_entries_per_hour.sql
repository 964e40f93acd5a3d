CREATE OR REPLACE VIEW pub.entries_per_hour AS
SELECT site, zone, toStartOfHour(occurred_at) AS hour, basis, count() AS entries
FROM moves
WHERE topic = 'zone.entered'
GROUP BY site, zone, hour, basis
