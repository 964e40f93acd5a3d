"""Replaying a partition: its signals in Kafka decided again, and compared with the events in Kafka."""

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Final

import msgspec
import pyarrow as pa
from confluent_kafka import Consumer

from streams.kafka.position import committed
from streams.kafka.reader import Records, read_range
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogCorrupt
from streams.worker.admission import Limits
from streams.worker.bulk import BulkDecider

SIGNALS: Final = 50_000
"""Signals decided at once: what a site costs in each batch is spread over many."""
_EVENTS: Final = 10_000


class Difference(msgspec.Struct, frozen=True):
    """The first event that differs: its running number, and its bytes; None is none."""

    offset: int
    logged: bytes | None
    replayed: bytes | None


class Replayed(msgspec.Struct, frozen=True):
    """What replaying a partition came to: what was decided again, and the first difference, if any."""

    partition: int
    signals: int
    events: int
    difference: Difference | None


def replay_partition(settings: KafkaSettings, limits: Limits, partition: int) -> Replayed:
    """Decide again, from nothing, all signals that are decided, and compare the events byte by byte.

    What is committed when it begins counts; workers may go on meanwhile. `limits` must be those under which
    the workers decided. Nothing is written.

    Raises:
        SignalsGone: retention has deleted the first signals or events.
        LogUnavailable, LogCorrupt: they cannot be read.
    """
    lookups = Consumer(settings.consumer())
    try:
        end = committed(settings, lookups, partition)
    finally:
        lookups.close()
    logged = _Logged(settings, partition, end.events_head)
    decider = BulkDecider(limits)
    events, difference = 0, None
    signals = topic_name(settings, Topic.SIGNALS)
    for records in _gathered(read_range(settings, signals, partition, 0, end.position, batch=SIGNALS)):
        try:
            decided = decider.decide(records)
        except ValueError as error:
            raise LogCorrupt(f"{signals}, partition {partition}: {error}") from error
        if difference is None:
            difference = _difference(decided, logged.take(len(decided)), events)
        events += len(decided)
    if decider.position != end.position:
        raise LogCorrupt(
            f"{signals}, partition {partition}: it ends at {decider.position}, but signals are decided up to "
            f"{end.position}: the topic was made anew under the group {settings.group!r}, or lost its end"
        )
    if difference is None and (more := logged.take(1)):
        difference = Difference(events, more[0], None)
    return Replayed(partition, decider.position, events, difference)


def _gathered(parts: Iterable[Records]) -> Iterator[Records]:
    """Put together what the broker's client gives in smaller parts, as it comes."""
    gathered = Records([], [], [], [], [])
    for part in parts:
        gathered.offsets.extend(part.offsets)
        gathered.keys.extend(part.keys)
        gathered.values.extend(part.values)
        gathered.headers.extend(part.headers)
        gathered.timestamps.extend(part.timestamps)
        if len(gathered.offsets) >= SIGNALS:
            yield gathered
            gathered = Records([], [], [], [], [])
    if gathered.offsets:
        yield gathered


class _Logged:
    """A partition's events below a number, in order. Only their bytes are read."""

    def __init__(self, settings: KafkaSettings, partition: int, head: int) -> None:
        self._left = head
        self._values = self._read(settings, partition) if head else iter(())

    def take(self, count: int) -> list[bytes | None]:
        """Return the next so many, or those that are left."""
        taken = list(itertools.islice(self._values, min(count, self._left)))
        self._left -= len(taken)
        return taken

    @staticmethod
    def _read(settings: KafkaSettings, partition: int) -> Iterator[bytes | None]:
        topic = topic_name(settings, Topic.EVENTS)
        batches = read_range(settings, topic, partition, 0, 1 << 62, batch=_EVENTS, headers=False)
        return itertools.chain.from_iterable(records.values for records in batches)


def _difference(decided: Any, logged: list[bytes | None], first: int) -> Difference | None:
    """Return the first difference between wires; the first ones have the number `first`."""
    wires = decided.cast(pa.binary())
    if wires.equals(pa.array(logged, pa.binary())):
        return None
    pairs = itertools.zip_longest(wires.to_pylist(), logged)
    number, (replayed, there) = next((n, pair) for n, pair in enumerate(pairs) if pair[0] != pair[1])
    return Difference(first + number, there, replayed)
