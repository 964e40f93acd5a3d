"""What is in Kafka's quarantine: messages that were not what their topic is for.

They were no signals (source `log`), no commands (`commands`) or no uses for the second stage (`persons`).
An entry stands in the partition its message came from. Its number is its own offset there; `offset` is where
the message stands in its topic. See `streams.kafka.quarantining` for what is cut.
"""

from base64 import b64encode
from collections.abc import Sequence
from typing import Any, Final

from domain.times import iso
from infra.answers.quarantine import SHOWN_BYTES
from infra.failure import WrongUse
from streams.kafka.headers import header, headers_of
from streams.kafka.reader import Message, PartitionReader
from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name
from streams.quarantine import Status

_BATCH: Final = 64
"""Messages held at once: each may be a megabyte long."""


def list_quarantined(
    settings: KafkaSettings, partitions: Sequence[int], status: str | None = None
) -> list[dict[str, Any]]:
    """Return the entries of these partitions, each with the beginning of its raw bytes.

    Nothing is read again from here, so all entries are open.

    Raises:
        LogUnavailable: the broker does not answer, or has no such topic.
    """
    found: list[dict[str, Any]] = []
    if status == Status.RETRIED:
        return found
    for partition in partitions:
        with _reader(settings, partition) as reader:
            reader.seek(reader.bounds()[0])
            for messages in reader.rest(_BATCH):
                found += [_entry(message, SHOWN_BYTES) for message in messages]
    return found


def show_quarantined(settings: KafkaSettings, partition: int, number: int) -> dict[str, Any]:
    """Return one entry with all the bytes there are of it: as text, and in base64 to the byte.

    Raises:
        WrongUse: there is none of this number.
        LogUnavailable: the broker does not answer, or has no such topic.
    """
    with _reader(settings, partition) as reader:
        first, end = reader.bounds()
        if first <= number < end:
            reader.seek(number)
            for messages in reader.rest(1):
                if messages[0].offset() != number:
                    break  # a transaction's marker stands there
                return {
                    **_entry(messages[0], None),
                    "raw_base64": b64encode(messages[0].value() or b"").decode(),
                }
    raise WrongUse(
        f"the quarantine has no entry {number} in partition {partition}: see 'limen quarantine list --kafka'"
    )


def _reader(settings: KafkaSettings, partition: int) -> PartitionReader:
    return PartitionReader(settings, topic_name(settings, Topic.QUARANTINE), partition)


def _entry(message: Message, shown_bytes: int | None) -> dict[str, Any]:
    headers = headers_of(message)

    def said(name: str) -> str | None:
        return _text(header(headers, name))

    raw = message.value() or b""
    offset, received_at, size = (_number(said(name)) for name in ("offset", "received-at", "bytes"))
    return {
        "partition": message.partition(),
        "number": message.offset(),
        "status": str(Status.OPEN),
        "source": said("source"),
        "offset": offset,
        "reason": said("reason"),
        "detail": said("detail"),
        "received_at": None if received_at is None else iso(received_at),
        "key": _text(message.key()),
        "bytes": len(raw) if size is None else size,
        "digest": said("digest"),
        "raw": _text(raw[:shown_bytes]),
    }


def _text(raw: bytes | None) -> str | None:
    return None if raw is None else raw.decode(errors="backslashreplace")


def _number(text: str | None) -> int | None:
    return int(text) if text and text.isdecimal() else None
