-- Passages that nobody registered: `persons` is positive when it happened, negative when it was settled.
CREATE TABLE IF NOT EXISTS passages
(
    partition UInt16,
    offset UInt64,
    site LowCardinality(String),
    topic LowCardinality(String),
    from_zone LowCardinality(String),
    to_zone LowCardinality(String),
    point LowCardinality(Nullable(String)),
    persons Int64,
    occurred_at DateTime64(6, 'UTC'),
    known_at DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (site, occurred_at, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
