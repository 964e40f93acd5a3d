"""Names: strings and their codes, compactly.

A code is given at a name's first appearance in the log, so the same log gives the same codes however it
is cut. Code 0 is the empty name and means "none". A name costs its bytes and about 12 more.
"""

from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from domain.byte_words import word_of
from domain.kernels import WORD_BYTES, inlined, loop

Bytes = NDArray[np.uint8]
_MIX: Final = 0x45D9F3B  # https://stackoverflow.com/a/12996028, "I need a hash function of 32 bits"
_HALF: Final = 0xFFFFFFFF
_LOW, _HIGH = np.uint64(_HALF), np.uint64(32)


@inlined
def _mixed(mixed: int, bits: int) -> int:
    mixed = ((mixed ^ bits) * _MIX) & _HALF
    return mixed ^ (mixed >> 16)


@inlined
def code_of(data: Any, start: int, stop: int, blob: Any, ends: Any, slots: Any, size: Any) -> int:
    """Return the code of data[start:stop], giving it the next one if it is new.

    `blob`, `ends` and `slots` must have room. `size` = [names, bytes used].
    """
    mixed, length = stop - start, stop - start
    for at in range(start, stop, WORD_BYTES):
        word = word_of(data, at, stop - at)
        mixed = _mixed(_mixed(mixed, int(np.int64(word & _LOW))), int(np.int64(word >> _HIGH)))
    mask = len(slots) - 1
    slot = _mixed(mixed, 0) & mask
    while slots[slot] != 0:
        code = int(slots[slot])
        begin = ends[code - 1]
        if ends[code] - begin == length:
            same = True
            for at in range(0, length, WORD_BYTES):
                here = word_of(data, start + at, length - at)
                if here != word_of(blob, begin + at, length - at):
                    same = False
                    break
            if same:
                return int(code)
        slot = (slot + 1) & mask
    code = int(size[0])
    used = size[1]
    for place in range(length):
        blob[used + place] = data[start + place]
    ends[code] = used + length
    slots[slot] = code
    size[0] = code + 1
    size[1] = used + length
    return code


@loop
def _codes_of(data: Any, offsets: Any, blob: Any, ends: Any, slots: Any, size: Any, out: Any) -> None:
    for row in range(len(out)):
        start = offsets[row]
        stop = offsets[row + 1]
        out[row] = 0 if start == stop else code_of(data, start, stop, blob, ends, slots, size)


class Names:
    """All names of one kind (persons, points, …), by code."""

    def __init__(self) -> None:
        self.blob = np.zeros(64, np.uint8)
        self.ends = np.zeros(8, np.int64)
        self.slots = np.zeros(16, np.int32)
        self.size = np.array([1, 0], np.int64)
        self._seen: dict[int, str] = {0: ""}

    def __len__(self) -> int:
        """Return how many codes are given, 0 included."""
        return int(self.size[0])

    def name(self, code: int) -> str:
        """Return the name of a code."""
        known = self._seen.get(code)
        if known is None:
            if len(self._seen) > 100_000:
                self._seen = {0: ""}
            known = bytes(self.blob[self.ends[code - 1] : self.ends[code]]).decode()
            self._seen[code] = known
        return known

    def code(self, name: str) -> int:
        """Return the code of one name, giving it the next one if it is new; "" is 0."""
        return int(self.codes(pa.array([name], pa.string()))[0])

    def find(self, name: str) -> int:
        """Return the code of a name, or 0 if it has none."""
        count, used = int(self.size[0]), int(self.size[1])
        code = self.code(name)
        if len(self) > count:  # it was new: take it back
            self.size[:] = count, used
            self._rehash(len(self.slots))
            return 0
        return code

    def codes(self, names: pa.Array) -> NDArray[np.int32]:
        """Return the codes of a string array, in order of appearance; nulls and "" are 0."""
        data, offsets = text_buffers(names)
        self.reserve(len(names), len(data))
        out = np.empty(len(names), np.int32)
        _codes_of(data, offsets, self.blob, self.ends, self.slots, self.size, out)
        return out

    def reserve(self, names: int, length: int) -> None:
        """Make room for so many new names of so many bytes in all."""
        count, used = int(self.size[0]) + names, int(self.size[1]) + length
        if count > len(self.ends):
            self.ends = np.concatenate([self.ends, np.zeros(count + count // 4 - len(self.ends), np.int64)])
        if used > len(self.blob):
            self.blob = np.concatenate([self.blob, np.zeros(used + used // 4 - len(self.blob), np.uint8)])
        if count * 3 > len(self.slots) * 2:
            self._rehash(1 << (count * 3 // 2).bit_length())

    def _rehash(self, slots: int) -> None:
        count = int(self.size[0])
        blob, ends = self.blob, self.ends.copy()
        self.slots = np.zeros(slots, np.int32)
        self.size[:] = 1, 0
        out = np.empty(count - 1, np.int32)
        data = blob[: ends[count - 1]].copy()
        _codes_of(data, ends[:count].copy(), self.blob, self.ends, self.slots, self.size, out)

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return "names"

    def dump(self) -> tuple[bytes, bytes]:
        """Return the names as bytes: the text of all, and the end of each (int64)."""
        return self.blob[: self.size[1]].tobytes(), self.ends[: self.size[0]].tobytes()

    @classmethod
    def load(cls, text: bytes, ends: bytes) -> "Names":
        """Return the names that `dump` gave."""
        names = cls()
        names.ends = np.frombuffer(ends, np.int64).copy()
        names.blob = np.frombuffer(text, np.uint8).copy() if text else np.zeros(64, np.uint8)
        names.size[:] = len(names.ends), len(text)
        names._rehash(1 << (len(names.ends) * 3 // 2 + 8).bit_length())
        return names


def text_buffers(names: pa.Array) -> tuple[Bytes, NDArray[np.int64]]:
    """Return the UTF-8 bytes and the len + 1 offsets of a string array; a null is empty."""
    text = names.fill_null("") if names.null_count else names
    text = text.cast(pa.large_string())
    _, offsets, data = text.buffers()
    ends = np.frombuffer(offsets, np.int64)[text.offset : text.offset + len(text) + 1]
    return (np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)), ends
