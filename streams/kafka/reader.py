"""Reading one partition of a topic forward, in large batches."""

import time
from collections.abc import Iterator
from typing import Final, Protocol, Self, cast

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from domain.times import MILLISECOND_US
from streams.admission import Message as Admitted
from streams.kafka.errors import explained, no_topic, passing, patiently
from streams.kafka.headers import ReadHeaders, header, headers_of
from streams.kafka.settings import KafkaSettings
from streams.log import LogUnavailable, SignalsGone

AT_ONCE: Final = 500
"""Messages asked of librdkafka at once. What is let go is used again while a core's own cache has it: so few
are read twice as fast as thousands that are held together."""
_MISSING: Final = frozenset(
    {KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION}
)
_GONE: Final = frozenset({KafkaError._AUTO_OFFSET_RESET, KafkaError.OFFSET_OUT_OF_RANGE})
_PAUSE_SECONDS: Final = 0.05


class Message(Protocol):
    """A message that was read: confluent-kafka's, which there may also stand for an error."""

    def topic(self) -> str:
        """Return the topic's whole name."""

    def partition(self) -> int:
        """Return the partition's number."""

    def offset(self) -> int:
        """Return the broker's offset."""

    def key(self) -> bytes | None:
        """Return the key, if it has one."""

    def value(self) -> bytes | None:
        """Return the bytes, if it has any."""

    def headers(self) -> ReadHeaders | None:
        """Return the headers, if it has any."""

    def timestamp(self) -> tuple[int, int]:
        """Return the kind of time, and the time in UTC milliseconds."""


class PartitionReader:
    """Reads a partition's committed messages from a place that it keeps. Not for two threads at once."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int) -> None:
        self._settings, self._topic, self._partition = settings, topic, partition
        self._consumer = Consumer(settings.consumer())
        self.place: int | None = None
        """Behind the last message read, or where `seek` went; None before the first."""
        self._end = -1
        self._is_fetching = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def seek(self, offset: int) -> None:
        """Go on reading at this offset of the broker's."""
        if offset != self.place or not self._is_fetching:
            self._consumer.assign([TopicPartition(self._topic, self._partition, offset)])
            self.place, self._end, self._is_fetching = offset, -1, True

    def idle(self) -> None:
        """Fetch nothing, and hold nothing that was fetched, until it is read again; the place stays.

        What is fetched ahead takes megabytes for each reader, and a request that waits for new messages
        would hold the next `seek` up.
        """
        if self._is_fetching:
            self._consumer.unassign()
            self._is_fetching = False
            while self._consumer.consume(AT_ONCE, 0):  # what is in its queue stays there until somebody asks
                pass

    @property
    def is_idle(self) -> bool:
        """Whether it holds nothing that was fetched."""
        return not self._consumer.assignment()

    def bounds(self) -> tuple[int, int]:
        """Return the first offset there is, and the one behind the last that is committed.

        Raises:
            LogUnavailable: the broker does not answer.
        """
        try:
            return bounds(self._settings, self._consumer, self._topic, self._partition)
        except LogUnavailable:
            self._begin_anew()
            raise

    def take(self, count: int) -> list[Message]:
        """Return exactly so many messages from the place on, as `pieces`; for a few."""
        return [message for piece in self.pieces(count) for message in piece]

    def pieces(self, count: int) -> Iterator[list[Message]]:
        """Yield exactly so many messages from the place on, some at a time; the caller knows they are there.

        It is fast for whoever keeps what a message says, and not the message.

        Raises:
            LogUnavailable: nothing came for as long as the settings wait.
            SignalsGone: the place is before the first message there is.
        """
        self._wake()
        until = time.monotonic() + self._settings.wait_seconds
        while count > 0:
            piece = self._consume(min(count, AT_ONCE), min(self._settings.wait_seconds, 1.0))
            if piece:
                count -= len(piece)
                yield piece
                until = time.monotonic() + self._settings.wait_seconds
            elif time.monotonic() > until:
                raise self._silent()

    def rest(self, most: int = AT_ONCE) -> Iterator[list[Message]]:
        """Yield all messages from the place to the end there is when it is reached, at most so many at once.

        Raises:
            LogUnavailable: nothing came for as long as the settings wait.
            SignalsGone: the place is before the first message there is.
        """
        until = time.monotonic() + self._settings.wait_seconds
        self._wake()
        self._end = -1
        while self._end < 0:
            piece = self._consume(most, _PAUSE_SECONDS)
            if piece:
                yield piece
                until = time.monotonic() + self._settings.wait_seconds
            elif time.monotonic() > until:
                raise self._silent()

    def close(self) -> None:
        """Let go of the broker."""
        self._consumer.close()

    def _wake(self) -> None:
        if self.place is not None:
            self.seek(self.place)

    def _consume(self, count: int, seconds: float) -> list[Message]:
        got = self._consumer.consume(count, seconds)
        # Each is asked: the note of an end bears the offset behind it, where a transaction's marker may
        # stand, so among messages it looks like one of them.
        messages = cast("list[Message]", [message for message in got if message.error() is None])
        if len(messages) < len(got):
            for message in got:
                if (error := message.error()) is not None:
                    self._note(error, message.offset() or 0)
        if messages:
            self.place = messages[-1].offset() + 1
        return messages

    def _note(self, error: KafkaError, offset: int) -> None:
        if error.code() == KafkaError._PARTITION_EOF:
            self._end = offset
            return
        if passing(error):
            return
        self.idle()  # what came with the error was not given to anybody: the next reading fetches it anew
        if error.code() in _MISSING:
            raise no_topic(f"partition {self._partition} of {self._topic}")
        if error.code() in _GONE:
            raise SignalsGone(
                f"{self._topic}: what stood at offset {self.place} of partition {self._partition} is not "
                "there any more, or never was; the topic's retention has passed it"
            )
        raise explained(self._settings, error)

    def _begin_anew(self) -> None:
        """Go on with another client at the same place; why, see `streams.kafka.lookups`."""
        self._consumer.close()
        self._consumer, self._is_fetching = Consumer(self._settings.consumer()), False

    def _silent(self) -> LogUnavailable:
        self._begin_anew()
        return LogUnavailable(
            f"Kafka at {self._settings.bootstrap_servers}: {self._topic}, partition {self._partition}: "
            f"nothing came for {self._settings.wait_seconds:g} s; is the broker running?"
        )


