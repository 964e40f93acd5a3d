"""Events of a partition by their own running number: transaction markers take offsets of the broker's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from streams.kafka.headers import header, headers_of
from streams.kafka.reader import Message, PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.log import LogCorrupt, SignalsGone, Stored

_SKIP: Final = 2_000
"""Events read over rather than looked for once more."""
_TAIL: Final = 16
"""Where the search for the last event begins, in offsets before the end."""


class EventReader:
    """Reads a partition's events and keeps its place. Not for two threads at once."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int) -> None:
        self._where = f"{topic}, partition {partition}"
        self._reader = PartitionReader(settings, topic, partition)
        self._next: int | None = None

    def pieces(self, from_event: int, count: int) -> Iterator[list[Message]]:
        """Yield exactly so many events from this one on, some at a time; the caller knows they are there.

        Raises:
            LogUnavailable: the broker does not answer.
            SignalsGone: retention has deleted the first of them.
            LogCorrupt: their numbers have gaps.
        """
        stands_at, self._next = self._next, None  # where it fails, nobody knows where it stands
        if stands_at != from_event:
            self._go_to(from_event, stands_at)
        yield from self._reader.pieces(count)
        self._next = from_event + count

    def low(self) -> int:
        """Return the broker's first offset: above 0 where retention has deleted events."""
        return self._reader.bounds()[0]

    def first(self) -> int:
        """Return the number of the first event retention has left; 0 where there is none."""
        low = self.low()
        if low == 0:
            return 0
        self._next = None
        self._reader.seek(low)
        for messages in self._reader.rest(1):
            return number_of(messages[0])
        return 0

    def last(self) -> Message | None:
        """Return the last committed event, or None where there is none."""
        low, high = self._reader.bounds()
        tail = _TAIL
        while True:
            start = max(low, high - tail)
            self._next = None
            self._reader.seek(start)
            found: Message | None = None
            for messages in self._reader.rest():
                found = messages[-1]
            if found is not None or start == low:
                return found
            tail *= 16  # nothing but markers and what was aborted

    def idle(self) -> None:
        """Fetch and hold nothing until it is read again; the place stays."""
        self._reader.idle()

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing that was fetched."""
        return self._reader.is_idle

    def close(self) -> None:
        """Let go of the broker."""
        self._reader.close()

    def _go_to(self, wanted: int, stands_at: int | None) -> None:
        """Stand before the event of this number; now it stands before another, if that is known.

        Between two events lie at least as many offsets as numbers, so a step from a known event never
        goes too far, and each step at least halves what is left.
        """
        place = self._reader.place
        if stands_at is not None and place is not None and stands_at < wanted:
            offset = place + wanted - stands_at
        else:
            offset, _ = self._reader.bounds()
        while True:
            self._reader.seek(offset)
            (found,) = self._reader.take(1)  # it may be a moment until what is committed can be read
            number, at = number_of(found), found.offset()
            if number > wanted:
                raise SignalsGone(
                    f"{self._where}: event {wanted} is gone: the topic's retention has passed it; "
                    f"the first there is, is {number}"
                )
            if wanted - number <= _SKIP:
                self._reader.seek(at)
                if wanted > number:
                    self._reader.take(wanted - number)
                return
            offset = at + wanted - number


def number_of(event: Message) -> int:
    """Return an event's running number.

    Raises:
        LogCorrupt: it has none.
    """
    found = header(headers_of(event), "offset")
    if found is None or not found.isdigit():
        raise LogCorrupt(
            f"{event.topic()}, partition {event.partition()}, the broker's offset {event.offset()}: "
            "an event without its number; something else writes to this topic"
        )
    return int(found)


def fitting(
    topics: Sequence[str], fields: Mapping[str, str | None], known_until: int | None
) -> Callable[[Message], bool]:
    """Return what says of an event whether it fits `Log.find_events`; of `fields`, None fits all."""
    wanted = {str(topic).encode() for topic in topics}
    equal = {name: value.encode() for name, value in fields.items() if value is not None}

    def fits(message: Message) -> bool:
        headers = dict(headers_of(message) or ())
        return (
            headers.get("topic") in wanted
            and all(headers.get(name) == value for name, value in equal.items())
            and (known_until is None or int(headers.get("known-at") or 0) <= known_until)
        )

    return fits


def stored(messages: Sequence[Message], from_event: int) -> list[Stored]:
    """Return events as the log gives them.

    Raises:
        LogCorrupt: their numbers do not follow from `from_event` on.
    """
    found = []
    for expected, message in enumerate(messages, from_event):
        headers = dict(headers_of(message) or ())
        id_, key = headers.get("id"), message.key()
        if headers.get("offset") != b"%d" % expected or id_ is None or key is None:
            raise LogCorrupt(
                f"{message.topic()}, partition {message.partition()}: event {number_of(message)} stands "
                f"where {expected} belongs"
            )
        found.append(Stored(expected, id_.decode(), key.decode(), message.value() or b""))
    return found
