-- The checkpoints that are complete. `at` is the newest time at which any of its moves was known.
CREATE TABLE IF NOT EXISTS checkpoints
(
    partition UInt16,
    up_to UInt64,
    at DateTime64(6, 'UTC')
)
ENGINE = MergeTree
ORDER BY (partition, up_to)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