def admitted(message: Message) -> Admitted:
    """Return a message with all that decides whether it is admitted."""
    headers = headers_of(message)  # once: a broken list is told of the first time only
    return Admitted(
        message.offset(),
        message.key(),
        message.value(),
        message.timestamp()[1] * MILLISECOND_US,
        header(headers, "schema"),
        header(headers, "id"),
    )


def bounds(settings: KafkaSettings, consumer: Consumer, topic: str, partition: int) -> tuple[int, int]:
    """Return a partition's first offset, and the one behind the last that is committed.

    Raises:
        LogUnavailable: the broker does not answer, or has no such partition.
    """
    where = TopicPartition(topic, partition)

    def ask(seconds: float) -> tuple[int, int] | None:
        try:
            return consumer.get_watermark_offsets(where, seconds, cached=False)
        except KafkaException as error:
            if error.args[0].code() not in _MISSING:
                raise
        # The client goes by what it was last told, perhaps by a broker that had only begun to start.
        # By itself it asks again after minutes.
        consumer.list_topics(topic, timeout=seconds)
        return consumer.get_watermark_offsets(where, seconds, cached=False)

    try:
        found = patiently(settings, ask)
    except KafkaException as error:
        if error.args[0].code() in _MISSING:
            raise no_topic(f"partition {partition} of {topic}") from error
        raise explained(settings, error) from error
    if found is None:
        raise LogUnavailable(f"Kafka at {settings.bootstrap_servers} did not answer in time; try again")
    return int(found[0]), int(found[1])


def read_range(
    settings: KafkaSettings, topic: str, partition: int, from_offset: int, to_offset: int
) -> Iterator[list[Message]]:
    """Yield the committed messages of a partition in a range of the broker's offsets, some at a time.

    What is not written yet is not waited for. See `PartitionReader.pieces`.

    Raises:
        LogUnavailable: the broker does not answer.
        SignalsGone: the range begins before the first message there is.
    """
    if from_offset >= to_offset:
        return
    with PartitionReader(settings, topic, partition) as reader:
        reader.seek(from_offset)
        for messages in reader.rest():
            if messages[-1].offset() >= to_offset:
                messages = [message for message in messages if message.offset() < to_offset]
            if messages:
                yield messages
            if reader.place is not None and reader.place >= to_offset:
                return
