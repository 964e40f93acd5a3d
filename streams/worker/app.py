"""The Faust application of a worker, built when it is wanted and never at import.

Faust finds the group's other members, shares the partitions with them, fetches, and calls the one agent;
everything that makes the result exact is in `pump` and `owner`.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Final, cast

import faust
import structlog
from aiokafka.errors import KafkaError  # type: ignore[import-untyped]
from faust.app.base import BootStrategy
from faust.types import TP

from streams.admission import Message
from streams.log import LogError, LogUnavailable, PositionConflict
from streams.worker.credentials import credentials
from streams.worker.owner import WORTH_KEEPING, Observer, PartitionLog, PartitionOwner, Plan
from streams.worker.pump import Pace, Pump
from streams.worker.transport import Transport

_BUFFERED_BLOCKS: Final = 16
_POLL_SECONDS: Final = 0.1
_NEVER_SECONDS: Final = 1e9
"""Faust's client leaves the group for ever when it has asked for nothing for as long as it may take to poll.
A worker does so for any time: as a standby without partitions, while it takes over, while the log is away.
That its loop goes round is what `beat` tells."""
_AROUND: Final = 5_000
"""Messages read at once beside Faust."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Membership:
    """How a worker takes part in its group.

    Attributes:
        bootstrap_servers: `host:port`, several with commas.
        group: the consumer group's name.
        topic: the signals topic.
        session_seconds: after so long without a heartbeat a worker's partitions go to others.
        fetch_bytes: of one partition at once; at least the largest message.
        threads: partitions decided and committed at the same time.
        client: librdkafka's settings for TLS and SASL, as the log's.
        folder: for what Faust wants to write; nothing of it is needed again.
    """

    bootstrap_servers: str
    group: str
    topic: str
    session_seconds: float
    fetch_bytes: int
    threads: int
    folder: str
    client: Mapping[str, Any] = field(default_factory=dict)


class _Boot(BootStrategy):
    """Starts no producer of Faust's: what we write, we write in transactions of our own."""

    enable_kafka_producer = False


