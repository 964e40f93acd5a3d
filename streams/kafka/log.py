"""The log in Kafka: the port's adapter, and what an owner of partitions needs beyond the port."""

import threading
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Final, Self, TypeVar

from streams.admission import Message as Admitted
from streams.kafka.appending import Appender
from streams.kafka.blocks import read_blocks
from streams.kafka.events import fitting, stored
from streams.kafka.headers import header, headers_of
from streams.kafka.ids import check_contiguous
from streams.kafka.lookups import Lookups
from streams.kafka.partition import Partition
from streams.kafka.position import Committed, read_snapshot
from streams.kafka.reader import Message, admitted
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.writer import PartitionWriter
from streams.log import (
    Appended,
    Draft,
    EventDraft,
    LogCorrupt,
    LogUnavailable,
    PositionConflict,
    SignalsGone,
    Snapshot,
    Stored,
)
from streams.messages import Messages
from streams.partitioning import partition_of
from streams.quarantine import Rejection

T = TypeVar("T")
_PAGE_EVENTS: Final = 5_000
"""Events `find_events` reads at once."""


class KafkaLog:
    """A `streams.log.Log` in Kafka's topics, for any number of processes and threads.

    Signals' offsets are the broker's; events have numbers of their own. A partition is decided by one owner:
    the process that acquired it last. What others appended since is known before an append, but two processes
    that append the same id at the same moment both get it in: who decides has to know repeats.

    Where a topic's retention has deleted what is asked for, `read` and `read_events` raise `SignalsGone`, as
    silence would be taken for the end; `append` and `find_events` begin with the first there is.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        """Make a log that connects when it is used.

        Raises:
            LogUnavailable: librdkafka refuses the settings.
        """
        self._settings = settings
        self._signals = topic_name(settings, Topic.SIGNALS)
        self._partitions: dict[int, Partition] = {}
        self._guard = threading.Lock()
        self._appender = Appender(settings)
        self._closed = False
        self._lookups = Lookups(settings)
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def acquire(self, partition: int) -> None:
        """Become the partition's one owner: older owners are fenced, their pending transaction is ended.

        Raises:
            LogUnavailable: the broker does not answer.
            LogCorrupt: the committed position is beyond the signals there are, or the topic has not as many
                partitions as the settings say.
        """
        part = self._part(partition)
        with part.lock:
            part.writer, part.lost = None, None
            self._check_count()
            writer = PartitionWriter(self._settings, self._lookups.group, partition)
            found = self._lookups.committed(partition)
            if found.position > (head := self.head(partition)):
                raise LogCorrupt(
                    f"partition {partition}: the group {self._settings.group!r} stands at position "
                    f"{found.position}, but there are {head} signals: the topic was made anew; "
                    "restore its signals, or use another group"
                )
            part.committed = found
            part.writer = writer

    def release(self, partition: int) -> None:
        """Let go of a partition and of all that is kept open for it; nothing is written."""
        with self._guard:
            part = self._partitions.pop(partition, None)
        if part is not None:
            with part.lock:
                part.close()
                self._appender.release(partition)

    def idle(self, partition: int) -> None:
        """Fetch nothing of a partition, and hold nothing that was fetched ahead, until it is read again."""
        part = self._partitions.get(partition)
        if part is not None:
            with part.lock:
                part.idle()

    def close_readers(self, partition: int) -> None:
        """Let go of what reads a partition, which will not be read soon; its owner stays what it is."""
        part = self._partitions.get(partition)
        if part is not None:
            with part.lock:
                part.close_readers()

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """See `Log.append` and `streams.kafka.appending`: after `LogUnavailable` the first few may be in.

        Raises:
            ValueError: an id is not 32 hexadecimal digits, or a signal is larger than a message may be.
        """
        part = self._part(partition)
        with part.lock:
            return self._appender.append(partition, signals, lambda: self._bounds(partition))

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read`. A message that is no signal of ours has an empty id; its bytes tell what it is.

        Raises:
            SignalsGone: retention has deleted the signals at `from_offset`.
            LogUnavailable, LogCorrupt: it cannot be read.
        """
        return self._read(partition, from_offset, limit, _stored)

    def messages(self, partition: int, from_offset: int, limit: int) -> Sequence[Admitted]:
        """Return signals as `read` does, with all that decides whether they are admitted.

        Raises:
            SignalsGone: retention has deleted the signals at `from_offset`.
            LogUnavailable, LogCorrupt: they cannot be read.
        """
        return self._read(partition, from_offset, limit, admitted)

    def blocks(self, partition: int, from_offset: int, to_offset: int) -> Generator[Messages, None, None]:
        """Yield the messages of signals in a range of offsets, many at a time: `streams.kafka.blocks`."""
        return read_blocks(self._settings, self._signals, partition, from_offset, to_offset)

    def _read(self, partition: int, from_offset: int, limit: int, made: Callable[[Message], T]) -> list[T]:
        """Return what is made of each signal's message."""
        part = self._part(partition)
        with part.lock:
            if from_offset + limit > part.head:
                first, part.head = self._bounds(partition)
                if from_offset < first:
                    raise SignalsGone(
                        f"{self._signals}, partition {partition}: signals below {first} are gone: the "
                        f"topic's retention has passed them; {from_offset} was asked for"
                    )
            count = min(limit, part.head - from_offset)
            if count <= 0:
                return []
            part.signals.seek(from_offset)
            found: list[T] = []
            for messages in part.signals.pieces(count):
                check_contiguous(messages, from_offset + len(found))
                found += map(made, messages)
            if count < limit:
                part.signals.idle()
            return found

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """See `Log.read_events`.

        Raises:
            SignalsGone: retention has deleted the events at `from_offset`.
            LogUnavailable, LogCorrupt: they cannot be read.
        """
        count = min(limit, self.events_head(partition) - from_offset)
        if count <= 0:
            return []
        part = self._part(partition)
        with part.lock:
            found: list[Stored] = []
            for events in part.events.pieces(from_offset, count):
                found += stored(events, from_offset + len(found))
            if count < limit:
                part.events.idle()
            return found

    def find_events(
        self,
        partition: int,
        *,
        topics: Sequence[str],
        visit: str | None = None,
        point: str | None = None,
        from_offset: int = 0,
        to_offset: int | None = None,
        known_until: int | None = None,
    ) -> Iterator[Stored]:
        """See `Log.find_events`. Kafka has no index: everything in the range is read.

        What is written after the call is not found.
        """
        head = self.events_head(partition)
        to_offset = head if to_offset is None else min(to_offset, head)
        fits = fitting(topics, {"visit": visit, "point": point}, known_until)
        return self._found(partition, from_offset, to_offset, fits if topics else None)

    def _found(
        self, partition: int, place: int, to_offset: int, fits: Callable[[Message], bool] | None
    ) -> Iterator[Stored]:
        if fits is None or place >= to_offset:
            return
        part = self._part(partition)
        with part.lock:
            place = max(place, part.events.first())
        while place < to_offset:
            found: list[Stored] = []
            with part.lock:
                for events in part.events.pieces(place, min(_PAGE_EVENTS, to_offset - place)):
                    for number, message in enumerate(events, place):
                        if fits(message):
                            found += stored([message], number)
                    place += len(events)
            yield from found

    def partition_of(self, site: str) -> int:
        """Return the partition of a site's signals.

        Raises:
            LogUnavailable: the broker does not answer, or has no such topic.
        """
        return partition_of(site, self._count_partitions())

    def first(self, partition: int) -> int:
        """Return the offset of the first signal that retention has left.

        Raises:
            LogUnavailable: the broker does not answer.
        """
        return self._bounds(partition)[0]

    def head(self, partition: int) -> int:
        """See `Log.head`."""
        return self._bounds(partition)[1]

    def events_head(self, partition: int) -> int:
        """See `Log.events_head`."""
        return self._committed(partition).events_head

    def position(self, partition: int) -> int:
        """See `Log.position`."""
        return self._committed(partition).position

    def snapshot(self, partition: int) -> Snapshot | None:
        """See `Log.snapshot`."""
        place = self._committed(partition).snapshot
        return None if place is None else read_snapshot(self._settings, partition, place)

    def transact(
        self,
        partition: int,
        *,
        from_position: int,
        to_position: int,
        events: Sequence[EventDraft],
        snapshot: bytes | None = None,
        snapshot_at: int | None = None,
        quarantined: Sequence[Rejection] = (),
        extra: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        """See `Log.transact`. A partition that was not acquired is acquired.

        After `LogUnavailable` the broker may have committed it all, if it went away in that very moment; what
        the log says then is true, and the same call again is a `PositionConflict` where it had. After being
        fenced, every further call is a conflict until the partition is acquired again.

        Args:
            partition: of the signals that were decided.
            from_position: the committed position, as the caller believes.
            to_position: behind the last signal decided; the caller has read all below it.
            events: to the events topic.
            snapshot: the state at `to_position`, or at `snapshot_at`.
            snapshot_at: an earlier position, of whoever still decides again what is committed.
            quarantined: messages that are no signals, to the quarantine topic.
            extra: keys and values for the persons topic, each in its key's partition.

        Raises:
            ValueError: `to_position` is before `from_position` or the snapshot's, or something is larger than
                a message may be.
        """
        if to_position < from_position:
            raise ValueError(f"cannot move from position {from_position} to {to_position}")
        kept_at = to_position if snapshot_at is None else snapshot_at
        if kept_at > to_position:
            raise ValueError(f"a snapshot of position {kept_at} does not belong to position {to_position}")
        kept = None if snapshot is None else Snapshot(kept_at, snapshot)
        part = self._part(partition)
        with part.lock:
            if part.lost is not None:
                raise PositionConflict(part.lost)
            if part.writer is None:
                self.acquire(partition)
            before, writer = part.committed, part.writer
            if writer is None or before.position != from_position:
                raise PositionConflict(
                    f"partition {partition} of {self._signals} stands at position {before.position}, "
                    f"not {from_position}: something else has decided its signals; "
                    "read the log's position again"
                )
            try:
                part.committed = writer.write(before, to_position, events, kept, quarantined, extra)
            except PositionConflict as conflict:
                part.writer, part.lost = None, str(conflict)
                raise
            except BaseException:
                part.writer = None
                raise

    def close(self) -> None:
        """See `Log.close`."""
        with self._guard:
            closing, self._partitions = list(self._partitions.values()), {}
            closed, self._closed = self._closed, True
        if closed:
            return
        for part in closing:
            with part.lock:
                part.close()
        self._appender.close()
        self._lookups.close()

    def _committed(self, partition: int) -> Committed:
        part = self._part(partition)
        with part.lock:
            if part.writer is not None:  # nobody else can commit without our being fenced
                return part.committed
            return self._lookups.committed(partition)

    def _bounds(self, partition: int) -> tuple[int, int]:
        self._part(partition)
        return self._lookups.bounds(self._signals, partition)

    def _check_count(self) -> None:
        """Check that keys lead to the same partitions for everybody."""
        count, wanted = self._count_partitions(), self._settings.partitions
        if count != wanted:
            raise LogCorrupt(
                f"{self._signals} has {count} partitions, [kafka] partitions says {wanted}: a site's key "
                "would lead to another partition than its past; `limen topics check` says more"
            )

    def _count_partitions(self) -> int:
        if not self._count:
            self._count = self._lookups.count_partitions(Topic.SIGNALS)
        return self._count

    def _part(self, partition: int) -> Partition:
        with self._guard:
            if self._closed:
                raise LogUnavailable(f"{self._signals} is closed: open the log again")
            if partition not in self._partitions:
                self._partitions[partition] = Partition(self._settings, partition)
            return self._partitions[partition]


def _stored(message: Message) -> Stored:
    """Return a signal as the log gives it, whatever stands there."""
    return Stored(
        message.offset(),
        (header(headers_of(message), "id") or b"").decode(errors="replace"),
        (message.key() or b"").decode(errors="replace"),
        message.value() or b"",
    )
