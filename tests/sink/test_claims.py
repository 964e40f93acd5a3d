"""One writer for each partition: a sink that was stalled writes nothing after another has claimed it."""

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from projections.claims import Claim
from projections.client import History
from projections.errors import HistoryError, PartitionTaken
from projections.schema import migrate
from projections.sink import Sink
from projections.verify import verify
from tests.history_fixture import history
from tests.sink.partitioned_log import PartitionedLog, site_of, story, tell

__all__ = ["history"]

WRITES = 18
"""Statements by which a sink writes two batches of signals and of events, its claim among them."""


class _Interrupted(History):
    """A history whose user is stalled before its n-th writing statement, while something else happens."""

    def __init__(self, at: Path) -> None:
        super().__init__(at)
        self.stall_at = 0
        self.meanwhile: Callable[[], object] = lambda: None

    def run(self, statement: str, parameters: Any = None) -> None:
        """Run a statement, perhaps later."""
        if statement.lstrip().startswith("INSERT"):
            self._stall()
        super().run(statement, parameters)

    def insert(self, table: str, rows: Any) -> None:
        """Insert rows, perhaps later."""
        self._stall()
        super().insert(table, rows)

    def _stall(self) -> None:
        self.stall_at -= 1
        if self.stall_at == 0:
            self.meanwhile()


def _log(*partitions: int) -> PartitionedLog:
    log, told = PartitionedLog(), story(site_of("a"), 30, 3)
    for partition in partitions:
        tell(log, partition, [told], 0)
    return log


def _is_exact(history: History, log: PartitionedLog, partition: int) -> bool:
    told = log.of(partition)
    heads = {"signals_head": len(told.signals), "events_head": len(told.events)}
    return bool(verify(history, log, partition, **heads)["ok"])


def test_a_sink_that_wakes_up_late_writes_nothing(tmp_path: Path) -> None:
    """Stalled before any of its statements while another sink writes everything, it adds nothing to it."""
    log = _log(*range(1, WRITES + 1))
    refused = 0
    with _Interrupted(tmp_path / "history") as stalled:
        migrate(stalled)
        for stall_at in range(1, WRITES + 1):
            partition = stall_at  # each its own: to empty the tables takes longer than to fill them
            stalled.stall_at = stall_at
            stalled.meanwhile = Sink(stalled, log, partition).catch_up
            try:
                Sink(stalled, log, partition, batch_rows=40).catch_up()
            except PartitionTaken:
                refused += 1
            assert stalled.stall_at <= 0, f"there are only {stall_at + stalled.stall_at} statements"
            assert _is_exact(stalled, log, partition), f"stalled before statement {stall_at}"
    assert refused == WRITES - 1, "all but the one that had not claimed the partition yet"


def test_a_claim_waits_for_the_inserts_before_it(history: History) -> None:
    """What was checked before the claim may still be written: the claim is taken when that has ended."""
    history.run("CREATE TABLE slow (n UInt64) ENGINE = MergeTree ORDER BY n")
    slowly = "INSERT INTO slow SELECT number + sleepEachRow(0.4) FROM numbers(4) SETTINGS max_block_size = 1"
    writer = threading.Thread(target=history.run, args=(slowly,))
    writer.start()
    while not history.rows("SELECT 1 FROM system.processes WHERE query_kind = 'Insert'"):
        time.sleep(0.01)
    Claim(history, 0)
    assert history.rows("SELECT count() AS n FROM slow") == [{"n": 4}]
    writer.join()


def test_the_newest_claim_counts(history: History) -> None:
    """A later claim is greater, whoever takes it, and partitions do not mind one another's."""
    first, other, second = Claim(history, 0), Claim(history, 1), Claim(history, 0)
    assert second.number > first.number
    statement = "INSERT INTO committed SELECT 'signals', 9, 9 WHERE "
    with pytest.raises(PartitionTaken, match="partition 0 was claimed by another sink"):
        first.run(statement + first.condition)
    for claim in (other, second):
        claim.run(statement + claim.condition)


def test_rows_that_were_taken_and_not_kept_are_noticed(tmp_path: Path) -> None:
    """An engine that loses rows without a word, as the embedded one does on a full disk, is not believed."""

    class Forgetful(History):
        forget = True

        def insert(self, table: str, rows: Any) -> None:
            super().insert(table, rows.slice(1) if self.forget else rows)

    log = _log(0)
    with Forgetful(tmp_path / "history") as forgetful:
        migrate(forgetful)
        sink = Sink(forgetful, log, 0)
        with pytest.raises(HistoryError, match="29 of the 30 signals at 0 to 29"):
            sink.catch_up()
        forgetful.forget = False
        sink.catch_up()
        assert _is_exact(forgetful, log, 0)
