"""Faust's Kafka transport, changed in five places.

Whole blocks: Faust spends 70 µs on every message on its way from fetch to agent. A signal is one of very
many, and order and position are ours to keep; so a fetched block of a partition is handed on as one message.
No commits, and only what is wanted. A way round what Faust's client cannot read: where the name of a header
is not UTF-8, it fails at that message for ever. And it does not start before a broker knows of brokers.
"""

import asyncio
from collections.abc import Iterable, Mapping
from contextlib import suppress
from typing import Any, Final, Protocol, cast

from aiokafka.errors import (  # type: ignore[import-untyped]
    IllegalStateError,
    KafkaConnectionError,
)
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

_UNWANTED_SECONDS: Final = 0.005
"""How soon a partition that has room again is asked for, while others have or have not."""


class Intake(Protocol):
    """What decides which partitions are fetched, and from where."""

    def wants(self, partition: int) -> bool:
        """Return whether the partition has room for more."""

    def take_rewinds(self) -> Mapping[int, int]:
        """Return the partitions to be read from other offsets than they stand at; each is told once."""

    async def read_around(self, partitions: Iterable[int]) -> None:
        """Read what these partitions want next without Faust, and have it go on behind that.

        What its client had read of any of them when it failed at one is lost to it.
        """


class _Thread(driver.AIOKafkaConsumerThread):
    async def on_start(self) -> None:
        """Connect.

        A broker that wakes up may say for a moment that there is no broker at all. Faust's client goes on
        with that, fails when it looks for the group, and neither tries again nor ends.

        Raises:
            KafkaConnectionError: no broker answers, or one that knows of none.
        """
        await super().on_start()
        if not self._ensure_consumer()._client.cluster.brokers():
            raise KafkaConnectionError("the broker knows of no brokers yet")

    async def crash(self, exc: BaseException) -> None:
        """Tell who waits for the start, if anybody does; the worker looks for the reason in any case."""
        if self._thread_running is not None:
            self.parent_loop.call_soon_threadsafe(self._thread_running.add_done_callback, _heard)
        await super().crash(exc)

    def on_crash(self, *_: Any, **__: Any) -> None:
        """Print nothing: who waits for the start is told, and so is the library's log."""

    def _start_thread(self) -> None:
        with suppress(KafkaConnectionError):
            super()._start_thread()


def _heard(running: "asyncio.Future[None]") -> None:
    """Take the reason, or Python prints that nobody did."""
    if not running.cancelled():
        running.exception()


class Consumer(driver.Consumer):
    """Gives blocks: the value of a message is the list of a partition's records fetched together.

    It never commits: the position is part of the transaction that holds the events.
    """

    def _new_consumer_thread(self) -> _Thread:
        return _Thread(self, loop=self.loop, beacon=self.beacon)

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Do nothing."""
        return False

    async def _commit(self, *_: Any, **__: Any) -> bool:
        return False

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> dict[TP, Any]:
        # Here, and only here, nothing of an earlier fetch is on its way through Faust's fetcher.
        transport = cast("Transport", self.transport)
        for partition, offset in transport.intake.take_rewinds().items():
            try:
                await self.seek_wait({TP(transport.topic, partition): offset})
            except IllegalStateError:
                continue  # it is no longer ours: whoever has it now knows its position
        wanted = {tp for tp in active_partitions or () if transport.intake.wants(tp.partition)}
        if not wanted:
            await asyncio.sleep(_UNWANTED_SECONDS)
            return {}
        if wanted != active_partitions:
            timeout = _UNWANTED_SECONDS
        try:
            records = await super()._getmany(wanted, timeout)
        except UnicodeDecodeError:
            await transport.intake.read_around([tp.partition for tp in wanted])
            return {}
        return {tp: [block] for tp, block in records.items() if block}

    def _to_message(self, tp: TP, record: Any) -> ConsumerMessage:
        last = record[-1]
        return ConsumerMessage(
            tp.topic, tp.partition, last.offset, last.timestamp / 1_000, last.timestamp_type,
            [], None, record, None, None, None, tp, generation_id=self.app.consumer_generation_id,
        )  # fmt: skip


class Transport(driver.Transport):
    """Faust's transport with our consumer, which asks `intake` about the partitions of `topic`."""

    Consumer = Consumer

    def __init__(self, *args: Any, intake: Intake, topic: str, **kwargs: Any) -> None:
        self.intake, self.topic = intake, topic
        super().__init__(*args, **kwargs)
