"""Spans of time in questions."""

from typing import Final

FIRST: Final = -(2**62)
LAST: Final = 2**62
"""Before and after every time a history can hold, in UTC microseconds."""


def span(from_us: int | None, to_us: int | None) -> dict[str, int]:
    """Return a query's parameters `from` and `to` for a span that may be open at either end."""
    return {"from": FIRST if from_us is None else from_us, "to": LAST if to_us is None else to_us}
