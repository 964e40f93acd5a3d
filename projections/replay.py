"""The signals as the engine reads them, in log order, by the hundred thousand."""

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from projections.client import History
from projections.errors import HistoryIncomplete

ROWS: Final = 250_000

_ENCODED: Final = ("credential", "person")
"""Too many different ones for ClickHouse's own dictionaries (8,192 to a part)."""
_BATCH: Final = """
SELECT
    offset AS position, toUnixTimestamp64Micro(occurred_at) AS occurred_at,
    toUnixTimestamp64Micro(received_at) AS received_at, seq, device, point, credential_hash AS credential,
    person, category, action, direction, delivery, count_interval, data
FROM signals
WHERE partition = {partition:UInt16} AND offset >= {start:UInt64} AND offset < {end:UInt64}
ORDER BY partition, offset
"""
_SETTINGS: Final = {
    "output_format_arrow_low_cardinality_as_dictionary": 1,
    "output_format_arrow_compression_method": "none",
    "max_block_size": ROWS,
    # Whole batches: small blocks have a dictionary each, and take thrice as long.
    "preferred_block_size_bytes": 0,
}


def replay_batches(
    history: History, partition: int, from_position: int, to_position: int, *, rows: int = ROWS
) -> Iterator[Any]:
    """Yield the signals at [from, to) as `pyarrow.RecordBatch`es of at most `rows`, in order of position.

    Columns: position uint64; occurred_at, received_at int64 (UTC microseconds); seq int64 or null; device,
    point, credential (hash), person, category, action, direction, delivery: dictionary-encoded
    strings, null where the signal has none; count_interval int64 or null; data string or null (JSON). A
    dictionary is its batch's own. A signal nobody could read has an empty category.

    Raises:
        HistoryIncomplete: the history does not have all of them.
        HistoryError: the history could not be read.
    """
    spans = [(start, min(start + rows, to_position)) for start in range(from_position, to_position, rows)]
    reading: Future[Any] | None = None
    with ThreadPoolExecutor(1) as pool:  # one batch is read while the one before it is used
        for span in spans:
            begun = pool.submit(_fetch, history, partition, *span)
            if reading is not None:
                yield from reading.result().to_batches()
            reading = begun
        if reading is not None:
            yield from reading.result().to_batches()


def _fetch(history: History, partition: int, start: int, end: int) -> Any:
    table = history.arrow(_BATCH, {"partition": partition, "start": start, "end": end}, _SETTINGS)
    if table.num_rows != end - start:
        raise HistoryIncomplete(
            f"the history has {table.num_rows} of the {end - start} signals at {start} to {end - 1} of "
            f"partition {partition}: let it catch up, or verify it"
        )
    for name in _ENCODED:
        table = table.set_column(
            table.schema.get_field_index(name), name, table.column(name).dictionary_encode()
        )
    return table
