"""Kafka as the target of a forwarder."""

from collections.abc import Callable, Collection, Sequence
from functools import cached_property
from typing import Final

import msgspec

from streams.forwarder import NoAnswerYet, Sent
from streams.kafka.headers import header, headers_of
from streams.kafka.lookups import Lookups
from streams.kafka.producer import Refusal, SignalProducer
from streams.kafka.producer import Sent as Delivered
from streams.kafka.reader import PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.log import Draft, LogUnavailable
from streams.partitioning import partition_of
from streams.spool import Waiting

_LONGEST_WAIT_SECONDS: Final = 5.0


class KafkaTarget:
    """The signals topic, for one thread. See `streams.forwarder.Target`.

    Nothing waits for a silent broker for longer than 5 s, however long the settings wait: whoever uses it
    must be able to end in order, and to say meanwhile that it is alive.
    """

    def __init__(self, settings: KafkaSettings, beat: Callable[[], None] = lambda: None) -> None:
        """Make a target that connects when it is used; `beat` is called every few seconds while it works."""
        self._beat = beat
        self._producing = settings
        seconds = min(settings.wait_seconds, _LONGEST_WAIT_SECONDS)
        settings = self._settings = msgspec.structs.replace(settings, wait_seconds=seconds)
        self._topic = topic_name(settings, Topic.SIGNALS)
        self._lookups = Lookups(settings)
        self._producer: SignalProducer | None = None
        self._page: dict[str, Waiting] = {}
        self._sent = Sent()

    def partition_of(self, site: str) -> int:
        """See `Target.partition_of`.

        Raises:
            LogUnavailable: the broker does not answer, or has no such topic.
        """
        return partition_of(site, self._partitions)

    def ask(self) -> None:
        """See `Target.ask`."""
        self._lookups.count_partitions(Topic.SIGNALS)

    def head(self, partition: int) -> int:
        """See `Target.head`."""
        return self._lookups.bounds(self._topic, partition)[1]

    def find(self, partition: int, from_offset: int, to_offset: int, ids: Collection[str]) -> set[str]:
        """See `Target.find`."""
        wanted = {name.encode(): name for name in ids}
        found: set[str] = set()
        with PartitionReader(self._settings, self._topic, partition) as reader:
            reader.seek(max(from_offset, reader.bounds()[0]))
            for messages in reader.pieces(to_offset - (reader.place or 0)):
                self._beat()
                for message in messages:
                    name = wanted.get(header(headers_of(message), "id") or b"")
                    if name is not None:
                        found.add(name)
        return found

    def send(self, page: Sequence[Waiting]) -> None:
        """See `Target.send`."""
        self._sent, self._page = Sent(), {one.id: one for one in page}
        producer = self._producer = self._producer or SignalProducer(self._producing, self._settled)
        try:
            for one in page:
                producer.send(Draft(one.id, one.site, one.wire), self.partition_of(one.site))
        except LogUnavailable:
            self._give_up()
            raise

    def arrived(self) -> Sent:
        """See `Target.arrived`. Silent for some time is 5 s, or less if the settings wait less."""
        seconds, producer = self._settings.wait_seconds, self._producer
        while producer is not None and (waiting := producer.unsettled):
            self._beat()
            try:
                left = producer.flush(seconds)
            except LogUnavailable:
                self._give_up()
                raise
            if left == waiting and self._is_lost(producer):
                self._give_up()
                raise LogUnavailable(
                    f"Kafka at {self._settings.bootstrap_servers} answers, but not the client that has "
                    f"{left:,} signals under way: what of them is not there is sent anew"
                )
            if left == waiting:
                raise NoAnswerYet(
                    f"Kafka at {self._settings.bootstrap_servers} has not answered for {seconds:g} s; "
                    f"{left:,} signals are under way: bring the broker back, they arrive by themselves"
                )
        return self._sent

    def close(self) -> None:
        """Let go of the broker; closing twice is harmless."""
        self._give_up()
        self._lookups.close()

    def _is_lost(self, producer: SignalProducer) -> bool:
        """Return whether the log answers, and would not hear this client any more; see `Lookups`."""
        try:
            self.ask()
        except LogUnavailable:
            return False
        self._beat()
        return not producer.finds_broker(self._settings.wait_seconds)

    def _give_up(self) -> None:
        if self._producer is not None:
            self._producer.close()
            self._producer = None

    @cached_property
    def _partitions(self) -> int:
        return self._lookups.count_partitions(Topic.SIGNALS)

    def _settled(self, signal: Draft, outcome: Delivered | Refusal) -> None:
        if isinstance(outcome, Refusal):
            self._sent.refused.append((self._page[signal.id], outcome.reason, outcome.detail))
        else:
            self._sent.reached[outcome.partition] = outcome.offset + 1
