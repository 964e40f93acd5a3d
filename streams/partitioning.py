"""Which partition a key belongs to: Kafka's own default, so that every other client agrees."""

from functools import lru_cache
from typing import Final

_SEED: Final = 0x9747B28C
_FACTOR: Final = 0x5BD1E995
_WORD: Final = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """Return the 32-bit MurmurHash2 with the seed Kafka's clients use.

    >>> hex(murmur2(b"21")), hex(murmur2(b"foobar")), hex(murmur2(b"abc"))
    ('0xc5f2f8ec', '0xd0e47bbe', '0x1c94221b')
    """
    value = (_SEED ^ len(data)) & _WORD
    whole = len(data) & ~3
    for start in range(0, whole, 4):
        word = int.from_bytes(data[start : start + 4], "little") * _FACTOR & _WORD
        word = (word ^ word >> 24) * _FACTOR & _WORD
        value = value * _FACTOR & _WORD ^ word
    if rest := data[whole:]:
        value = (value ^ int.from_bytes(rest, "little")) * _FACTOR & _WORD
    value = (value ^ value >> 13) * _FACTOR & _WORD
    return value ^ value >> 15


@lru_cache(maxsize=65_536)
def partition_of(key: str | bytes, partitions: int) -> int:
    """Return the partition of a site, or of any other key; text is meant in UTF-8.

    >>> partition_of("campus", 12) == (murmur2(b"campus") & 0x7FFFFFFF) % 12
    True
    """
    data = key.encode() if isinstance(key, str) else key
    return (murmur2(data) & 0x7FFFFFFF) % partitions
