"""The sink over HTTP; beside it `insert_arrow` of the same rows as Arrow tables into the same tables.

Both write to one gateway, a process of its own, in turns, batch by batch: the sink reads wires from a log in
memory, makes columns of them, inserts, derives, counts and commits; the peer inserts tables that are ready.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from benchmarks.figure import Figure, Spent, medians, spent, tell
from benchmarks.log_append import drafts
from infra.initialising import initialise
from projections.client import DATABASE, History, open_history
from projections.columns import placed, read_signal_wires
from projections.sink import SIGNALS, Sink

BATCH: Final = 50_000
_PASSWORD: Final = "measured"
_PEERS_PARTITION: Final = 1


@dataclass(frozen=True, slots=True)
class Row:
    """A signal in the log in memory."""

    offset: int
    wire: bytes


class Memory:
    """A log of signals in memory."""

    def __init__(self, wires: Sequence[bytes]) -> None:
        self.rows = [Row(offset, wire) for offset, wire in enumerate(wires)]

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Row]:
        """Return signals, as a log does."""
        del partition
        return self.rows[from_offset : from_offset + limit]

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Row]:
        """Return nothing: no events were decided."""
        del partition, from_offset, limit
        return []

    def head(self, partition: int) -> int:
        """Return the number of signals."""
        del partition
        return len(self.rows)

    def events_head(self, partition: int) -> int:
        """Return zero: no events were decided."""
        del partition
        return 0


@contextmanager
def gateway(work: Path) -> Iterator[str]:
    """Serve an empty history; give its address."""
    initialise(work / "home", "gastech")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [
        sys.executable,
        "-m",
        "infra.cli",
        "gateway",
        "--home",
        str(work / "home"),
        "--port",
        str(port),
    ]
    environ = os.environ | {"LIMEN_GATEWAY_WRITER_PASSWORD": _PASSWORD}
    with subprocess.Popen(command, env=environ, stderr=subprocess.DEVNULL) as process:
        try:
            while process.poll() is None:
                with socket.socket() as client:
                    if client.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.1)
            yield f"http://limen:{_PASSWORD}@127.0.0.1:{port}"
        finally:
            process.terminate()


def measure(signals: int, work: Path) -> list[Figure]:
    """Write so many signals both ways, in turns."""
    wires = [draft.wire for draft in drafts(0, signals)]
    ours: list[Spent] = []
    theirs: list[Spent] = []
    with gateway(work) as url, open_history(url) as history:
        sink = Sink(history, Memory(wires), 0, batch_rows=BATCH)
        client = history.connect()
        for start in range(0, signals, BATCH):
            ready = _ready(wires[start : start + BATCH], start)
            ours.append(spent(lambda: sink.advance(SIGNALS)))
            theirs.append(
                spent(lambda ready=ready: client.insert_arrow("signals", ready, database=DATABASE))  # type: ignore[misc]
            )
        client.close()
        _check(history, signals)
    sink_time, peer_time = medians(ours), medians(theirs)
    return [
        Figure(
            benchmark="sink",
            what=f"the sink, HTTP, batches of {BATCH:,}, of insert_arrow's speed",
            value=peer_time.wall_seconds / sink_time.wall_seconds,
            unit="times",
            at_least=0.5,
            details={
                "signals": signals,
                "signals_a_second": BATCH / sink_time.wall_seconds,
                "by_cpu_time_of_the_client": BATCH / sink_time.cpu_seconds,
            },
        ),
        Figure(
            benchmark="sink",
            what="insert_arrow of ready tables into the same table",
            value=BATCH / peer_time.wall_seconds,
            unit="signals/s",
            details={"by_cpu_time_of_the_client": BATCH / peer_time.cpu_seconds},
        ),
    ]


def _ready(wires: Sequence[bytes], start: int) -> Any:
    found = read_signal_wires(wires)
    return placed(_PEERS_PARTITION, start + found.places, found.table)


def _check(history: History, signals: int) -> None:
    there = history.rows(
        "SELECT partition, count() AS rows FROM signals GROUP BY partition ORDER BY partition"
    )
    if [row["rows"] for row in there] != [signals, signals]:
        raise SystemExit(f"the history has {there}, not {signals} signals of each")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--signals", type=int, default=500_000)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()), help="a folder on the disk")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.work) as folder:
        for figure in measure(options.signals, Path(folder)):
            tell(figure)


if __name__ == "__main__":
    main()
