"""Appending signals that may be there already, as the log's contract asks of `Log.append`.

No process of ours appends to Kafka this way: `limen import` writes a home's SQLite, connectors go through
the producer. It is here so that this log does all that the contract and its suite ask
(`tests/log_contract.py`).

The first append to a partition reads all of it, and each later one what was added since, so that every id is
known. Appends are not transactions, for then the broker's offsets would have gaps: after an error the first
few signals of a call may be in the log, in order. Appended again, they are known by their ids.
"""

import threading
from collections.abc import Callable, Sequence

from streams.kafka.ids import PartitionIds
from streams.kafka.producer import Refusal, Sent, SignalProducer
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.known_ids import ids_of
from streams.log import Appended, Draft, LogUnavailable


class Appender:
    """Appends to any partition. Several threads may append, each to partitions of its own."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._known: dict[int, tuple[PartitionIds, PartitionReader]] = {}
        self._writing = threading.Lock()
        self._producer: SignalProducer | None = None
        self._outcomes: list[Sent | Refusal] = []

    def append(
        self, partition: int, signals: Sequence[Draft], bounds: Callable[[], tuple[int, int]]
    ) -> Appended:
        """Append what the partition does not have yet; `bounds` tells its first offset and its head.

        Where others append at the same time, their signals may stand between `first_offset` and
        `next_offset`; two that append the same id at the same moment both get it in.

        Raises:
            LogUnavailable: the broker does not answer, or not all of it was taken in time.
            LogCorrupt: the partition's offsets have gaps.
            ValueError: an id is not 32 hexadecimal digits, or a signal is larger than a message may be.
        """
        wanted = ids_of(signal.id for signal in signals)
        self._check_sizes(signals)
        first, head = bounds()
        ids, reader = self._known_ids(partition)
        ids.catch_up(reader, first, head)
        fresh = ids.fresh(wanted)
        if not len(fresh):
            return Appended([], len(signals), head, head)
        new = fresh.tolist()
        offsets = self._write(partition, [signals[place] for place in new])
        if offsets[0] == ids.scanned_to and offsets[-1] - offsets[0] == len(fresh) - 1:
            ids.add(wanted[fresh])
            ids.scanned_to = offsets[-1] + 1
        return Appended(new, len(signals) - len(new), offsets[0], offsets[-1] + 1)

    def release(self, partition: int) -> None:
        """Forget the ids of a partition."""
        _, reader = self._known.pop(partition, (None, None))
        if reader is not None:
            reader.close()

    def close(self) -> None:
        """Let go of the broker."""
        for partition in list(self._known):
            self.release(partition)
        with self._writing:
            if self._producer is not None:
                self._producer.close()

    def _known_ids(self, partition: int) -> tuple[PartitionIds, PartitionReader]:
        if partition not in self._known:
            topic = topic_name(self._settings, Topic.SIGNALS)
            self._known[partition] = PartitionIds(), PartitionReader(self._settings, topic, partition)
        return self._known[partition]

    def _write(self, partition: int, signals: Sequence[Draft]) -> list[int]:
        with self._writing:
            self._outcomes.clear()
            producer = self._producer = self._producer or SignalProducer(self._settings, self._settled)
            try:
                for signal in signals:
                    producer.send(signal, partition)
                left = producer.flush(self._settings.wait_seconds)
                if left:
                    raise LogUnavailable(
                        f"Kafka at {self._settings.bootstrap_servers}: {left:,} of {len(signals):,} signals "
                        f"were not taken within {self._settings.wait_seconds:g} s; append them again"
                    )
            except BaseException:
                producer.close()
                self._producer = None
                raise
            offsets = []
            for outcome in self._outcomes:
                if isinstance(outcome, Refusal):
                    raise ValueError(outcome.detail)
                offsets.append(outcome.offset)
            return offsets

    def _settled(self, _signal: Draft, outcome: Sent | Refusal) -> None:
        self._outcomes.append(outcome)

    def _check_sizes(self, signals: Sequence[Draft]) -> None:
        most = self._settings.max_message_bytes
        for signal in signals:
            if len(signal.wire) + len(signal.site.encode()) > most:
                raise ValueError(
                    f"the signal {signal.id} is {len(signal.wire):,} bytes, the log takes {most:,}: "
                    "raise [kafka] max_message_bytes and apply the topics"
                )
