"""What a signal's times, numbers and identifiers must keep to, wherever it comes from.

Within these bounds every column, loop and event of ours can hold it. Outside of them it is no signal: it
goes to quarantine, and whoever reads it again finds the same fault.
"""

import re
from collections.abc import Callable
from typing import Any, Final, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from domain.columns import is_one_of, whole
from domain.names import text_buffers
from domain.signal import Signal
from domain.times import LATEST_US
from domain.vocabulary import Action, Category

LONGEST_IDENTIFIER_BYTES: Final = 256
"""In UTF-8. An event names several, and must itself fit into a message."""
_MOST_COUNTED: Final = 2**31
"""Counts are kept in 32 bits."""
_MOST: Final = 2**62
"""Other numbers are kept in 64 bits, with room for a sum."""
_ID: Final = re.compile(r"[0-9a-f]{32}")
_ID_BYTES: Final = 32
_IS_HEXADECIMAL: Final = np.isin(np.arange(256), list(b"0123456789abcdef"))
_SITE: Final = re.compile(r"[^\s:/]{1,64}")

Reason = Literal[
    "unreadable", "implausible_time", "bad_number", "negative_count", "too_long", "unknown_action"
]


class Fault(NamedTuple):
    """What is wrong with a signal: a reason of the quarantine, and a sentence for people."""

    reason: Reason
    detail: str


def is_site(text: str) -> bool:
    """Return whether this can be the id of a site: 1 to 64 characters without space, colon or slash."""
    return _SITE.fullmatch(text) is not None


def fault_of(signal: Signal) -> Fault | None:
    """Return the first fault of a signal, None where it keeps to all bounds."""
    time = signal.time
    if not (0 <= time.occurred_at < LATEST_US and 0 <= time.received_at < LATEST_US):
        return Fault("implausible_time", "a time before 1970 or after 2199")
    if len(signal.id) != _ID_BYTES or not _ID.fullmatch(signal.id):
        return Fault("unreadable", f"its id {signal.id[:64]!r} is not 32 hexadecimal digits")
    if not is_site(signal.site):
        detail = f"its site {signal.site[:64]!r} is none: 1 to 64 characters without space, colon or slash"
        return Fault("unreadable", detail)
    if signal.action is Action.PLACED and signal.category is not Category.CONTROL:
        return Fault("unknown_action", "only a control signal places anybody")
    return _fault_of_identifiers(signal) or _fault_of_numbers(signal)


def _fault_of_identifiers(signal: Signal) -> Fault | None:
    credential = signal.credential
    for name, text in (
        ("device", signal.device),
        ("point", signal.point),
        ("person", signal.person),
        ("credential", None if credential is None else credential.hash),
        ("credential's format", None if credential is None else credential.format),
    ):
        # A character has at most four bytes: most are known to fit by their length alone.
        if text is not None and 4 * len(text) > LONGEST_IDENTIFIER_BYTES:
            size = len(text.encode())
            if size > LONGEST_IDENTIFIER_BYTES:
                return Fault(
                    "too_long", f"its {name} has {size:,} bytes; it has at most {LONGEST_IDENTIFIER_BYTES}"
                )
    return None


def _fault_of_numbers(signal: Signal) -> Fault | None:
    count = signal.count
    if count is not None and (count.interval < 0 or (count.cumulative or 0) < 0):
        return Fault("negative_count", "its count is below zero, which no counter can show")
    for name, number, most in (
        ("seq", signal.seq, _MOST),
        ("offset_ms", signal.time.offset_ms, _MOST),
        ("count.interval", None if count is None else count.interval, _MOST_COUNTED),
        ("count.cumulative", None if count is None else count.cumulative, _MOST),
    ):
        if number is not None and not -most < number < most:
            return Fault("bad_number", f"{name} is out of range: it must be below {most:,}")
    return None


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
        ("seq", 1 - _MOST, _MOST),
        ("offset_ms", 1 - _MOST, _MOST),
        ("count_interval", 0, _MOST_COUNTED),
        ("count_cumulative", 0, _MOST),
    ):
        numbers = whole(signals, name).cast(pa.int64()).fill_null(0).to_numpy(zero_copy_only=False)
        found &= (numbers >= least) & (numbers < most)
    places = is_one_of(whole(signals, "action"), [Action.PLACED])
    orders = is_one_of(whole(signals, "category"), [Category.CONTROL])
    return found & pc.or_(pc.invert(places), orders).to_numpy(zero_copy_only=False)


def _are_ids(texts: pa.Array) -> Any:
    text, ends = text_buffers(texts)
    lengths = np.diff(ends)
    if (lengths == _ID_BYTES).all():
        digits = _IS_HEXADECIMAL[text[ends[0] : ends[-1]]]
        return digits.reshape(-1, _ID_BYTES).all(axis=1)
    return np.array([_ID.fullmatch(id_) is not None for id_ in texts.to_pylist()], np.bool_)


def _are_sites(words: pa.Array) -> pa.Array:
    return pa.array(map(is_site, words.to_pylist()), pa.bool_())


def _are_short(words: pa.Array) -> pa.Array:
    return pc.less_equal(pc.binary_length(words), LONGEST_IDENTIFIER_BYTES)


def _each_word(column: pa.Array, told: Callable[[pa.Array], pa.Array]) -> Any:
    """Say of each row what is told of its word; where there is none, there is no fault."""
    return told(column.dictionary).take(column.indices).fill_null(True).to_numpy(zero_copy_only=False)
