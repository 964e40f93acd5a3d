"""The bounds of signals (`domain.bounds`) over whole columns, for whoever looks at thousands at once."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domain.bounds import ID_CHARACTERS, LONGEST_IDENTIFIER_BYTES, MOST, MOST_COUNTED, is_id, is_site
from domain.columns import is_one_of, whole
from domain.names import text_buffers
from domain.times import LATEST_US
from domain.vocabulary import Action, Category

_IS_HEXADECIMAL: Final = np.isin(np.arange(256), list(b"0123456789abcdef"))


def keep_to_bounds(signals: pa.Table) -> Any:
    """Say of each signal in a table of `SIGNAL_COLUMNS` whether `fault_of` finds no fault in it.

    Returns an array of bool, shape (signals,).
    """
    found = _are_ids(whole(signals, "id")) & _each_word(whole(signals, "site"), _are_sites)
    for name in ("device", "point", "person", "credential_hash", "credential_format"):
        found &= _each_word(whole(signals, name), _are_short)
    for name, least, most in (
        ("occurred_at", 0, LATEST_US),
        ("received_at", 0, LATEST_US),
        ("seq", 1 - MOST, MOST),
        ("offset_ms", 1 - MOST, MOST),
        ("count_interval", 0, MOST_COUNTED),
        ("count_cumulative", 0, MOST),
    ):
        numbers = whole(signals, name).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        found &= (numbers >= least) & (numbers < most)
    places = is_one_of(whole(signals, "action"), [Action.PLACED])
    orders = is_one_of(whole(signals, "category"), [Category.CONTROL])
    return found & pc.or_(pc.invert(places), orders).to_numpy(zero_copy_only=False)


def _are_ids(texts: pa.Array) -> Any:
    text, ends = text_buffers(texts)
    lengths = np.diff(ends)
    if (lengths == ID_CHARACTERS).all():
        digits = _IS_HEXADECIMAL[text[ends[0] : ends[-1]]]
        return digits.reshape(-1, ID_CHARACTERS).all(axis=1)
    return np.array(list(map(is_id, texts.to_pylist())), np.bool_)


def _are_sites(words: pa.Array) -> pa.Array:
    return pa.array(map(is_site, words.to_pylist()), pa.bool_())


def _are_short(words: pa.Array) -> pa.Array:
    return pc.less_equal(pc.binary_length(words), LONGEST_IDENTIFIER_BYTES)


def _each_word(column: pa.Array, told: Callable[[pa.Array], pa.Array]) -> Any:
    """Say of each row what is told of its word; where there is none, there is no fault."""
    return told(column.dictionary).take(column.indices).fill_null(True).to_numpy(zero_copy_only=False)
