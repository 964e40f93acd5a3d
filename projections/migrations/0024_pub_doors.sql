CREATE OR REPLACE VIEW pub.doors AS
SELECT site, point, topic, occurred_at, known_at, value, `limit`
FROM events
WHERE topic IN ('door.opened', 'door.closed', 'door.forced', 'door.held')
