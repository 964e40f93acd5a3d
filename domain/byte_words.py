"""Text looked at eight bytes at a time, for loops over many bytes.

Where it is not said otherwise, `ROOM` must stand behind what is looked at.
"""

from typing import Any, Final

import numpy as np

from domain.kernels import WORD_BYTES, inlined, word_at

ROOM: Final = b"\0" * WORD_BYTES
"""As many bytes as a word may reach beyond a text."""

_EACH: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_QUOTES: Final = np.uint64(ord('"')) * _EACH
_BACKSLASHES: Final = np.uint64(ord("\\")) * _EACH
_SPACES: Final = np.uint64(ord(" ")) * _EACH
_NONE, _ONE, _TOP = np.uint64(0), np.uint64(1), np.uint64(56)
(_QUOTE,) = b'"'
_FIRST_AND_FIFTH, _SIXTEEN, _THIRTY_TWO = np.uint64(0xFF000000FF), np.uint64(16), np.uint64(32)
_FOUR, _SIX, _EIGHT, _NINE = np.uint64(4), np.uint64(6), np.uint64(8), np.uint64(9)
_LOW, _SIXES, _ZEROS = np.uint64(0x0F) * _EACH, _SIX * _EACH, np.uint64(ord("0")) * _EACH
_ZERO_TO_LETTERS: Final = np.uint64(ord("a") - 10 - ord("0"))
_MASKS: Final = np.array([(1 << 8 * count) - 1 for count in range(WORD_BYTES + 1)], np.uint64)
"""What keeps the first so many bytes of a word."""


@inlined
def word_of(data: Any, at: int, count: int) -> Any:
    """Return the word of the `count` bytes from a place on, at most eight of them; the rest of it is zeros.

    Nothing need stand behind them.
    """
    if at + WORD_BYTES <= len(data):
        return word_at(data, at) & _MASKS[min(count, WORD_BYTES)]
    word = _NONE
    for place in range(min(count, WORD_BYTES)):
        word |= np.uint64(data[at + place]) << np.uint64(WORD_BYTES * place)
    return word


@inlined
def is_same(data: Any, one: int, other: int, length: int) -> bool:
    """Return whether the same bytes stand at two places."""
    while length >= WORD_BYTES:
        if word_at(data, one) != word_at(data, other):
            return False
        one += WORD_BYTES
        other += WORD_BYTES
        length -= WORD_BYTES
    return bool((word_at(data, one) ^ word_at(data, other)) & _MASKS[length] == 0)


@inlined
def begins(data: Any, at: int, wanted: Any, first: int, length: int) -> bool:
    """Return whether a text's bytes stand at a place: those of `wanted` from word `first` on."""
    while length > WORD_BYTES:
        if word_at(data, at) != wanted[first]:
            return False
        at += WORD_BYTES
        first += 1
        length -= WORD_BYTES
    return bool((word_at(data, at) ^ wanted[first]) & _MASKS[length] == 0)


@inlined
def are_ascii(data: Any, at: int, length: int) -> bool:
    """Return whether so many bytes from a place on are ASCII."""
    beyond = _NONE
    while length > 0:
        beyond |= word_at(data, at) & _MASKS[min(length, WORD_BYTES)]
        at += WORD_BYTES
        length -= WORD_BYTES
    return bool(beyond & _HIGH == _NONE)


@inlined
def string_end(data: Any, at: int, end: int) -> tuple[int, bool]:
    """Return the place of the quote that ends a JSON string, and whether only ASCII stands before it.

    The place is -1 where no quote stands before `end`, or an escape or a control character comes first.
    """
    beyond = _NONE
    while at < end:
        word = word_at(data, at)
        # The lowest bit is exact (Bit Twiddling Hacks, "Determine if a word has a zero byte").
        quotes, slashes = word ^ _QUOTES, word ^ _BACKSLASHES
        found = _HIGH & (
            ((quotes - _EACH) & ~quotes) | ((slashes - _EACH) & ~slashes) | ((word - _SPACES) & ~word)
        )
        if found == _NONE:
            beyond |= word & _HIGH
            at += WORD_BYTES
            continue
        below = (found & (~found + _ONE)) - _ONE
        beyond |= word & _HIGH & below
        at += int(np.int64((((below & _EACH) * _EACH) >> _TOP) - _ONE))
        return (at if at < end and data[at] == _QUOTE else -1), beyond == _NONE
    return -1, True


@inlined
def hexadecimal(data: Any, at: int) -> tuple[int, bool]:
    """Return the four bytes that eight hexadecimal digits in lower case say, as one number, little-endian.

    And whether they are such digits.
    """
    word = word_at(data, at)
    is_letter = (word >> _SIX) & _EACH
    digits = (word & _LOW) + is_letter * _NINE
    written = digits + _ZEROS + is_letter * _ZERO_TO_LETTERS
    are_ten = ((digits + _SIXES) >> _FOUR) & _EACH
    is_valid = written == word and are_ten == is_letter and digits & ~_LOW == _NONE
    pairs = ((digits << _FOUR) | (digits >> _EIGHT)) & np.uint64(0x00FF00FF00FF00FF)
    pairs = (pairs | (pairs >> _EIGHT)) & np.uint64(0x0000FFFF0000FFFF)
    return int(np.int64((pairs | (pairs >> _SIXTEEN)) & np.uint64(0xFFFFFFFF))), is_valid


@inlined
def eight_digits(data: Any, at: int) -> int:
    """Return the number that eight digits say, -1 where there are not so many.

    As by Johnny Lee, https://kholdstare.github.io/technical/2020/05/26/faster-integer-parsing.html.
    """
    digits = word_at(data, at) - _ZEROS
    if (digits | (digits + _SIXES)) & ~_LOW != _NONE:
        return -1
    pairs = digits * np.uint64(10) + (digits >> _EIGHT)
    whole = (pairs & _FIRST_AND_FIFTH) * np.uint64(100 + (1_000_000 << 32))
    whole += ((pairs >> _SIXTEEN) & _FIRST_AND_FIFTH) * np.uint64(1 + (10_000 << 32))
    return int(np.int64(whole >> _THIRTY_TWO))  # signed: else sums of it would be of floating point
