-- Lets the newest claim's events in, and refuses the insert of any other.
CREATE MATERIALIZED VIEW IF NOT EXISTS receive_events TO events AS
SELECT * EXCEPT claim
FROM events_in
WHERE throwIf((partition, claim) NOT IN (SELECT partition, max(claim) FROM claims GROUP BY partition), 'claimed since') = 0
