"""Produces a message with a header whose name is not UTF-8: `python -m tests.worker.odd_header JSON`.

No client for Python lets anybody say such a name. aiokafka without its compiled parts
(AIOKAFKA_NO_EXTENSIONS) asks a string to encode itself, which ours does oddly.
"""

import asyncio
import sys

import msgspec
from aiokafka import AIOKafkaProducer


class Arguments(msgspec.Struct):
    """What the process is told."""

    bootstrap: str
    topic: str
    partition: int
    key: bytes
    value: bytes


class OddName(str):
    """A header's name that is no text."""

    def encode(self, *_: object) -> bytes:
        """Return two bytes that begin no character."""
        return b"\xff\xfe"


async def main(told: Arguments) -> None:
    """Produce it."""
    producer = AIOKafkaProducer(bootstrap_servers=told.bootstrap)
    await producer.start()
    headers = [("schema", b"1"), (OddName("xx"), b"odd")]
    await producer.send_and_wait(told.topic, told.value, told.key, told.partition, headers=headers)
    await producer.stop()


if __name__ == "__main__":
    asyncio.run(main(msgspec.json.decode(sys.argv[1], type=Arguments)))