class Worker:
    """Decides the partitions that the group gives it, until `stop` is called or it has to end.

    A partition that fails is held: the worker keeps it and does not decide it, so that what is wrong with it
    does not go on to the other workers, and the others go on. Without `hold`, the worker ends. It ends in any
    case where others have what it believes to have, and the group says nothing of it: a `PositionConflict`.
    `failure` is what it ended for, or else what failed first: an `EngineDefect`, or an error of the log.
    `LogUnavailable`: Faust gave a broker up, above all while it started; another worker may begin anew.
    """

    def __init__(
        self,
        log: PartitionLog,
        membership: Membership,
        plan: Plan,
        pace: Pace,
        observer: Observer,
        *,
        hold: bool = True,
    ) -> None:
        self._partition_log, self._membership, self._plan, self._pace = log, membership, plan, pace
        self._observer, self._hold = observer, hold
        self._pumps: dict[int, Pump] = {}
        self._threads = ThreadPoolExecutor(membership.threads, "partition")
        self._over = asyncio.Event()
        self._log = structlog.get_logger()
        self.failure: Exception | None = None
        self._generation: int | None = None
        """The group's generation that shared the partitions out last."""
        self.has_joined = False
        """Whether the group has shared out the partitions, though it may have given us none."""
        self.app = self._built()

    def stop(self) -> None:
        """Drain: finish the batches in hand, keep the states, leave the group. From the loop's thread."""
        self._over.set()

    @property
    def partitions(self) -> Mapping[int, bool]:
        """The partitions it has, and whether each is live already."""
        return {partition: pump.is_live for partition, pump in self._pumps.items()}

    @property
    def held(self) -> Mapping[int, Exception]:
        """The partitions it has but does not decide any further, and why; those that went are not there."""
        failures = {partition: pump.failure for partition, pump in self._pumps.items()}
        return {partition: error for partition, error in failures.items() if error is not None}

    @property
    def positions(self) -> Mapping[int, int | None]:
        """The committed position of each of its partitions, None where nobody knows yet. For any thread."""
        return {partition: pump.committed for partition, pump in list(self._pumps.items())}

    async def run(self, beat: Callable[[], None] = lambda: None) -> None:
        """Run until stopped; `beat` is called several times a second while the loop goes round."""
        try:
            crash = await self._serve(beat)
            if crash is not None:
                self.failure = self.failure or self._failure_of(crash)
        finally:
            self._over.set()  # from here on nothing is taken over
            await self._close(list(self._pumps), worth_keeping=1)
            await self.app.stop()
            self._threads.shutdown()

    async def _serve(self, beat: Callable[[], None]) -> BaseException | None:
        """Run until stopped; return what Faust failed with, which it raises or not by who is faster."""
        try:
            await self.app.start()
            while not self._over.is_set() and not self.app.crashed:
                beat()
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._over.wait(), _POLL_SECONDS)
        except KafkaError as error:
            return cast(BaseException, error)
        return self.app.crash_reason if self.app.crashed else None

    def _failure_of(self, crash: BaseException) -> Exception:
        if isinstance(crash, KafkaError) and crash.retriable:
            return LogUnavailable(f"Kafka at {self._membership.bootstrap_servers}: {crash}")
        return RuntimeError(f"Faust failed: {crash!r}")

    # --- what the transport asks ---

    def wants(self, partition: int) -> bool:
        """Return whether the partition has room for more."""
        pump = self._pumps.get(partition)
        return pump is not None and pump.wants_more

    def take_rewinds(self) -> Mapping[int, int]:
        """Return the partitions to be read from other offsets than they stand at; each is told once."""
        asked = {partition: pump.take_rewind() for partition, pump in self._pumps.items()}
        return {partition: offset for partition, offset in asked.items() if offset is not None}

    async def read_around(self, partitions: Iterable[int]) -> None:
        """Read what these partitions want next from the log itself, and have Faust go on behind that."""
        loop = asyncio.get_running_loop()
        for pump in [self._pumps[partition] for partition in partitions if partition in self._pumps]:
            if (offset := pump.next_offset) is None:
                continue
            try:
                messages = await loop.run_in_executor(self._threads, self._read, pump.partition, offset)
            except LogError as error:
                self._log.warning("partition not read", partition=pump.partition, error=str(error))
                messages = []
            pump.put_around(messages)

    def _read(self, partition: int, offset: int) -> Sequence[Message]:
        try:
            return self._partition_log.messages(partition, offset, _AROUND)
        finally:
            self._partition_log.close_readers(partition)

    # --- what Faust tells ---

    def _built(self) -> faust.App:
        membership = self._membership
        urls = [f"kafka://{server.strip()}" for server in membership.bootstrap_servers.split(",")]
        app = faust.App(
            membership.group,
            env={},  # or BROKER_URL and many another variable, set for whatever else, would outrank these
            broker=urls,
            broker_credentials=credentials(membership.client),
            broker_session_timeout=membership.session_seconds,
            broker_heartbeat_interval=membership.session_seconds / 4,
            broker_request_timeout=max(40.0, 2 * membership.session_seconds),
            broker_max_poll_interval=_NEVER_SECONDS,
            consumer_auto_offset_reset="earliest",
            consumer_max_fetch_size=membership.fetch_bytes,
            stream_buffer_maxsize=_BUFFERED_BLOCKS,
            stream_wait_empty=False,
            topic_disable_leader=True,
            web_enabled=False,
            autodiscover=False,
            store="memory://",
            datadir=membership.folder,
            loop=asyncio.get_running_loop(),
        )
        app.boot_strategy = _Boot(app)
        app.transport = Transport(app.conf.broker_consumer, app, intake=self, topic=membership.topic)
        # Faust keeps a list of everything acknowledged until it commits, which it never does.
        topic = app.topic(membership.topic, schema=_Blocks(), acks=False)

        async def take(stream: Any) -> None:
            async for event in stream.events():
                pump = self._pumps.get(event.message.partition)
                if pump is not None:
                    pump.put(event.value)

        app.agent(topic, name="decide")(take)
        app.on_partitions_revoked.connect(self._revoked, weak=False)
        app.on_partitions_assigned.connect(self._assigned, weak=False)
        return app

    async def _revoked(self, *told: Any, **_: Any) -> None:
        """Come to rest before others may get what we have; which ones, nobody knows yet."""
        revoked: Iterable[TP] = told[1]
        ours = [self._pumps[tp.partition] for tp in revoked if tp.partition in self._pumps]
        await asyncio.gather(*(pump.pause(WORTH_KEEPING) for pump in ours))

    async def _assigned(self, *told: Any, **_: Any) -> None:
        """Go on with what stayed, let go of what went, and take over what came.

        What stayed may have been somebody else's where the group has shared out the partitions without us:
        then its generation is not the one behind the last that we know.
        """
        assigned: Iterable[TP] = told[1]
        if self._over.is_set():
            return
        self.has_joined = True
        last, self._generation = self._generation, self.app.consumer_generation_id
        anew = last is None or self._generation != last + 1
        now = {tp.partition for tp in assigned if tp.topic == self._membership.topic}
        await self._close([one for one in self._pumps if one not in now], worth_keeping=WORTH_KEEPING)
        if self._over.is_set():  # meanwhile: what is taken over now, nobody would let go of
            return
        for partition in sorted(now):
            if partition in self._pumps:
                self._pumps[partition].resume(anew=anew)
            else:
                self._pumps[partition] = self._pump(partition)
        self._log.info("partitions assigned", partitions=sorted(now))

    def _pump(self, partition: int) -> Pump:
        loop = asyncio.get_running_loop()
        return Pump(
            PartitionOwner(self._partition_log, partition, self._plan, self._observer),
            partition,
            self._pace,
            run=lambda work: loop.run_in_executor(self._threads, work),
            failed=self._failed,
            word_seconds=2 * self._membership.session_seconds,  # to notice, and for all to come together
        )

    def _failed(self, partition: int, error: Exception) -> None:
        self._log.error("partition failed", partition=partition, error=str(error))
        self._observer.stopped(partition, error)
        ends = isinstance(error, PositionConflict) or not self._hold
        if self.failure is None or (ends and not self._over.is_set()):
            self.failure = error
        if ends:
            self._over.set()

    async def _close(self, partitions: Iterable[int], worth_keeping: int) -> None:
        await asyncio.gather(*(self._pumps.pop(one).close(worth_keeping) for one in partitions))


class _Blocks(faust.Schema[Any, Any]):
    """Hands a message's value on as it is: a list of records is nothing to decode."""

    def loads_key(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        """Return no key: a block has many."""
        return None

    def loads_value(self, app: Any, message: Any, *, loads: Any = None, serializer: Any = None) -> Any:  # noqa: ARG002
        """Return the block."""
        return message.value
