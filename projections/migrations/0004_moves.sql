-- Where each person went, with `outside` written out. A person is in `zone`, perhaps in `maybe_zone`, from the
-- row with the greatest `rank`: by occurred_at, then position, then ordinal.
CREATE TABLE IF NOT EXISTS moves
(
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD),
    site LowCardinality(String),
    topic LowCardinality(String),
    person LowCardinality(String),
    zone LowCardinality(String),
    maybe_zone LowCardinality(String),
    point LowCardinality(Nullable(String)),
    visit Nullable(String) CODEC(ZSTD),
    basis LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    known_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    position UInt64 CODEC(Delta, ZSTD),
    ordinal UInt32,
    rank Int128 CODEC(ZSTD),
    INDEX by_offset (partition, offset) TYPE minmax
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(known_at)
ORDER BY (site, occurred_at, position, ordinal)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
