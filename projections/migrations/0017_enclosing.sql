-- Each zone with itself and every zone around it.
CREATE OR REPLACE VIEW enclosing AS
WITH RECURSIVE above AS
(
    SELECT site, zone, zone AS around, parent, 1 AS depth FROM zones
    UNION ALL
    SELECT above.site, above.zone, zones.zone, zones.parent, above.depth + 1
    FROM above INNER JOIN zones ON zones.site = above.site AND zones.zone = above.parent
    WHERE above.parent != '' AND above.depth < 32
)
SELECT site, zone, around FROM above
