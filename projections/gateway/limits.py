"""What one request, and all of them together, may take."""

from dataclasses import dataclass
from typing import Final

MB: Final = 1_000_000
SQL_BYTES: Final = 1 * MB
"""A statement may be so long; the rows of an INSERT come on top, without a bound."""
WRITER_SQL_BYTES: Final = 64 * MB
"""The writer's may be longer, for rows within VALUES."""
WHOLE_BYTES: Final = 256 * MB
"""An answer that cannot be sent in pieces (JSON, Arrow, Parquet …, or wait_end_of_query) may be so long."""
PIECE_BYTES: Final = 1 * MB
"""An INSERT's rows go to the engine in pieces of about this size."""
BODY_WAIT_SECONDS: Final = 30.0
"""An INSERT whose rows do not come for so long is given up, so that others can write."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a reader's query may take, and how many run. The writer's are bound only in number."""

    seconds: float = 30.0
    memory_bytes: int = 2_000 * MB
    rows: int = 1_000_000
    bytes: int = 100 * MB
    running: int = 8
    """So many reading statements at a time; more wait."""
    waiting: int = 64
    """So many requests wait; more are answered 503."""
    send_seconds: float = 30.0
    """A client that takes nothing of its answer for so long is cut off, so that others can ask."""
    wait_seconds: float = 10.0
    """A reading request that waited so long is answered 503."""
