-- What people decided about alerts. `note` is free text: it may name anybody, and stays out of `pub`.
CREATE TABLE IF NOT EXISTS alert_decisions
(
    partition UInt16,
    offset UInt64,
    site LowCardinality(String),
    topic LowCardinality(String),
    alert String CODEC(ZSTD),
    rule LowCardinality(String),
    decided_by LowCardinality(String),
    decided_at DateTime64(6, 'UTC'),
    assignee LowCardinality(Nullable(String)),
    resolution LowCardinality(Nullable(String)),
    note Nullable(String) CODEC(ZSTD),
    occurred_at DateTime64(6, 'UTC'),
    known_at DateTime64(6, 'UTC'),
    position UInt64
)
ENGINE = MergeTree
ORDER BY (site, alert, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
