-- The case of each alert about which something was decided, as its newest decisions leave it.
CREATE OR REPLACE VIEW cases AS
SELECT
    site, alert,
    transform(
        argMaxIf(topic, offset, topic IN ('alert.acknowledged', 'alert.closed', 'alert.reopened')),
        ['alert.acknowledged', 'alert.closed'], ['acknowledged', 'closed'], 'open'
    ) AS status,
    argMax(told.decided_by, offset) AS decided_by, argMax(told.decided_at, offset) AS decided_at,
    nullIf(argMaxIf(ifNull(told.assignee, ''), offset, topic = 'alert.assigned'), '') AS assignee,
    if(status = 'closed', nullIf(argMaxIf(ifNull(told.resolution, ''), offset, topic = 'alert.closed'), ''), NULL)
        AS resolution,
    count() AS decisions
FROM alert_decisions AS told
GROUP BY site, alert
