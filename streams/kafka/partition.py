"""What a log in Kafka holds open for one partition."""

import threading

from streams.kafka.events import EventReader
from streams.kafka.position import Committed
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.kafka.writer import PartitionWriter


class Partition:
    """What is open for one partition. Whoever holds the lock may use all of it."""

    def __init__(self, settings: KafkaSettings, partition: int) -> None:
        self.lock = threading.RLock()
        self._settings, self._partition = settings, partition
        self._signals: PartitionReader | None = None
        self._events: EventReader | None = None
        self.head = 0
        """Behind the last signal, when somebody last looked."""
        self.writer: PartitionWriter | None = None
        """Of its owner, if that is us."""
        self.committed = Committed(0, 0)
        """What is decided, where there is a writer."""
        self.lost: str | None = None
        """Why we are its owner no more, where we were."""

    @property
    def signals(self) -> PartitionReader:
        """What reads its signals; opened when it is wanted."""
        topic = topic_name(self._settings, Topic.SIGNALS)
        self._signals = self._signals or PartitionReader(self._settings, topic, self._partition)
        return self._signals

    @property
    def events(self) -> EventReader:
        """What reads its events; opened when it is wanted."""
        topic = topic_name(self._settings, Topic.EVENTS)
        self._events = self._events or EventReader(self._settings, topic, self._partition)
        return self._events

    def idle(self) -> None:
        """Fetch nothing, and hold nothing that was fetched ahead."""
        for opened in (self._signals, self._events):
            if opened is not None:
                opened.idle()

    def close_readers(self) -> None:
        """Let go of what reads it."""
        for opened in (self._signals, self._events):
            if opened is not None:
                opened.close()
        self._signals = self._events = None

    def close(self) -> None:
        """Let go of everything; nothing is written."""
        self.close_readers()
        self.writer = None
