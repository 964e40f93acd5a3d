"""Messages as columns: many of one partition, and no object for any of them until it is asked for."""

from collections.abc import Iterator, Sequence
from typing import Any, Final, overload

import numpy as np
from numpy.typing import NDArray

from domain.byte_words import ROOM
from domain.kernels import Records, records
from streams.admission import Message

NOTHING: Final = -1
"""The length of what a message has not."""
PLACES: Final = np.dtype(
    [
        ("offset", "i8"), ("appended_at", "i8"),
        ("key", "i8"), ("value", "i8"), ("schema", "i8"), ("id", "i8"),
        ("key_length", "i4"), ("value_length", "i4"), ("schema_length", "i4"), ("id_length", "i4"),
    ]
)  # fmt: skip
"""A message: where in a text its parts begin, and how many bytes they have; `NOTHING` where there is none."""
_PARTS: Final = ("key", "value", "schema", "id")


class Messages(Sequence[Message]):
    """Messages in the order of the log. What they are made of is not copied."""

    def __init__(self, data: NDArray[np.uint8], places: Records) -> None:
        """Take messages that stand at these `PLACES` of a text, `ROOM` behind the last."""
        self.data, self.places = data, places

    @classmethod
    def of(cls, messages: Sequence[Message]) -> "Messages":
        """Return messages as columns."""
        if isinstance(messages, Messages):
            return messages
        places, pieces, at = records(len(messages), PLACES), list[bytes](), 0
        for name in ("offset", "appended_at"):
            places[name] = [getattr(message, name) for message in messages]
        for name in _PARTS:
            parts = [getattr(message, name) for message in messages]
            lengths = np.array([NOTHING if part is None else len(part) for part in parts], np.int32)
            ends = at + np.cumsum(np.maximum(lengths, 0), dtype=np.int64)
            places[name], places[f"{name}_length"] = ends - np.maximum(lengths, 0), lengths
            pieces += [part for part in parts if part]
            at = int(ends[-1]) if len(ends) else at
        return cls(np.frombuffer(b"".join((*pieces, ROOM)), np.uint8), places)

    def values(self) -> list[bytes | None]:
        """Return the value of each message."""
        data, places = self.data.data, self.places
        each = zip(places["value"].tolist(), places["value_length"].tolist(), strict=True)
        return [None if size == NOTHING else bytes(data[start : start + size]) for start, size in each]

    def __len__(self) -> int:
        return len(self.places)

    @overload
    def __getitem__(self, place: int) -> Message: ...

    @overload
    def __getitem__(self, place: slice) -> "Messages": ...

    def __getitem__(self, place: int | slice) -> "Message | Messages":
        if isinstance(place, slice):
            return Messages(self.data, self.places[place])
        row = self.places[place]
        return Message(
            int(row["offset"]),
            self._part(row, "key"),
            self._part(row, "value"),
            int(row["appended_at"]),
            self._part(row, "schema"),
            self._part(row, "id"),
        )

    def __iter__(self) -> Iterator[Message]:
        return (self[place] for place in range(len(self)))

    def _part(self, row: Any, name: str) -> bytes | None:
        start, length = int(row[name]), int(row[f"{name}_length"])
        return None if length == NOTHING else self.data[start : start + length].tobytes()
