"""The words of closed vocabularies, and the code of each as it stands in a text."""

from collections.abc import Iterable
from enum import StrEnum
from typing import Any, Final

import numpy as np

from domain.byte_words import begins
from domain.kernels import WORD_BYTES, inlined
from domain.vocabulary import code

_SLOTS: Final = 64
_LONGEST_WORDS: Final = 4
_LONGEST_BYTES: Final = WORD_BYTES * _LONGEST_WORDS


class WordCodes:
    """Vocabularies as tables that loops look words up in; `of` numbers them."""

    def __init__(self, vocabularies: Iterable[type[StrEnum]]) -> None:
        """Take vocabularies.

        Raises:
            ValueError: one has no free slot, or a word is shorter than two bytes or longer than 32.
        """
        self.of = {vocabulary: number for number, vocabulary in enumerate(vocabularies)}
        self.slots = np.full(_SLOTS * len(self.of), -1, np.int64)
        """Rows of words by vocabulary and what `_slot` says of them."""
        words = [word for vocabulary in self.of for word in vocabulary]
        if max(map(len, self.of)) >= _SLOTS or not all(2 <= len(word) <= _LONGEST_BYTES for word in words):
            raise ValueError("a vocabulary does not fit: make _SLOTS or _LONGEST_WORDS larger")
        self.texts = np.frombuffer(
            b"".join(word.encode().ljust(_LONGEST_BYTES, b"\0") for word in words), "<u8"
        )
        self.lengths = np.array(list(map(len, words)), np.int64)
        self.codes = np.array(list(map(code, words)), np.int64)
        for row, word in enumerate(words):
            first = _SLOTS * self.of[type(word)]
            text = f"{word}\0".encode()
            at = _slot(text[0], text[1], len(word))
            while self.slots[first + at] >= 0:
                at = (at + 1) % _SLOTS
            self.slots[first + at] = row


def _slot(first: int, second: int, length: int) -> int:
    return (first + 5 * second + 11 * length) % _SLOTS


_slot_of: Final = inlined(_slot)


@inlined
def word_code(
    data: Any, start: int, length: int, number: int, slots: Any, texts: Any, lengths: Any,
    codes: Any,
) -> int:  # fmt: skip
    """Return the code of the word that stands in a text, -1 where the vocabulary has none such."""
    at = _slot_of(int(data[start]), int(data[start + 1]), length)
    while slots[_SLOTS * number + at] >= 0:
        row = slots[_SLOTS * number + at]
        if lengths[row] == length and begins(data, start, texts, row * _LONGEST_WORDS, length):
            return int(codes[row])
        at = (at + 1) % _SLOTS
    return -1
