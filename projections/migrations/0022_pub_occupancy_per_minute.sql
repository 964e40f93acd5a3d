CREATE OR REPLACE VIEW pub.occupancy_per_minute AS
SELECT site, zone, minute, persons FROM occupancy_per_minute
