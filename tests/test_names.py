"""Names: the same text has the same code, and no other has."""

import hashlib
from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.kernels import COMPILED
from domain.names import Names

_PIECES = st.sampled_from(["", "a", "b", "person-", "門", "\0", "x" * 7, "x" * 8, "x" * 250])
_NAMES = st.lists(_PIECES, max_size=4).map("".join)
_MANY = 20_000 if COMPILED else 200
_MOST_LOOKED_AT = 200
"""Slots side by side that are taken: of slots two thirds full, names at random hardly ever fill 100."""


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """Nothing overflows, compiled or not."""
    with np.errstate(over="raise"):
        yield


@given(st.lists(st.lists(_NAMES, max_size=30), max_size=4))
def test_codes_are_given_in_order_of_appearance(calls: list[list[str]]) -> None:
    """As a dictionary gives them, whatever is asked at once, and after a dump as before it."""
    names, known = Names(), {"": 0}
    for call in calls:
        wanted = [known.setdefault(name, len(known)) for name in call]
        assert names.codes(pa.array(call, pa.string())).tolist() == wanted
        assert [names.find(name) for name in (*known, "none of them")] == [*known.values(), 0]
        names = Names.load(*names.dump())
    assert [names.name(code) for code in range(len(names))] == list(known)


_FAMILIES = {
    "numbered": [f"person-{n}" for n in range(_MANY)],
    "of one word": [f"{n:08}" for n in range(_MANY)],
    "far apart": [f"{4096 * n:012}" for n in range(_MANY)],
    "with a long beginning": ["x" * 240 + f"{n:07}" for n in range(_MANY)],
    "with a long end": [f"{n:07}" + "x" * 240 for n in range(_MANY)],
    "twice the same word": [2 * f"{n:08}" for n in range(_MANY)],
    "hashes": [hashlib.sha256(str(n).encode()).hexdigest() for n in range(_MANY)],
    "Chinese": [chr(0x4E00 + n % 20_000) + chr(0x4E00 + n // 20_000) for n in range(_MANY)],
    "of two letters": [f"{n:014b}".replace("0", "a").replace("1", "q") for n in range(min(_MANY, 1 << 14))],
    "of one letter": ["a" * n for n in range(1, 257)],
    "of nothing but zeros": ["\0" * n for n in range(1, 257)],
    "with one other byte": ["a" * n + "b" + "a" * (255 - n) for n in range(256)],
}


@pytest.mark.parametrize("family", _FAMILIES)
def test_names_that_are_nearly_the_same_are_told_apart_and_spread(family: str) -> None:
    """However they differ: none has another's code, and none is looked for long."""
    names, family_names = Names(), _FAMILIES[family]
    codes = names.codes(pa.array(family_names, pa.string()))
    assert codes.tolist() == list(range(1, len(family_names) + 1))
    assert max(_runs(names.slots != 0)) < _MOST_LOOKED_AT


def _runs(taken: Iterable[bool]) -> Iterator[int]:
    length = 0
    for is_taken in taken:
        length = length + 1 if is_taken else 0
        yield length
