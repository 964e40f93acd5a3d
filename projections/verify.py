"""The log against the history: is everything there, once, and the same?"""

from collections.abc import Sequence
from typing import Any, Protocol

from projections.client import History
from projections.errors import HistoryError
from projections.sink import BATCH, EVENTS, SIGNALS, Kind, Row

_COUNTS = """
SELECT count() AS rows, uniqExact(offset) AS offsets, uniqExactIf(offset, offset < {head:UInt64}) AS known
FROM {table:Identifier}
WHERE partition = {partition:UInt16}
"""
_GAPS = """
SELECT before + 1 AS first, offset AS next
FROM
(
    SELECT
        toInt64(offset) AS offset,
        lagInFrame(toInt64(offset), 1, toInt64(-1))
            OVER (ORDER BY offset ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS before
    FROM
    (
        SELECT offset FROM {table:Identifier} WHERE partition = {partition:UInt16} AND offset < {head:UInt64}
        UNION ALL
        SELECT {head:UInt64}
    )
)
WHERE offset > before + 1
ORDER BY first
LIMIT 100
"""
# tuple(*): a hash of columns is null as soon as one of them is, and a null equals nothing.
_DERIVED = """
SELECT
    countIf(rows > 0) AS in_history, countIf(rows = 0) AS missing,
    countIf(rows > should AND should > 0) AS double, countIf(should = 0) AS extra
FROM
(
    SELECT key, sum(here) AS rows, sum(there) AS should
    FROM
    (
        SELECT (offset, cityHash64(tuple(*))) AS key, 1 AS here, 0 AS there FROM {table:Identifier}
        WHERE partition = {partition:UInt16}
        UNION ALL
        SELECT (offset, cityHash64(tuple(*))) AS key, 0, 1 FROM {derived:Identifier}
        WHERE partition = {partition:UInt16}
    )
    GROUP BY key
)
"""


class IdentifiedRow(Row, Protocol):
    """A row of a log, with the id of what it holds."""

    @property
    def id(self) -> str:
        """The signal's or event's id."""


class IdentifiedSource(Protocol):
    """The reading half of a log whose rows have ids."""

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[IdentifiedRow]:
        """Return at most `limit` signals at `from_offset` and above, in order; empty at the end."""

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[IdentifiedRow]:
        """Return at most `limit` events at `from_offset` and above, in order; empty at the end."""


def verify(
    history: History, source: IdentifiedSource, partition: int, *, signals_head: int, events_head: int
) -> dict[str, Any]:
    """Compare a partition of the history with the log whose next offsets are these.

    Returns `{ok, missing, extra, gaps, differing, signals, events, derived}`. `missing` and `extra` count
    offsets that only the log, or only the history, has (a row that stands twice is extra); `gaps` are
    `{log, from, to}`, `to` exclusive, the first hundred of each log; `differing` counts signals and events
    whose id is not the log's. `signals`, `events` and each table of `derived` have figures of their own.

    Raises:
        HistoryError: the history could not be read.
    """
    answer: dict[str, Any] = {"ok": False, "missing": 0, "extra": 0, "gaps": [], "differing": 0}
    derived = {}
    for kind, head in ((SIGNALS, signals_head), (EVENTS, events_head)):
        figures = _compare(history, source, partition, kind, head)
        answer[kind.table] = figures
        for what in ("missing", "extra", "differing"):
            answer[what] += figures[what]
        answer["gaps"] += figures.pop("gaps")
        for table in kind.derived:
            derived[table] = _compare_derived(history, partition, table)
    answer["derived"] = derived
    astray = sum(figures[what] for figures in derived.values() for what in ("missing", "double", "extra"))
    answer["ok"] = not (
        answer["missing"] or answer["extra"] or answer["gaps"] or answer["differing"] or astray
    )
    return answer


def _compare(
    history: History, source: IdentifiedSource, partition: int, kind: Kind, head: int
) -> dict[str, Any]:
    asked = {"table": kind.table, "partition": partition, "head": head}
    counts = history.rows(_COUNTS, asked)[0]
    differing, first = _differing(history, source, partition, kind, head)
    return {
        "log": head,
        "history": counts["rows"],
        "missing": head - counts["known"],
        "extra": counts["rows"] - counts["known"],
        "differing": differing,
        "first_difference": first,
        "gaps": [
            {"log": kind.table, "from": row["first"], "to": row["next"]} for row in history.rows(_GAPS, asked)
        ],
    }


def _compare_derived(history: History, partition: int, table: str) -> dict[str, int]:
    asked = {"table": table, "derived": f"derive_{table}", "partition": partition}
    return {name: int(count) for name, count in history.rows(_DERIVED, asked)[0].items()}


def _differing(
    history: History, source: IdentifiedSource, partition: int, kind: Kind, head: int
) -> tuple[int, int | None]:
    """Return how many rows are not the log's by id (unreadable ones: by bytes), and the first of them."""
    read = source.read if kind is SIGNALS else source.read_events
    differing, first = 0, None
    for start in range(0, head, BATCH):
        end = min(start + BATCH, head)
        here = history.arrow(
            f"SELECT offset, id, hex(wire) AS wire FROM {kind.table} WHERE partition = {partition} "
            f"AND offset >= {start} AND offset < {end} ORDER BY offset"
        )
        there = {row.offset: row for row in read(partition, start, end - start)}
        columns = (here.column(name).to_pylist() for name in ("offset", "id", "wire"))
        for offset, its_id, wire in zip(*columns, strict=True):
            row = there.get(offset)
            if row is None:
                raise HistoryError(
                    f"the log ends at offset {offset} of its {kind.table}, before its own head {head}"
                )
            if row.id != its_id if its_id else row.wire != bytes.fromhex(wire):
                differing += 1
                first = offset if first is None else first
    return differing, first
