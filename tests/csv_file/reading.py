"""A small site, a source of readings, and the reading of its files: row by row and in blocks, alike."""

import hashlib
from pathlib import Path
from typing import Any

from connectors.csv_file.reader import read_csv, read_csv_lines
from connectors.rejection import Rejected, file_lines
from domain.columns import signals_of
from domain.signal import Signal, write_signal
from domain.site import Point, Site, Source, Zone
from domain.wires import signal_wires

RECEIVED_AT = 1_600_000_000_000_000
SITE = Site(
    id="lab",
    time_zone="Europe/Athens",
    zones=tuple(Zone(id=name) for name in ("1-1", "1-2", "server-room")),
    points=tuple(Point(id=name, to_zone=name) for name in ("1-1", "1-2", "server-room")),
)
PROX = Source(
    time="{timestamp}",
    device="prox",
    point="{floor}-{zone}",
    points={"3-Server Room": "server-room"},
    credential="{prox-id}",
    person=r"^(?P<person>[a-z]+)\d{3}$",
)
HEADER = b"timestamp,type,prox-id,floor,zone\n"
ROW = b"2016-05-31 07:00:00,fixed-prox,vawelon001,1,1\n"


def hashed(form: str, value: str) -> str:
    """Stand in for a home's keyed hash."""
    return hashlib.blake2b(f"{form}/{value}".encode(), digest_size=16).hexdigest()


def read(content: bytes, folder: Path, source: Source = PROX, site: Site = SITE) -> list[Signal | Rejected]:
    """Return everything in a file of this content, in order, having seen that blocks hold the same."""
    path = folder / "prox.csv"
    path.write_bytes(content)
    given: dict[str, Any] = {
        "received_at": RECEIVED_AT,
        "known_persons": {"vawelon", "pyoung"},
        "hash_credential": hashed,
    }
    rows = list(read_csv_lines(file_lines(path), "prox", source, site, name=str(path), **given))
    for block_rows in (1, 3, 10_000):
        blocks = list(read_csv(path, "prox", source, site, block_rows=block_rows, **given))
        signals = [signal for block in blocks for signal in signals_of(block.signals)]
        assert signals == [row for row in rows if isinstance(row, Signal)]
        rejected = [row for block in blocks for row in block.rejected]
        assert rejected == [row for row in rows if isinstance(row, Rejected)]
        assert [signal_wires(block.signals) for block in blocks] == [
            [write_signal(signal) for signal in signals_of(block.signals)] for block in blocks
        ]
    return rows


def only_signal(rows: bytes, folder: Path, source: Source = PROX, header: bytes = HEADER) -> Signal:
    """Return the one signal of a file."""
    (found,) = read(header + rows, folder, source)
    assert isinstance(found, Signal), found
    return found
