CREATE OR REPLACE VIEW pub.passages AS
SELECT site, topic, from_zone, to_zone, point, persons, occurred_at, known_at FROM passages
