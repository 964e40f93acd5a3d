"""Reading a partition in bulk: what a broker sends becomes columns, without an object for each message.

confluent-kafka makes an object of each message, and a list of its headers where it is asked for, which takes
longer than to decide it. So here aiokafka only connects, finds the leader and fetches, and the bytes that
come are read as they are (`streams.kafka.record_batches`; decision 21).
"""

import asyncio
import itertools
import logging
from collections.abc import Generator
from typing import Any, Final, NamedTuple

from aiokafka.client import AIOKafkaClient  # type: ignore[import-untyped]
from aiokafka.errors import (  # type: ignore[import-untyped]
    KafkaError,
    OffsetOutOfRangeError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.protocol.fetch import FetchRequest  # type: ignore[import-untyped]
from aiokafka.structs import TopicPartition  # type: ignore[import-untyped]

from streams.kafka.errors import no_topic, unavailable
from streams.kafka.record_batches import Batch, Corrupt, batches, messages_in
from streams.kafka.security import security
from streams.kafka.settings import KafkaSettings
from streams.log import LogCorrupt, LogError, SignalsGone
from streams.messages import Messages

_FETCHED_BYTES: Final = 1 << 20
"""What is asked for at once: the next is on its way while this is decided, and sockets hold no more."""
_ENOUGH: Final = 10_000
"""Messages of a block, unless fewer come: so many hide what a block costs."""
_ENOUGH_BYTES: Final = 4 * _FETCHED_BYTES
"""Likewise, of whatever size: what is packed into so many is held at once."""
_WAIT_MS: Final = 100
_NEVER_MS: Final = 24 * 3_600_000
"""A request is given up by who waits for it: while a block is decided, which may take long, nobody does."""
_PAUSE_SECONDS: Final = 0.05
_FIELDS_OF_VERSION_4: Final = 6
"""Of a partition in the answer to a fetch: later versions have one more before the transactions given up."""
_COMMITTED: Final = 1
"""Kafka's isolation level: only what is committed."""

logging.getLogger("aiokafka").addHandler(logging.NullHandler())  # what it would print is raised


class _Fetched(NamedTuple):
    """Batches, the offset behind them, and the one behind the last that is committed."""

    batches: list[Batch]
    place: int
    end: int


def read_blocks(
    settings: KafkaSettings, topic: str, partition: int, from_offset: int, to_offset: int
) -> Generator[Messages, None, None]:
    """Yield the committed messages of a partition in a range of the broker's offsets, many at a time.

    What is not written yet is not waited for. Not to be used in a thread that runs an event loop.

    Raises:
        UnsupportedClient: TLS or SASL are set in a way in which aiokafka cannot connect.
        LogUnavailable: the broker does not answer.
        LogCorrupt: what it sent cannot be read.
        SignalsGone: the range begins before the first message there is.
    """
    if from_offset >= to_offset:
        return
    with asyncio.Runner() as runner:
        source = _Partition(settings, topic, partition)
        loop = runner.get_loop()
        fetching = loop.create_task(source.fetch(from_offset, to_offset))
        try:
            waiting, place, is_over = list[Batch](), from_offset, False
            while not is_over:
                fetched = runner.run(source.result(fetching))
                is_over = fetched.place >= min(to_offset, fetched.end)
                if not is_over:
                    fetching = loop.create_task(source.fetch(fetched.place, to_offset))
                    runner.run(asyncio.sleep(0))  # the request is sent
                waiting += fetched.batches
                if waiting and (is_over or _are_enough(waiting)):
                    block = source.block(waiting, place, to_offset)
                    waiting, place = [], fetched.place
                    if len(block):
                        yield block
        finally:
            fetching.cancel()
            runner.run(source.close(fetching))


def _are_enough(waiting: list[Batch]) -> bool:
    return (
        sum(batch.records for batch in waiting) >= _ENOUGH
        or sum(len(batch.packed) for batch in waiting) >= _ENOUGH_BYTES
    )


class _Partition:
    """A partition and the client that fetches it."""

    def __init__(self, settings: KafkaSettings, topic: str, partition: int) -> None:
        """Make one that connects at its first fetch.

        Raises:
            UnsupportedClient: as `read_blocks`.
        """
        self._settings, self._topic, self._partition = settings, topic, partition
        self._security = security(settings.client)
        servers = [server.strip() for server in settings.bootstrap_servers.split(",")]
        self._servers = itertools.cycle(servers)
        self._connecting_seconds = settings.wait_seconds / (len(servers) + 1)
        """A server that says nothing for so long leaves time to ask all others."""
        self._client: Any = None
        self._failed: Exception | None = None

    async def fetch(self, offset: int, to_offset: int) -> _Fetched:
        """Return what comes from an offset on, below another; nothing where that is behind the last message.

        What may pass is tried again, for as long as anybody waits.
        """
        while True:
            try:
                return await self._fetch(offset, to_offset)
            except (KafkaError, OSError) as error:
                self._failed = error
                if isinstance(error, KafkaError) and not error.retriable:
                    raise
            await asyncio.sleep(_PAUSE_SECONDS)

    async def result(self, fetching: "asyncio.Task[_Fetched]") -> _Fetched:
        """Wait for what `fetch` returns. Only this takes time: deciding what came before does not count.

        Raises:
            LogUnavailable, LogCorrupt, SignalsGone: as `read_blocks`.
        """
        self._failed = None
        try:
            return await asyncio.wait_for(fetching, self._settings.wait_seconds)
        except OffsetOutOfRangeError as error:
            raise SignalsGone(
                f"{self._topic}: what was asked for of partition {self._partition} is not there any more, or "
                "never was; the topic's retention has passed it"
            ) from error
        except Corrupt as error:
            raise LogCorrupt(f"{self._topic}, partition {self._partition}: {error}") from error
        except (KafkaError, TimeoutError) as error:
            raise self._explained(self._failed or error) from error

    def block(self, found: list[Batch], from_offset: int, to_offset: int) -> Messages:
        """Return the messages of batches that stand in a range of offsets.

        Raises:
            LogCorrupt: they cannot be read.
        """
        try:
            messages = messages_in(found)
        except Corrupt as error:
            raise LogCorrupt(f"{self._topic}, partition {self._partition}: {error}") from error
        first, last = messages.places["offset"].searchsorted((from_offset, to_offset))
        return messages[first:last]

    async def close(self, fetching: "asyncio.Task[_Fetched]") -> None:
        """Let go of the broker, and of what was asked for, whatever becomes of it."""
        await asyncio.gather(fetching, return_exceptions=True)
        if self._client is not None:
            await self._client.close()

    async def _fetch(self, offset: int, to_offset: int) -> _Fetched:
        client = await self._connected()
        leader = client.cluster.leader_for_partition(TopicPartition(self._topic, self._partition))
        if leader in (None, -1):
            await client.force_metadata_update()
            raise UnknownTopicOrPartitionError
        wanted = [(self._topic, [(self._partition, offset, _FETCHED_BYTES)])]
        answer = await client.send(leader, FetchRequest(_WAIT_MS, 1, _FETCHED_BYTES, _COMMITTED, wanted))
        if not answer.topics:  # a quota of the broker's holds us back: it answers, if with nothing
            return _Fetched([], offset, offset + 1)
        ((_, (told,)),) = answer.topics
        code, end, fetched = told[1], told[3], told[-1]
        aborted = told[4 if len(told) == _FIELDS_OF_VERSION_4 else 5]
        if code:
            await client.force_metadata_update()
            raise for_code(code)
        found, place = batches(fetched, aborted or (), offset, to_offset)
        if place <= offset < end:
            raise TimeoutError  # nothing came of what is there
        return _Fetched(found, place, end)

    async def _connected(self) -> Any:
        """Return the client, connected; one that could not connect is made anew, with the next server."""
        if self._client is None:
            client = AIOKafkaClient(
                bootstrap_servers=next(self._servers),
                client_id=str(self._settings.client.get("client.id", "limen")),
                request_timeout_ms=_NEVER_MS,
                **self._security.told_to_aiokafka(),
            )
            try:
                async with asyncio.timeout(self._connecting_seconds):
                    await client.bootstrap()
                    # Of all topics: asked for one that is missing, a broker may make it.
                    await client.force_metadata_update()
            except BaseException:
                await client.close()
                raise
            self._client = client
        return self._client

    def _explained(self, error: Exception) -> LogError:
        if isinstance(error, UnknownTopicOrPartitionError):
            return no_topic(f"partition {self._partition} of {self._topic}")
        said = f"{self._topic}, partition {self._partition}: {str(error) or 'nothing came'}"
        return unavailable(self._settings, said)
