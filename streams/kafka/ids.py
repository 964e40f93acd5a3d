"""The ids of a partition's signals, known by reading all of it once and then what was added."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from streams.kafka.headers import header, headers_of
from streams.kafka.reader import Message, PartitionReader
from streams.known_ids import ID_BYTES, Ids, KnownIds, ids_from_bytes
from streams.log import LogCorrupt

_NONE: Final = ids_from_bytes(b"")
_PAGE: Final = 10_000
"""Signals whose ids are taken up at once."""


class PartitionIds:
    """Knows which ids stand in a partition below `scanned_to`; 16 bytes an id."""

    def __init__(self) -> None:
        self._known = KnownIds(_NONE)
        self.scanned_to = 0

    def catch_up(self, reader: PartitionReader, first: int, head: int) -> None:
        """Read the partition on to `head`; what retention has deleted below `first` is not known.

        Raises:
            LogUnavailable, LogCorrupt: it cannot be read.
        """
        self.scanned_to = max(self.scanned_to, first)
        while self.scanned_to < head:
            reader.seek(self.scanned_to)
            found, place = [_NONE], self.scanned_to
            for messages in reader.pieces(min(_PAGE, head - place)):
                check_contiguous(messages, place)
                found.append(_ids_in(messages))
                place += len(messages)
            self.add(np.concatenate(found))
            self.scanned_to = place

    def add(self, ids: Ids) -> None:
        """Know these ids from now on; some of them may be known already, or come twice."""
        different = np.unique(ids)
        self._known.add(different[~self._known.contains(different)])

    def fresh(self, ids: Ids) -> NDArray[np.intp]:
        """Return the places of ids that are neither known nor stood earlier among these, shape (m,)."""
        return self._known.fresh(ids)


def check_contiguous(messages: list[Message], from_offset: int) -> None:
    """See that signals stand at every offset from this one on.

    Raises:
        LogCorrupt: something wrote to the topic in transactions, or compacts it.
    """
    last = messages[-1].offset()
    if messages[0].offset() != from_offset or last != from_offset + len(messages) - 1:
        raise LogCorrupt(
            f"{messages[0].topic()}, partition {messages[0].partition()}: there are gaps between offsets "
            f"{from_offset} and {last}; signals must be written by an idempotent producer without "
            "transactions, to a topic that is not compacted"
        )


def _ids_in(messages: list[Message]) -> Ids:
    """Return the ids in headers; a message without one is none of ours and can be repeated by nobody."""
    found = bytearray()
    for message in messages:
        id_ = header(headers_of(message), "id")
        if id_ is not None and len(id_) == 2 * ID_BYTES:
            try:
                found += bytes.fromhex(id_.decode())
            except ValueError:
                continue
    return ids_from_bytes(bytes(found[: len(found) // ID_BYTES * ID_BYTES]))
