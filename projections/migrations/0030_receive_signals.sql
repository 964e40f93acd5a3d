-- Lets the newest claim's signals in, and refuses the insert of any other.
CREATE MATERIALIZED VIEW IF NOT EXISTS receive_signals TO signals AS
SELECT * EXCEPT claim
FROM signals_in
WHERE throwIf((partition, claim) NOT IN (SELECT partition, max(claim) FROM claims GROUP BY partition), 'claimed since') = 0
