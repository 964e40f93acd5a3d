-- Every device: when it was last heard, what it lost, and whether it is silent or its clock drifted.
CREATE OR REPLACE VIEW device_health AS
SELECT
    heard.site AS site, heard.device AS device, signals, last_occurred_at, last_received_at, last_seq,
    signals_lost, silent, drifted, clock_offset_ms
FROM
(
    SELECT
        site, device, count() AS signals, max(occurred_at) AS last_occurred_at,
        max(received_at) AS last_received_at, argMax(seq, offset) AS last_seq
    FROM signals
    WHERE category NOT IN ('control', 'clock', '')
    GROUP BY site, device
) AS heard
LEFT JOIN
(
    SELECT
        site, assumeNotNull(device) AS device,
        sumIf(ifNull(value, 0), topic = 'device.gap_found') AS signals_lost,
        argMaxIf(topic, offset, topic IN ('device.fell_silent', 'device.recovered')) = 'device.fell_silent' AS silent,
        argMaxIf(topic, offset, topic IN ('device.clock_drifted', 'device.clock_recovered'))
            = 'device.clock_drifted' AS drifted,
        argMaxIf(value, offset, topic IN ('device.clock_drifted', 'device.clock_recovered')) AS clock_offset_ms
    FROM events
    WHERE device IS NOT NULL AND startsWith(topic, 'device.')
    GROUP BY site, device
) AS told ON told.site = heard.site AND told.device = heard.device
