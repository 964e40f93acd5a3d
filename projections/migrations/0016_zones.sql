-- The zones of each site as last loaded. GLOBAL: on a cluster, the rejected ones are asked for once, not per shard.
CREATE OR REPLACE VIEW zones AS
SELECT
    site, JSONExtractString(entry, 'id') AS zone, JSONExtractString(entry, 'parent') AS parent,
    JSONExtractString(entry, 'label', 'en') AS label, JSONExtractString(entry, 'kind') AS kind,
    JSONExtractString(entry, 'category') AS category, JSONExtract(entry, 'area_m2', 'Nullable(Float64)') AS area_m2
FROM
(
    SELECT site, argMax(assumeNotNull(data), offset) AS document
    FROM signals
    WHERE category = 'control' AND action = 'loaded' AND JSONExtractString(assumeNotNull(data), 'kind') = 'site'
        AND (partition, offset) GLOBAL NOT IN (SELECT partition, position FROM events WHERE topic = 'control.rejected')
    GROUP BY site
)
ARRAY JOIN JSONExtractArrayRaw(document, 'document', 'zones') AS entry
