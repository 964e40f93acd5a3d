-- Who held which credential, from the directories as they were loaded. A person without credentials has one
-- row with an empty hash, and every directory one row with an empty person, so that both can be seen to be there.
-- `valid_…` is the credential's, `person_…` the person's own; both are as written, with an offset or without.
CREATE TABLE IF NOT EXISTS holdings
(
    partition UInt16,
    offset UInt64,
    site LowCardinality(String),
    replace Bool,
    person String,
    place UInt32,
    hash String,
    valid_from Nullable(String),
    valid_until Nullable(String),
    person_from Nullable(String),
    person_until Nullable(String)
)
ENGINE = MergeTree
ORDER BY (site, person, offset)
SETTINGS fsync_after_insert = 1, fsync_part_directory = 1
