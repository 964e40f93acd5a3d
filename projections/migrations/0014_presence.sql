-- Checkpoints of where everybody was: for the events below `up_to`, each person's newest move among those that
-- occurred by the checkpoint's time, and every move after it. A cache: it may be cleared at any time.
CREATE TABLE IF NOT EXISTS presence
(
    partition UInt16,
    up_to UInt64,
    site LowCardinality(String),
    person LowCardinality(String),
    zone LowCardinality(String),
    maybe_zone LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(ZSTD),
    rank Int128 CODEC(ZSTD)
)
ENGINE = MergeTree
ORDER BY (site, partition, up_to, person)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
