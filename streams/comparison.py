"""Events decided again, held against those of the log, byte by byte."""

import itertools
from collections.abc import Sequence

import msgspec


class Difference(msgspec.Struct, frozen=True):
    """The first event that differs: its running number, and its bytes; None is none."""

    offset: int
    logged: bytes | None
    replayed: bytes | None


def first_difference(
    replayed: Sequence[bytes], logged: Sequence[bytes | None], first: int
) -> Difference | None:
    """Return the first difference between wires; the first ones have the number `first`."""
    if replayed == logged:
        return None
    pairs = enumerate(itertools.zip_longest(replayed, logged), first)
    return next(Difference(number, there, here) for number, (here, there) in pairs if here != there)


def told(difference: Difference) -> dict[str, int | str | None]:
    """Return a difference as JSON shows it; what is no text has marks in the place of its bytes."""
    return {
        "offset": difference.offset,
        "logged": None if difference.logged is None else difference.logged.decode(errors="replace"),
        "replayed": None if difference.replayed is None else difference.replayed.decode(),
    }
