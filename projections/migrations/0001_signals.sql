-- Every signal, at its offset in the log. ORDER BY is the log's order, for replay and verification; the
-- projections answer "what did this person, this credential do" and are written with the part, so never torn.
-- `unreadable` is the reason where `wire` could not be read: the other columns then stand at their defaults.
CREATE TABLE IF NOT EXISTS signals
(
    partition UInt16,
    offset UInt64 CODEC(Delta, ZSTD),
    id String CODEC(ZSTD),
    site LowCardinality(String),
    device LowCardinality(String),
    category LowCardinality(String),
    action LowCardinality(String),
    occurred_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    received_at DateTime64(6, 'UTC') CODEC(Delta, ZSTD),
    time_raw Nullable(String) CODEC(ZSTD),
    time_zone LowCardinality(Nullable(String)),
    offset_ms Nullable(Int64),
    quality LowCardinality(String),
    point LowCardinality(Nullable(String)),
    reason LowCardinality(String),
    reason_code LowCardinality(Nullable(String)),
    direction LowCardinality(String),
    credential_format LowCardinality(Nullable(String)),
    credential_hash Nullable(String) CODEC(ZSTD),
    person Nullable(String) CODEC(ZSTD),
    verify Nullable(String) CODEC(ZSTD),
    screening Nullable(String) CODEC(ZSTD),
    count_interval Nullable(Int64),
    count_cumulative Nullable(Int64),
    seq Nullable(Int64) CODEC(ZSTD),
    delivery LowCardinality(String),
    data Nullable(String) CODEC(ZSTD),
    raw Nullable(String) CODEC(ZSTD),
    wire String CODEC(ZSTD),
    unreadable String CODEC(ZSTD),
    PROJECTION by_person
    (
        SELECT partition, offset, id, site, device, category, action, occurred_at, received_at, point, reason,
            reason_code, direction, credential_format, credential_hash, person, seq, delivery
        ORDER BY person, occurred_at
    ),
    PROJECTION by_credential
    (
        SELECT partition, offset, id, site, device, category, action, occurred_at, received_at, point, reason,
            reason_code, direction, credential_format, credential_hash, person, seq, delivery
        ORDER BY credential_hash, occurred_at
    )
)
ENGINE = MergeTree
PARTITION BY toYYYYMM(received_at)
ORDER BY (partition, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
