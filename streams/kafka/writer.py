"""The one writer of a partition's decisions: events, snapshot and position in one transaction."""

import time
from collections.abc import Iterable, Sequence
from typing import Any

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from streams.kafka.errors import explained, is_fatal, is_fenced, is_forgotten
from streams.kafka.headers import Headers, event_headers
from streams.kafka.position import Committed, SnapshotPlace, chunk_headers, to_commit
from streams.kafka.producer import count_partitions, flush
from streams.kafka.quarantining import quarantined
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.transactions import abort, send_positions
from streams.log import EventDraft, LogUnavailable, PositionConflict, Snapshot
from streams.partitioning import partition_of
from streams.quarantine import Rejection


class PartitionWriter:
    """Owns a partition from its construction until another writer is made for it, anywhere.

    Any error leaves it unusable: only the broker knows what was committed then.

    Raises:
        LogUnavailable: the broker does not answer.
        PositionConflict: another writer was made at the same moment.
    """

    def __init__(self, settings: KafkaSettings, group: Any, partition: int) -> None:
        self._settings, self._group, self._partition = settings, group, partition
        signals = topic_name(settings, Topic.SIGNALS)
        self._who = f"{settings.group}-{signals}-{partition}"
        self._producer = Producer(settings.transactional_producer(self._who))
        self._persons = 0
        count_partitions(settings, self._producer, Topic.EVENTS)
        try:
            self._producer.init_transactions(settings.wait_seconds)  # fences, and ends what is pending
        except KafkaException as error:
            raise self._error(error) from error

    def write(
        self,
        before: Committed,
        to_position: int,
        events: Sequence[EventDraft],
        snapshot: Snapshot | None,
        quarantined: Sequence[Rejection],
        extra: Sequence[tuple[bytes, bytes]],
    ) -> Committed:
        """Write it all and return what is committed now.

        Raises:
            PositionConflict: this writer is fenced; nothing was written.
            LogUnavailable: the broker does not answer; see `streams.kafka.log.KafkaLog.transact`.
            ValueError: something of it is larger than a message may be; nothing was written.
        """
        self._check_sizes(events, extra)
        after = Committed(to_position, before.events_head + len(events), before.snapshot)
        try:
            self._producer.begin_transaction()
            self._write_events(events, before.events_head)
            for rejection in quarantined:
                self._write_rejection(rejection)
            for key, value in extra:
                self._produce_extra(key, value)
            if snapshot is not None:
                place = self._write_snapshot(snapshot, after)
                after = Committed(after.position, after.events_head, place)
            self._send_position(after)
            self._commit()
        except KafkaException as error:
            found = self._error(self._reason(error, before))
            if not isinstance(found, PositionConflict):
                abort(self._settings, self._producer)
            raise found from error
        except BaseException:
            abort(self._settings, self._producer)
            raise
        return after

    def _write_events(self, events: Iterable[EventDraft], head: int) -> None:
        for offset, event in enumerate(events, head):
            self._produce(Topic.EVENTS, event.site.encode(), event.wire, event_headers(event, offset))

    def _write_rejection(self, rejection: Rejection) -> None:
        self._produce(Topic.QUARANTINE, *quarantined(self._settings, rejection))

    def _write_snapshot(self, snapshot: Snapshot, after: Committed) -> SnapshotPlace:
        size, state = self._settings.max_message_bytes, snapshot.state
        chunks = max(1, -(-len(state) // size))
        offsets: list[int] = []
        refused: list[KafkaError] = []

        def delivered(error: KafkaError | None, message: Message) -> None:
            offset = message.offset()
            if error is not None:
                refused.append(error)
            elif offset is not None:  # of what was there already librdkafka may know no place
                offsets.append(offset)

        for chunk in range(chunks):
            key = f"{self._partition}/{chunk}".encode()
            headers = chunk_headers(snapshot.position, chunk, chunks, after)
            self._produce(
                Topic.SNAPSHOTS, key, state[chunk * size : (chunk + 1) * size], headers, on_delivery=delivered
            )
        flush(self._producer, self._settings.wait_seconds)
        if refused:
            raise KafkaException(refused[0])
        if len(offsets) != chunks:
            raise KafkaException(
                KafkaError(
                    KafkaError._TIMED_OUT, "the snapshot was not taken in time, or nobody knows where it is"
                )
            )
        return SnapshotPlace(snapshot.position, offsets[0], chunks)

    def _produce_extra(self, key: bytes, value: bytes) -> None:
        self._persons = self._persons or count_partitions(self._settings, self._producer, Topic.PERSONS)
        headers: Headers = [("content-type", b"application/json")]
        self._produce(Topic.PERSONS, key, value, headers, partition=partition_of(key, self._persons))

    def _produce(
        self,
        topic: Topic,
        key: bytes | None,
        value: bytes,
        headers: Headers,
        *,
        partition: int | None = None,
        **options: Any,
    ) -> None:
        name = topic_name(self._settings, topic)
        where = self._partition if partition is None else partition
        until = time.monotonic() + self._settings.wait_seconds
        while True:
            try:
                return self._producer.produce(name, value, key, where, headers=headers, **options)
            except BufferError:
                if self._producer.poll(0.05) == 0 and time.monotonic() > until:
                    raise KafkaException(
                        KafkaError(KafkaError._TIMED_OUT, "the broker takes nothing")
                    ) from None

    def _send_position(self, after: Committed) -> None:
        done = [to_commit(self._settings, self._partition, after)]
        try:
            send_positions(self._settings, self._producer, done, self._group)
        except KafkaException as error:
            if error.args[0].code() != KafkaError._STATE:
                raise
            # The broker refused a message in this very moment: asked again, the producer says which and why.
            send_positions(self._settings, self._producer, done, self._group)

    def _commit(self) -> None:
        until = time.monotonic() + self._settings.wait_seconds
        while True:
            try:
                return self._producer.commit_transaction(max(0.1, until - time.monotonic()))
            except KafkaException as error:
                if not error.args[0].retriable() or time.monotonic() > until:
                    raise

    def _reason(self, error: KafkaException, before: Committed) -> KafkaException:
        """Return why the transaction takes nothing any more, where all that is said is that it does not.

        So the producer says of each message behind one that the broker refused. Asked to send positions,
        here those that hold already, it says which and why.
        """
        if error.args[0].code() == KafkaError._STATE:
            try:
                self._send_position(before)
            except KafkaException as told:
                return told
        return error

    def _check_sizes(self, events: Iterable[EventDraft], extra: Iterable[tuple[bytes, bytes]]) -> None:
        for event in events:
            if len(event.wire) > self._settings.max_message_bytes:
                raise self._too_large(f"the event {event.id} is {len(event.wire):,} bytes")
        for key, value in extra:
            if len(key) + len(value) > self._settings.max_message_bytes:
                raise self._too_large(f"what the next stage is told is {len(key) + len(value):,} bytes")

    def _error(self, error: KafkaException) -> PositionConflict | LogUnavailable | ValueError:
        if is_forgotten(error):
            return LogUnavailable(
                f"partition {self._partition}: the broker has forgotten {self._who}, which wrote nothing for "
                "as long as its transactional.id.expiration.ms; acquire the partition again"
            )
        if is_fenced(error) or is_fatal(error):
            return PositionConflict(
                f"partition {self._partition}: {self._who} is owned by another process by now "
                f"({error.args[0].str()}); end this one, or acquire the partition again"
            )
        if error.args[0].code() == KafkaError.MSG_SIZE_TOO_LARGE:  # however often it is tried
            return self._too_large(f"the broker refuses it ({error.args[0].str()})")
        return explained(self._settings, error)

    def _too_large(self, what: str) -> ValueError:
        return ValueError(
            f"{what}, the log takes {self._settings.max_message_bytes:,}: "
            "raise [kafka] max_message_bytes and apply the topics"
        )
