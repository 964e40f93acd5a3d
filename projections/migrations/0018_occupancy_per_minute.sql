-- How many persons were in each zone, enclosing ones too, at the end of each minute in which that changed.
CREATE OR REPLACE VIEW occupancy_per_minute AS
WITH
    steps AS
    (
        SELECT
            site, zone, occurred_at,
            lagInFrame(toString(zone), 1, 'outside') OVER (PARTITION BY site, person ORDER BY rank ASC) AS before
        FROM moves
    ),
    changes AS
    (
        SELECT site, place, toStartOfMinute(occurred_at) AS minute, sum(difference) AS difference
        FROM steps
        ARRAY JOIN [toString(zone), before] AS place, [1, -1] AS difference
        WHERE toString(zone) != before AND place != 'outside'
        GROUP BY site, place, minute
    ),
    rolled_up AS
    (
        SELECT
            changes.site AS site, if(enclosing.around = '', changes.place, enclosing.around) AS around, minute,
            sum(difference) AS difference
        FROM changes LEFT JOIN enclosing ON enclosing.site = changes.site AND enclosing.zone = changes.place
        GROUP BY site, around, minute
        HAVING difference != 0
    )
SELECT
    site, around AS zone, minute,
    sum(difference) OVER (PARTITION BY site, around ORDER BY minute ASC ROWS UNBOUNDED PRECEDING) AS persons
FROM rolled_up
