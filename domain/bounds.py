"""What a signal's times, numbers and identifiers must keep to, wherever it comes from.

Within these bounds every column, loop and event of ours can hold it. Outside of them it is no signal: it
goes to quarantine, and whoever reads it again finds the same fault.
"""

import re
from typing import Final, Literal, NamedTuple

from domain.signal import Signal
from domain.times import LATEST_US
from domain.vocabulary import Action, Category

LONGEST_IDENTIFIER_BYTES: Final = 256
"""In UTF-8. An event names several, and must itself fit into a message."""
MOST_COUNTED: Final = 2**31
"""Counts are kept in 32 bits."""
MOST: Final = 2**62
"""Other numbers are kept in 64 bits, with room for a sum."""
_ID: Final = re.compile(r"[0-9a-f]{32}")
ID_CHARACTERS: Final = 32
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


def is_id(text: str) -> bool:
    """Return whether this can be the id of a signal: 32 hexadecimal digits in lower case."""
    return len(text) == ID_CHARACTERS and _ID.fullmatch(text) is not None


def fault_of(signal: Signal) -> Fault | None:
    """Return the first fault of a signal, None where it keeps to all bounds."""
    time = signal.time
    if not (0 <= time.occurred_at < LATEST_US and 0 <= time.received_at < LATEST_US):
        return Fault("implausible_time", "a time before 1970 or after 2199")
    if not is_id(signal.id):
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
        ("seq", signal.seq, MOST),
        ("offset_ms", signal.time.offset_ms, MOST),
        ("count.interval", None if count is None else count.interval, MOST_COUNTED),
        ("count.cumulative", None if count is None else count.cumulative, MOST),
    ):
        if number is not None and not -most < number < most:
            return Fault("bad_number", f"{name} is out of range: it must be below {most:,}")
    return None
