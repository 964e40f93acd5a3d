"""The ends of the logs, and when what stands in them came: for whoever watches how far behind he is."""

import time
from typing import Final

import msgspec

from domain.times import MILLISECOND_US, SECOND_US
from streams.kafka.events import EventReader
from streams.kafka.lookups import Lookups
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name

_WAIT_SECONDS: Final = 5.0
"""An answer that takes longer is none: to look again is better than to wait."""


class Ends:
    """The ends of the partitions of the logs. For one thread; connects when it is first asked.

    Raises:
        LogUnavailable: librdkafka refuses the settings.
    """

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = msgspec.structs.replace(
            settings, wait_seconds=min(_WAIT_SECONDS, settings.wait_seconds)
        )
        self._topics = {log: topic_name(settings, log) for log in Topic}
        self._lookups = Lookups(self._settings)

    def ask(self) -> None:
        """Ask what partitions there are.

        Raises:
            LogUnavailable: the broker does not answer.
        """
        self._lookups.count_partitions(Topic.SIGNALS)

    def head(self, log: str, partition: int) -> int:
        """Return the number of the next event; of another log, the offset behind what is committed.

        Raises:
            LogUnavailable: the broker does not answer.
        """
        if log == Topic.EVENTS:
            return self._lookups.committed(partition).events_head
        return self._lookups.bounds(self._topics[Topic(log)], partition)[1]

    def appended_at(self, log: str, partition: int, offset: int) -> int:
        """Return when the event of this number, or what stands there, was appended: UTC microseconds.

        Where nothing stands but the mark of a transaction, that is now.

        Raises:
            LogUnavailable: the broker does not answer.
            SignalsGone: it has been deleted.
        """
        if log == Topic.EVENTS:
            events = EventReader(self._settings, self._topics[Topic.EVENTS], partition)
            try:
                ((message,),) = events.pieces(offset, 1)
            finally:
                events.close()
            return message.timestamp()[1] * MILLISECOND_US
        with PartitionReader(self._settings, self._topics[Topic(log)], partition) as reader:
            reader.seek(offset)
            for messages in reader.rest(1):
                return messages[0].timestamp()[1] * MILLISECOND_US
        return round(time.time() * SECOND_US)

    def close(self) -> None:
        """Let go of the broker."""
        self._lookups.close()
