"""Claims: one writer for each partition, which the history itself sees to.

A process can be stalled between any check of its own and the write that follows it, so no check of its own
keeps it from writing what another has written meanwhile. Here the check is part of every writing statement,
made by the engine: a statement under any claim but the partition's newest is refused. What was running when
a claim was taken may have been checked before: taking a claim waits for that to end. So whoever holds a
claim finds in the tables everything that earlier claims will ever have written.
"""

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from projections.client import History
from projections.errors import HistoryError, PartitionTaken

_REFUSED: Final = "claimed since"
"""What the views `receive_signals` and `receive_events` say as well."""
_APART: Final = 2**32
_WAIT_SECONDS: Final = 120.0
"""Longer than a server waits for the rest of an insert whose client is stalled (30 s by default)."""
_POLL_SECONDS: Final = 0.05
_INSERTS: Final = """
SELECT query_id FROM {processes} WHERE query_kind = 'Insert' AND is_initial_query AND user = currentUser()
"""


class Claim:
    """The right to write a partition until it is claimed again, by whomever."""

    def __init__(self, history: History, partition: int) -> None:
        """Claim a partition; return once no insert under an earlier claim is running.

        All writers of a history must use the same user, whose inserts are the ones waited for.

        Raises:
            HistoryError: the history refused, or an insert did not end within two minutes.
        """
        self._history = history
        self._partition = partition
        newest = "SELECT max(claim) AS newest FROM claims WHERE partition = {partition:UInt16}"
        highest = int(history.rows(newest, {"partition": partition})[0]["newest"])
        # Two that claim at once have different numbers; the greater wins, and the other is told.
        self.number = highest + 1 + secrets.randbelow(_APART)
        self.condition = (
            f"throwIf((SELECT max(claim) FROM claims WHERE partition = {partition}) != {self.number}, "
            f"'{_REFUSED}') = 0"
        )
        """SQL that is true under this claim, and makes a statement fail after another one."""
        history.run(f"INSERT INTO claims (partition, claim) VALUES ({partition}, {self.number})")
        self._wait_for_inserts()

    def insert(self, table: str, rows: Any) -> None:
        """Insert a `pyarrow.Table` of this partition into `signals` or `events`.

        Raises:
            PartitionTaken: another has claimed the partition; nothing was written.
            HistoryError: see `History.insert`.
        """
        import pyarrow

        claim = pyarrow.repeat(pyarrow.scalar(self.number, pyarrow.uint64()), rows.num_rows)
        with self._told():
            self._history.insert(f"{table}_in", rows.append_column("claim", claim))

    def run(self, statement: str) -> None:
        """Run a statement that writes, which must contain this claim's `condition`.

        Raises:
            PartitionTaken: another has claimed the partition; nothing was written.
            HistoryError: the engine refused it.
        """
        with self._told():
            self._history.run(statement)

    def _wait_for_inserts(self) -> None:
        query = _INSERTS.format(processes=self._history.processes)
        running = {row["query_id"] for row in self._history.rows(query)}
        until = time.monotonic() + _WAIT_SECONDS
        while running:
            if time.monotonic() >= until:
                raise HistoryError(
                    f"partition {self._partition} was claimed, but inserts that ran before have not ended "
                    f"after {_WAIT_SECONDS:.0f} seconds; KILL QUERY ends them: {', '.join(sorted(running))}"
                )
            time.sleep(_POLL_SECONDS)
            running &= {row["query_id"] for row in self._history.rows(query)}

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except HistoryError as error:
            if _REFUSED in str(error):
                raise PartitionTaken(
                    f"partition {self._partition} was claimed by another sink: this one must not write it"
                ) from error
            raise
