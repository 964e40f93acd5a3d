-- Every event, at its offset in the events log; `position` is the offset of the signal that decided it.
CREATE TABLE IF NOT EXISTS events
(
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD),
    id String CODEC(ZSTD),
    site LowCardinality(String),
    topic LowCardinality(String),
    position UInt64 CODEC(Delta, ZSTD),
    ordinal UInt32,
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    known_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    person LowCardinality(Nullable(String)),
    credential LowCardinality(Nullable(String)),
    zone LowCardinality(Nullable(String)),
    from_zone LowCardinality(Nullable(String)),
    maybe_zone LowCardinality(Nullable(String)),
    point LowCardinality(Nullable(String)),
    device LowCardinality(Nullable(String)),
    visit Nullable(String) CODEC(ZSTD),
    basis LowCardinality(String),
    rule LowCardinality(Nullable(String)),
    alert Nullable(String) CODEC(ZSTD),
    severity LowCardinality(String),
    value Nullable(Int64),
    `limit` Nullable(Int64),
    late Bool,
    causes Array(UInt64) CODEC(ZSTD),
    policy_version UInt32,
    detail Nullable(String) CODEC(ZSTD),
    schema UInt16,
    wire String CODEC(ZSTD),
    unreadable String CODEC(ZSTD),
    INDEX by_position position TYPE minmax,
    PROJECTION by_person (SELECT * ORDER BY person, occurred_at)
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(known_at)
ORDER BY (partition, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
