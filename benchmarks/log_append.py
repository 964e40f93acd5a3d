"""Appending to the log, durable with every batch; beside it the same rows into a plain SQLite table.

The peer is what one would write by hand: WAL, synchronous=FULL, `executemany`, one commit a batch, the log's
own columns and primary key. It looks for no duplicates. The disk is the same; the two take turns.
"""

import argparse
import sqlite3
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.figure import Figure, Spent, medians, tell
from domain.signal import Credential, Signal, Time, signal_id, write_signal
from domain.vocabulary import Action, Category
from streams.log import Draft
from streams.sqlite_log import SqliteLog

BATCH: Final = 10_000
_START_US: Final = 1_700_000_000_000_000
_PEER: Final = """CREATE TABLE signals (
    partition INTEGER NOT NULL, offset INTEGER NOT NULL,
    id BLOB NOT NULL, site TEXT NOT NULL, wire BLOB NOT NULL,
    PRIMARY KEY (partition, offset))"""


def drafts(first: int, count: int) -> list[Draft]:
    """Return readings as they are appended."""
    made = []
    for number in range(first, first + count):
        at = _START_US + number * 20_000
        signal = Signal(
            id=signal_id("controller", str(number)),
            site="load",
            device=f"controller-{number % 40}",
            category=Category.CREDENTIAL,
            action=Action.GRANTED,
            time=Time(at, at + 150_000),
            point=f"point-{number % 2_000}",
            credential=Credential("card", signal_id(str(number % 100_000))),
            seq=number // 40,
        )
        made.append(Draft(signal.id, signal.site, write_signal(signal)))
    return made


def batches(count: int) -> Iterator[list[Draft]]:
    """Yield so many drafts, batch by batch."""
    for first in range(0, count, BATCH):
        yield drafts(first, min(BATCH, count - first))


def measure(signals: int, repeats: int, work: Path) -> list[Figure]:
    """Append so many signals both ways, `repeats` times each, into new files."""
    ours, theirs, commits = [], [], []
    wire = 0
    for _ in range(repeats):
        with tempfile.TemporaryDirectory(dir=work) as folder:
            log = SqliteLog.open(Path(folder) / "log.sqlite")
            peer = _open_peer(Path(folder) / "peer.sqlite")
            spent_here, spent_there = [], []
            for number, batch in enumerate(batches(signals)):
                wire += sum(len(draft.wire) for draft in batch)
                spent_here.append(_timed(partial(log.append, 0, batch)))
                spent_there.append(_timed(partial(_append_plainly, peer, number, batch)))
            if log.head(0) != signals:
                raise SystemExit(f"the log has {log.head(0)} signals of {signals}")
            log.close()
            peer.close()
        ours.append(_sum(spent_here))
        theirs.append(_sum(spent_there))
        commits += [one.wall_seconds for one in spent_here]
    log_time, peer_time = medians(ours), medians(theirs)
    return [
        Figure(
            benchmark="log_append",
            what=f"log append, durable, batches of {BATCH:,}",
            value=signals / log_time.wall_seconds,
            unit="signals/s",
            at_least=100_000,
            details={
                "signals": f"{repeats} × {signals}",
                "by_cpu_time": signals / log_time.cpu_seconds,
                "bytes_a_signal": wire / (repeats * signals),
                "median_commit_ms": statistics.median(commits) * 1_000,
            },
        ),
        Figure(
            benchmark="log_append",
            what="plain sqlite3, the same rows, no look for duplicates",
            value=signals / peer_time.wall_seconds,
            unit="signals/s",
            details={
                "by_cpu_time": signals / peer_time.cpu_seconds,
                "times_the_log": log_time.wall_seconds / peer_time.wall_seconds,
            },
        ),
    ]


def _timed(work: Callable[[], object]) -> Spent:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def _sum(parts: Sequence[Spent]) -> Spent:
    return Spent(sum(one.wall_seconds for one in parts), sum(one.cpu_seconds for one in parts))


def _open_peer(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute(_PEER)
    return connection


def _append_plainly(connection: sqlite3.Connection, number: int, batch: Sequence[Draft]) -> None:
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT INTO signals VALUES (?, ?, ?, ?, ?)",
        (
            (0, offset, bytes.fromhex(draft.id), draft.site, draft.wire)
            for offset, draft in enumerate(batch, number * BATCH)
        ),
    )
    connection.execute("COMMIT")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=1_000_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk")
    options = parser.parse_args()
    for figure in measure(options.signals, options.repeats, options.work):
        tell(figure)


if __name__ == "__main__":
    main()
