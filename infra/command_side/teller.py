"""The teller: brings decisions into the partitions of the signals log in Kafka, one teller at a time.

Whoever tells a partition has claimed it in PostgreSQL. The claim goes with whoever is killed, and is taken
from whoever is not heard for `CLAIM_SECONDS`. It is checked before each append, and what could not be sent
within `SEND_SECONDS` from then, half of what the claim lasts, is thrown away: a process that stood still, and
wakes up when another tells the partition, has nothing left to send. What it had sent before, the other finds
in the log (`infra.command_side.relay`).

Kafka does not ask who appends, unless in transactions, which would leave gaps among the signals' offsets. So
a gap is left here: where a process stands still for longer than the claim lasts between the check and the
very next step, or bytes sent before reach the broker only after the other has looked for them, the log has a
signal twice. Workers know the second by its id, and tell it as `signal.repeated`.
"""

import time
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

from infra.command_side.application import CommandApplication
from infra.command_side.relay import Relay
from infra.command_side.storage import PostgresStorage
from infra.kafka_loading import newest_times
from streams.kafka.log import KafkaLog
from streams.kafka.telling import Telling
from streams.log import Appended, Draft, SignalsGone, Stored

CLAIM_SECONDS: Final = 60.0
SEND_SECONDS: Final = 30.0


class Teller:
    """Tells the log what an application decided. For one thread.

    Args:
        application: whose decisions they are.
        storage: where they are kept.
        log: is read.
        telling: appends, and gives up within `SEND_SECONDS`.
        topic: the whole name of the signals topic; how far it has been told is remembered under it.
        claim_seconds: how long one who is silent keeps a partition.
    """

    def __init__(
        self,
        application: CommandApplication,
        storage: PostgresStorage,
        log: KafkaLog,
        telling: Telling,
        topic: str,
        claim_seconds: float = CLAIM_SECONDS,
    ) -> None:
        self._application, self._storage = application, storage
        self._log, self._telling, self._topic = log, telling, topic
        self._claim_seconds = claim_seconds
        self._told: dict[int, _Told] = {}

    def tell(self, partition: int) -> int | None:
        """Tell a partition whatever is new; return how many signals were appended, None if another tells it.

        Raises:
            CommandSideUnavailable: PostgreSQL cannot be reached, or the claim was lost; nothing is lost.
            LogUnavailable: Kafka does not answer; likewise.
        """
        name = f"{self._topic}/{partition}"
        with self._storage.claimed(name, self._claim_seconds) as check:
            if check is None:
                return None
            told = self._told.get(partition) or self._told.setdefault(
                partition, self._opened(partition, name)
            )
            told.log.check = check
            told.times.clear()
            return told.relay.run()

    def _opened(self, partition: int, name: str) -> "_Told":
        log, times = ClaimedLog(self._log, self._telling), dict[str, int]()

        def log_time(site: str) -> int:
            """Return what the newest events tell; of a site that tells nothing, its neighbours' time."""
            if not times:
                times.update(newest_times(self._log, partition))
            return times.get(site) or max(times.values(), default=time.time_ns() // 1_000)

        relay = Relay(
            self._application,
            log,
            partition,
            name=name,
            concerns=lambda site: self._log.partition_of(site) == partition,
            log_time=log_time,
        )
        return _Told(relay, log, times)


class ClaimedLog:
    """The log in Kafka, for as long as a partition is claimed; `check` raises when it is not."""

    def __init__(self, log: KafkaLog, telling: Telling) -> None:
        self._log, self._telling = log, telling
        self.check: Callable[[], None] = lambda: None

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append signals, each of which belongs into this partition by its key."""
        del partition
        self.check()
        offsets = [sent.offset for sent in self._telling.write(signals)]
        return Appended(range(len(signals)), 0, min(offsets), max(offsets) + 1)

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return signals; what retention has deleted is passed over."""
        try:
            return self._log.read(partition, from_offset, limit)
        except SignalsGone:
            return self._log.read(partition, self._log.first(partition), limit)

    def head(self, partition: int) -> int:
        """Return where the log ends; asked before anything is remembered about it, so checked as well."""
        self.check()
        return self._log.head(partition)


class _Told(NamedTuple):
    """What is kept for a partition: its relay, and what that works with, renewed with each claim."""

    relay: Relay
    log: ClaimedLog
    times: dict[str, int]
