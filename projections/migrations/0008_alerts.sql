-- What happened to each alert: raised once, then joined and cleared.
CREATE TABLE IF NOT EXISTS alerts
(
    partition UInt16,
    offset UInt64,
    site LowCardinality(String),
    topic LowCardinality(String),
    alert String CODEC(ZSTD),
    rule LowCardinality(String),
    severity LowCardinality(String),
    person LowCardinality(Nullable(String)),
    credential LowCardinality(Nullable(String)),
    zone LowCardinality(Nullable(String)),
    point LowCardinality(Nullable(String)),
    visit Nullable(String) CODEC(ZSTD),
    occurred_at DateTime64(6, 'UTC'),
    known_at DateTime64(6, 'UTC'),
    position UInt64,
    value Nullable(Int64),
    `limit` Nullable(Int64),
    causes Array(UInt64)
)
ENGINE = MergeTree
ORDER BY (site, occurred_at, position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
