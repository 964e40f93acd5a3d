"""The log against the history: is everything there, once, and the same?"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby, islice
from typing import Any, Final, Protocol

from projections.client import History
from projections.sink import BATCH, EVENTS, SIGNALS, Kind, Row

_MOST_GAPS: Final = 100
_COUNTS = """
SELECT count() AS rows, uniqExactIf(offset, offset < {done:UInt64}) AS known
FROM {table:Identifier}
WHERE partition = {partition:UInt16} AND (offset < {done:UInt64} OR offset >= {head:UInt64})
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
        SELECT offset FROM {table:Identifier} WHERE partition = {partition:UInt16} AND offset < {done:UInt64}
        UNION ALL
        SELECT {done:UInt64}
    )
)
WHERE offset > before + 1
ORDER BY first
LIMIT {most:UInt16}
"""
_COMMITTED = """
SELECT toString(log) AS log, max(offset) AS at
FROM committed WHERE partition = {partition:UInt16}
GROUP BY log
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
        WHERE partition = {partition:UInt16} AND (offset < {done:UInt64} OR offset >= {head:UInt64})
        UNION ALL
        SELECT (offset, cityHash64(tuple(*))) AS key, 0, 1 FROM {derived:Identifier}
        WHERE partition = {partition:UInt16} AND (offset < {done:UInt64} OR offset >= {head:UInt64})
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


def done(history: History, partition: int) -> tuple[int, int]:
    """Return the signals and events below which a partition's history says that it has everything.

    Raises:
        HistoryError: the history could not be read.
    """
    found = {row["log"]: int(row["at"]) for row in history.rows(_COMMITTED, {"partition": partition})}
    return found.get(SIGNALS.table, 0), found.get(EVENTS.table, 0)


def verify(
    history: History,
    source: IdentifiedSource,
    partition: int,
    *,
    signals_head: int,
    events_head: int,
    at_work: tuple[int, int] | None = None,
) -> dict[str, Any]:
    """Compare a partition of the history with the log whose next offsets are these.

    While a sink is at work, `at_work` is how far it had come (`done`) before the heads were asked for: what
    lies between may or may not be there.

    Returns `{ok, missing, extra, gaps, differing, signals, events, derived}`. `missing` and `extra` count
    offsets that only the log, or only the history, has (a row that stands twice is extra); `gaps` are
    `{log, from, to}`, `to` exclusive, where one of the two has a hole, the first hundred of each; `differing`
    counts signals and events whose id is not the log's. `signals`, `events` and each table of `derived` have
    figures of their own.

    Raises:
        HistoryError: the history could not be read.
    """
    answer: dict[str, Any] = {"ok": False, "missing": 0, "extra": 0, "gaps": [], "differing": 0}
    derived = {}
    heads = signals_head, events_head
    for kind, head, upto in zip((SIGNALS, EVENTS), heads, at_work or heads, strict=True):
        bounds = {"partition": partition, "done": min(upto, head), "head": head}
        figures = _compare(history, source, kind, bounds)
        answer[kind.table] = figures
        for what in ("missing", "extra", "differing"):
            answer[what] += figures[what]
        answer["gaps"] += figures.pop("gaps")
        for table in kind.derived:
            derived[table] = _compare_derived(history, table, bounds)
    answer["derived"] = derived
    astray = sum(figures[what] for figures in derived.values() for what in ("missing", "double", "extra"))
    answer["ok"] = not (
        answer["missing"] or answer["extra"] or answer["gaps"] or answer["differing"] or astray
    )
    return answer


def _compare(
    history: History, source: IdentifiedSource, kind: Kind, bounds: Mapping[str, int]
) -> dict[str, Any]:
    asked = {"table": kind.table, **bounds}
    counts = history.rows(_COUNTS, asked)[0]
    differing, first, lost = _differing(history, source, bounds["partition"], kind, bounds["done"])
    gaps = [(row["first"], row["next"]) for row in history.rows(_GAPS, {**asked, "most": _MOST_GAPS})]
    gaps += islice(_runs(lost), _MOST_GAPS)
    return {
        "log": bounds["head"],
        "history": counts["rows"],
        "missing": bounds["done"] - counts["known"],
        "extra": counts["rows"] - counts["known"] + len(lost),
        "differing": differing,
        "first_difference": first,
        "gaps": [{"log": kind.table, "from": start, "to": end} for start, end in sorted(gaps)],
    }


def _compare_derived(history: History, table: str, bounds: Mapping[str, int]) -> dict[str, int]:
    asked = {"table": table, "derived": f"derive_{table}", **bounds}
    return {name: int(count) for name, count in history.rows(_DERIVED, asked)[0].items()}


def _differing(
    history: History, source: IdentifiedSource, partition: int, kind: Kind, end: int
) -> tuple[int, int | None, list[int]]:
    """Return how many rows are not the log's by id (unreadable ones: by bytes), and the first of them.

    Also the offsets that the log does not have any more: what it lost of what the history was filled from.
    """
    read = source.read if kind is SIGNALS else source.read_events
    differing, first, lost = 0, None, list[int]()
    for start in range(0, end, BATCH):
        stop = min(start + BATCH, end)
        here = history.arrow(
            f"SELECT offset, id, hex(wire) AS wire FROM {kind.table} WHERE partition = {partition} "
            f"AND offset >= {start} AND offset < {stop} ORDER BY offset"
        )
        there = {row.offset: row for row in read(partition, start, stop - start)}
        columns = (here.column(name).to_pylist() for name in ("offset", "id", "wire"))
        for offset, its_id, wire in zip(*columns, strict=True):
            row = there.get(offset)
            if row is None:
                if not lost or lost[-1] != offset:  # else a row that stands twice
                    lost.append(offset)
            elif row.id != its_id if its_id else row.wire != bytes.fromhex(wire):
                differing += 1
                first = offset if first is None else first
    return differing, first, lost


def _runs(offsets: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield where ascending offsets are without gaps, each run from its first to behind its last."""
    for _, run in groupby(enumerate(offsets), lambda numbered: numbered[1] - numbered[0]):
        found = [offset for _, offset in run]
        yield found[0], found[-1] + 1
