"""Answers that feed the log: importing files, simulating days, reading the quarantine again."""

import time
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from connectors.block import Block, in_blocks
from connectors.csv_file.reader import read_csv
from connectors.jsonl_file import read_jsonl
from connectors.rejection import Rejected
from domain.columns import signal_columns
from domain.signal import Signal
from domain.vocabulary import Topic
from infra.control import apply_settings
from infra.credentials import credential_hasher, read_key
from infra.failure import Failure, WrongUse
from infra.home import OpenHome
from streams.collection import rare_collection
from streams.quarantine import Rejection, RejectionReason

JSON_LINES: Final = "signals"
"""The source name of files of signals in JSON lines, such as `simulate --out` writes."""


@dataclass(slots=True)
class Fed:
    """What feeding did. `read` counts everything that was there: accepted, duplicates and quarantined."""

    read: int = 0
    accepted: int = 0
    duplicates: int = 0
    quarantined: int = 0
    late: int = 0


def import_files(home: OpenHome, *, files: list[str], source: str) -> dict[str, int]:
    """Import files of one source: everything readable is decided and in the history afterwards."""
    home.read_again()
    received_at = time.time_ns() // 1_000
    paths = [Path(file) for file in files]
    readers = [reader(home, path, source, received_at) for path in paths]
    apply_settings(home)
    fed = Fed()
    with rare_collection():
        _import_all(home, list(zip(paths, readers, strict=True)), source, received_at, fed)
    finish(home)
    home.progress("rows", fed.read, fed.read)
    return asdict(fed)


def _import_all(
    home: OpenHome,
    files: list[tuple[Path, Iterator[Block]]],
    source: str,
    received_at: int,
    fed: Fed,
) -> None:
    for path, blocks in files:
        total = fed.read + _lines(path)
        for block in blocks:
            count = quarantined(home, block.rejected, source, str(path), received_at)
            fed.quarantined += count
            fed.read += count
            feed_columns(home, block.signals, fed)
            home.progress("rows", fed.read, max(total, fed.read))
            if home.stopping():
                raise Failure("the process that owns the home is stopping: import the same files again later")


def reader(home: OpenHome, path: Path, source: str, received_at: int) -> Iterator[Block]:
    """Return what a file holds; its header has been read and found fit."""
    site = home.site
    if source in site.sources:
        return read_csv(
            path,
            source,
            site.sources[source],
            site,
            received_at=received_at,
            known_persons={person.id for person in home.directory.persons},
            hash_credential=credential_hasher(read_key(home.paths.key)),
            block_rows=home.settings.import_batch_signals,
        )
    if source == JSON_LINES:
        return in_blocks(read_jsonl(path, site, received_at=received_at), home.settings.import_batch_signals)
    known = ", ".join([*site.sources, JSON_LINES])
    raise WrongUse(f"--source: {source!r} is none of {known}; describe it under 'sources' in site.yaml")


def finish(home: OpenHome) -> None:
    """Bring the history up to the log, and keep the engine's state."""
    home.pipeline.advance()
    home.pipeline.runner.take_snapshot()


def feed_signals(home: OpenHome, signals: list[Signal], fed: Fed) -> None:
    """Append signals and decide them."""
    feed_columns(home, signal_columns(signals), fed)


def feed_columns(home: OpenHome, signals: Any, fed: Fed) -> None:
    """Append a table of signals (domain.columns) and decide them."""
    appended = home.pipeline.append_columns(signals)
    fed.read += len(signals)
    fed.accepted += appended.accepted
    fed.duplicates += appended.duplicates
    for decided in home.pipeline.decide():
        fed.late += len(decided.events_of(Topic.SIGNAL_LATE))


def quarantined(
    home: OpenHome, rejected: Iterable[Rejected], source: str, path: str, received_at: int
) -> int:
    """Keep what was rejected, and return how many rows that were."""
    rejections = [
        Rejection(
            source, path, row.line, RejectionReason(row.reason), row.detail, row.raw, received_at, row.header
        )
        for row in rejected
    ]
    if rejections:
        home.quarantine.add(rejections)
    return len(rejections)


def _lines(path: Path) -> int:
    """Return about how many rows a file has: its line ends."""
    with path.open("rb") as file:
        return sum(block.count(b"\n") for block in iter(lambda: file.read(1 << 20), b""))
