"""Text looked at eight bytes at a time says what plain Python says, compiled or not."""

import subprocess
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.byte_words import (
    ROOM,
    are_ascii,
    begins,
    eight_digits,
    hexadecimal,
    is_same,
    string_end,
    word_of,
)
from domain.kernels import COMPILED, WORD_BYTES
from domain.vocabulary import Action, Category, Delivery, Direction, Quality, Reason, code
from domain.word_codes import WordCodes, word_code

_VOCABULARIES: Any = (Category, Action, Direction, Delivery, Reason, Quality)
_BYTES = st.lists(
    st.sampled_from(b'aaaa"\\\x00\x1f\x20\x21\x7f\x80\xa2\xdc\xff') | st.integers(0, 255), max_size=30
).map(bytes)
_BEFORE = st.binary(max_size=9)
_ROOMS = st.just(b'"' * 8) | st.just(b"0" * 8) | st.binary(min_size=8, max_size=8)


def _text(text: bytes, room: bytes = ROOM) -> Any:
    return np.frombuffer(text + room, np.uint8)


@pytest.fixture(autouse=True)
def _no_warnings() -> Iterator[None]:
    """What overflows on purpose is only ever run compiled, where nobody warns of it."""
    with np.errstate(over="ignore" if COMPILED else "raise"):
        yield


@given(_BEFORE, _BYTES, st.integers(0, 8))
def test_a_word_has_so_many_bytes_and_zeros(before: bytes, text: bytes, count: int) -> None:
    """Also at the end of a text that has nothing behind it."""
    wanted = text[:count]
    word = word_of(_text(before + text, b""), len(before), len(wanted))
    assert int(word) == int.from_bytes(wanted, "little")


@given(_BEFORE, _BYTES, _BYTES, _ROOMS)
def test_two_places_have_the_same_bytes(before: bytes, one: bytes, other: bytes, room: bytes) -> None:
    """So many of them, and whatever stands behind."""
    for two in (one, other, one[:-1] + b"?", b"?" + one[1:]):
        length = min(len(one), len(two))
        data = _text(before + one + two, room)
        same = is_same(data, len(before), len(before) + len(one), length)
        assert same == (one[:length] == two[:length])
        words = _text(two, b"\0" * (-len(two) % WORD_BYTES)).view("<u8")
        if length:
            assert begins(data, len(before), words, 0, length) == (one[:length] == two[:length])


@given(_BEFORE, _BYTES, _ROOMS)
def test_bytes_are_ascii(before: bytes, text: bytes, room: bytes) -> None:
    """Those that are asked for; none is."""
    assert are_ascii(_text(before + text, room), len(before), len(text)) == text.isascii()


@pytest.mark.skipif(not COMPILED, reason="overflows on purpose: only compiled code looks for strings")
@given(_BEFORE, _BYTES, _ROOMS)
def test_a_string_ends_at_its_first_quote(before: bytes, text: bytes, room: bytes) -> None:
    """Unless an escape or a control character comes first, or no quote."""
    for tail in (b"", b'"', b'"\xff'):
        whole = text + tail
        ends = [place for place, byte in enumerate(whole) if byte < 0x20 or byte in b'"\\']
        found = ends[0] if ends and whole[ends[0]] == ord('"') else -1
        at, is_ascii = string_end(_text(before + whole, room), len(before), len(before) + len(whole))
        assert at == (found + len(before) if found >= 0 else -1)
        assert found < 0 or is_ascii == whole[:found].isascii()


@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("text", [b"0123abcd", b"99999999", b"ffffffff", b"00000000", b"a0a0f9f9"])
def test_hexadecimal_digits_are_told_from_any_other_byte(text: bytes, place: int) -> None:
    """Each byte in each place; digits are in lower case."""
    for byte in range(256):
        digits = text[:place] + bytes((byte,)) + text[place + 1 :]
        value, is_valid = hexadecimal(_text(b"--" + digits), 2)
        assert is_valid == all(one in b"0123456789abcdef" for one in digits)
        assert not is_valid or value == int.from_bytes(bytes.fromhex(digits.decode()), "little")


@pytest.mark.skipif(not COMPILED, reason="overflows on purpose: only compiled code reads digits")
@pytest.mark.parametrize("place", range(8))
@pytest.mark.parametrize("text", [b"01234567", b"99999999", b"00000000", b"////////", b"::::::::"])
def test_digits_are_told_from_any_other_byte(text: bytes, place: int) -> None:
    """Each byte in each place."""
    for byte in range(256):
        digits = text[:place] + bytes((byte,)) + text[place + 1 :]
        wanted = int(digits) if all(one in b"0123456789" for one in digits) else -1
        assert eight_digits(_text(b"--" + digits), 2) == wanted


@pytest.mark.skipif(not COMPILED, reason="overflows on purpose: only compiled code reads digits")
@given(st.integers(0, 99_999_999), _ROOMS)
def test_eight_digits_are_their_number(number: int, room: bytes) -> None:
    """Whatever stands behind them."""
    assert eight_digits(_text(b"%08d" % number, room), 0) == number


# --- words of closed vocabularies ---


def _code(codes: WordCodes, vocabulary: type[StrEnum], text: bytes, room: bytes) -> int:
    number = codes.of[vocabulary]
    return int(
        word_code(
            _text(b"-" + text, room), 1, len(text), number, codes.slots, codes.texts, codes.lengths,
            codes.codes,
        )
    )  # fmt: skip


def test_every_word_has_its_code_in_its_own_vocabulary_and_no_other() -> None:
    """Nor has anything that is nearly one: cut, continued, in upper case, with a byte changed."""
    codes = WordCodes(_VOCABULARIES)
    words = {str(word) for vocabulary in _VOCABULARIES for word in vocabulary}
    texts = {b"", b"\0", b"\0\0", b"x" * 33, b"x" * 300, "門".encode()}
    for word in (word.encode() for word in words):
        texts |= {word, word.upper(), word + b"\0", word + b"s", word + b'"', b" " + word, word * 2}
        texts |= {word[:size] for size in range(len(word))}
        texts |= {word[:at] + b"?" + word[at + 1 :] for at in range(len(word))}
    for vocabulary in _VOCABULARIES:
        known = {str(word).encode(): code(word) for word in vocabulary}
        for text in texts:
            for room in (ROOM, b'","x":"y'):
                assert _code(codes, vocabulary, text, room) == known.get(text, -1)


def test_a_word_has_at_least_two_bytes_and_at_most_32() -> None:
    """A vocabulary that does not fit is refused, as is one without a free slot."""
    for words in (["a"], ["a" * 33], [f"{number:02}" for number in range(64)]):
        with pytest.raises(ValueError, match="does not fit"):
            WordCodes([StrEnum("Words", {f"w{n}": word for n, word in enumerate(words)})])
    longest = StrEnum("Longest", {"one": "a" * 32, "two": "b" * 31})
    codes = WordCodes([longest])
    assert [_code(codes, longest, str(word).encode(), ROOM) for word in longest] == [0, 1]


# --- what is read ---


@pytest.mark.skipif(not COMPILED, reason="plain Python looks where its arrays end")
def test_nothing_is_read_beyond_the_room() -> None:
    """A process whose texts end where its memory ends, `ROOM` included, survives."""
    command = [sys.executable, "-m", "tests.guarded_reads"]
    found = subprocess.run(
        command, cwd=Path(__file__).parents[1], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stderr
    assert int(found.stdout) > 1_000
