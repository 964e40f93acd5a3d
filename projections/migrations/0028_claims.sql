-- Who may write a partition: the sink with the greatest `claim`. One that was stalled has a smaller one.
CREATE TABLE IF NOT EXISTS claims
(
    partition UInt16,
    claim UInt64,
    claimed_at DateTime64(6, 'UTC') DEFAULT now64(6)
)
ENGINE = MergeTree
ORDER BY (partition, claim)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
