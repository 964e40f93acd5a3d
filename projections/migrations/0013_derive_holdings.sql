CREATE OR REPLACE VIEW derive_holdings AS
SELECT
    partition, offset, site, replace, JSONExtractString(entry, 'id') AS person, place,
    JSONExtractString(held, 'hash') AS hash,
    JSONExtract(held, 'valid_from', 'Nullable(String)') AS valid_from,
    JSONExtract(held, 'valid_until', 'Nullable(String)') AS valid_until,
    JSONExtract(entry, 'valid_from', 'Nullable(String)') AS person_from,
    JSONExtract(entry, 'valid_until', 'Nullable(String)') AS person_until
FROM
(
    SELECT partition, offset, site, replace, entry, place
    FROM
    (
        -- The document itself goes no further: it would be repeated for every person in it.
        SELECT
            partition, offset, site, JSONExtractBool(assumeNotNull(data), 'replace') AS replace,
            arrayPushFront(JSONExtractArrayRaw(assumeNotNull(data), 'document', 'persons'), '{}') AS entries
        FROM signals
        WHERE category = 'control' AND action = 'loaded'
            AND JSONExtractString(assumeNotNull(data), 'kind') = 'directory'
    )
    ARRAY JOIN entries AS entry, arrayEnumerate(entries) AS place
)
ARRAY JOIN
    if(JSONLength(entry, 'credentials') = 0, ['{}'], JSONExtractArrayRaw(entry, 'credentials')) AS held
