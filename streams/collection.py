"""Python's search for cycles of garbage, while there is much that holds none."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LESS_OFTEN: Final = 100


@contextmanager
def rare_collection() -> Iterator[None]:
    """Look for cycles of garbage a hundred times less often, in the whole process.

    Signals, events and the persons of a directory are many and hold none: looking through them again and
    again took six times as long as checking a directory.
    """
    before = gc.get_threshold()
    gc.set_threshold(_LESS_OFTEN * max(before[0], 1), *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
