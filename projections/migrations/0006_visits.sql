-- One row for the start of a visit and one for its end.
CREATE TABLE IF NOT EXISTS visits
(
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD),
    site LowCardinality(String),
    topic LowCardinality(String),
    visit String CODEC(ZSTD),
    person LowCardinality(String),
    zone LowCardinality(Nullable(String)),
    point LowCardinality(Nullable(String)),
    basis LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    known_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    position UInt64 CODEC(Delta, ZSTD),
    late Bool
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(known_at)
ORDER BY (site, occurred_at, position)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
