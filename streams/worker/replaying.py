"""Replaying a partition: its signals in Kafka decided again, and compared with the events in Kafka."""

import itertools
from contextlib import closing

import msgspec

from streams.admission import Limits
from streams.collection import rare_collection
from streams.comparison import Difference, first_difference
from streams.kafka.blocks import read_blocks
from streams.kafka.lookups import Lookups
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import LogCorrupt
from streams.worker.partition import PartitionDecider


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
    with closing(Lookups(settings)) as lookups:
        end = lookups.committed(partition)
    decider = PartitionDecider(msgspec.structs.replace(limits, partition=partition))
    events, difference = 0, None
    signals = topic_name(settings, Topic.SIGNALS)
    with (
        rare_collection(),
        closing(_Logged(settings, partition, end.events_head)) as logged,
        closing(read_blocks(settings, signals, partition, 0, end.position)) as blocks,
    ):
        for block in blocks:
            try:
                decided = decider.decide_wires(block)
            except ValueError as error:
                raise LogCorrupt(f"{signals}, partition {partition}: {error}") from error
            if difference is None:
                difference = first_difference(decided, logged.take(len(decided)), events)
            events += len(decided)
        if decider.position != end.position:
            raise LogCorrupt(
                f"{signals}, partition {partition}: it ends at {decider.position}, but signals are decided "
                f"up to {end.position}: the topic was made anew under the group {settings.group!r}, or lost "
                "its end"
            )
        if difference is None and (more := logged.take(1)):
            difference = Difference(events, more[0], None)
    return Replayed(partition, decider.position, events, difference)


class _Logged:
    """A partition's events below a number, in order. Only their bytes are read."""

    def __init__(self, settings: KafkaSettings, partition: int, head: int) -> None:
        self._left = head
        topic = topic_name(settings, Topic.EVENTS)
        self._blocks = read_blocks(settings, topic, partition, 0, 1 << 62)
        self._values = itertools.chain.from_iterable(block.values() for block in self._blocks)

    def take(self, count: int) -> list[bytes | None]:
        """Return the next so many, or those that are left."""
        taken = list(itertools.islice(self._values, min(count, self._left)))
        self._left -= len(taken)
        return taken

    def close(self) -> None:
        """Let go of the broker."""
        self._blocks.close()
