"""Signals and events on their way into the history: columns (domain.columns), each row with its offset."""

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final

from domain.vocabulary import Category

if TYPE_CHECKING:
    from domain.wire_reading import Read

SIGNALS: Final = """
SELECT * REPLACE (
    toUnixTimestamp64Micro(occurred_at) AS occurred_at, toUnixTimestamp64Micro(received_at) AS received_at
)
FROM signals
"""
"""Rows as `domain.columns.signal_of` reads them; a WHERE and an ORDER BY may follow."""


def read_signal_wires(wires: Sequence[bytes]) -> "Read":
    """Return the signals in these wires as columns, and those nobody can read."""
    from domain.wire_reading import read_signals

    return read_signals(wires)


def read_event_wires(wires: Sequence[bytes]) -> "Read":
    """Return the events in these wires as columns, and those nobody can read."""
    from domain.wire_reading import read_events

    return read_events(wires)


def placed(partition: int, offsets: Sequence[int], rows: Any) -> Any:
    """Return a table of signals or events with their partition and offsets, as the history has them."""
    import pyarrow

    where = {
        "partition": pyarrow.repeat(pyarrow.scalar(partition, pyarrow.uint16()), len(offsets)),
        "offset": pyarrow.array(offsets, pyarrow.uint64()),
    }
    columns = dict(zip(rows.column_names, rows.columns, strict=True))
    return pyarrow.table(where | columns)


def absent(rows: Any, present: Collection[int]) -> Any:
    """Return the rows of a table whose offsets are none of these."""
    import pyarrow
    import pyarrow.compute

    there = pyarrow.array(sorted(present), pyarrow.uint64())
    return rows.filter(pyarrow.compute.invert(pyarrow.compute.is_in(rows.column("offset"), there)))


def has_category(signals: Any, category: Category) -> bool:
    """Return whether any of a table of signals is of this category."""
    import pyarrow.compute

    from domain.columns import is_one_of, whole

    return bool(pyarrow.compute.any(is_one_of(whole(signals, "category"), [category])).as_py())


def unreadable_table(partition: int, rows: Sequence[tuple[int, bytes, str]]) -> Any:
    """Return wires nobody could read, each with offset and reason, so that no offset is missing."""
    import pyarrow

    columns = {
        "wire": pyarrow.array([wire for _, wire, _ in rows], pyarrow.binary()),
        "unreadable": pyarrow.array([reason for _, _, reason in rows], pyarrow.string()),
    }
    return placed(partition, [offset for offset, _, _ in rows], pyarrow.table(columns))
