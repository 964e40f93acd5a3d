"""A disk on which a spool has no more room."""

from collections.abc import Iterator
from contextlib import contextmanager

from streams.spool import Spool


@contextmanager
def small_disk(spool: Spool) -> Iterator[None]:
    """Let the spool's file grow no further while the block runs."""

    def pragma(text: str) -> int:
        with spool._guard:
            return int(spool._open.execute(f"PRAGMA {text}").fetchone()[0])

    pragma(f"max_page_count = {pragma('page_count')}")
    yield
    pragma("max_page_count = 1000000")
