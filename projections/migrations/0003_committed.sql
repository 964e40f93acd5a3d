-- Everything below `offset` of this log and partition stands in the history, in the derived tables as well.
CREATE TABLE IF NOT EXISTS committed
(
    log LowCardinality(String),
    partition UInt16,
    offset UInt64
)
ENGINE = ReplacingMergeTree(offset)
ORDER BY (log, partition)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
