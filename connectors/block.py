"""Blocks of what a file holds: so many signals as columns, and what was rejected among them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import pyarrow as pa

from connectors.rejection import Rejected
from domain.columns import signal_columns
from domain.signal import Signal


@dataclass(frozen=True, slots=True)
class Block:
    """Signals in their file's order, a table of `SIGNAL_COLUMNS`, and the rows between that are none."""

    signals: pa.Table
    rejected: list[Rejected]


def block_of(rows: Iterable[Signal | Rejected]) -> Block:
    """Return rows read one by one as a block."""
    signals, rejected = [], []
    for row in rows:
        if isinstance(row, Rejected):
            rejected.append(row)
        else:
            signals.append(row)
    return Block(signal_columns(signals), rejected)


def in_blocks(rows: Iterator[Signal | Rejected], size: int) -> Iterator[Block]:
    """Yield rows in blocks of so many."""
    while chunk := list(islice(rows, size)):
        yield block_of(chunk)
