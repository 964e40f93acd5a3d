"""What every transaction of ours does: positions in it, and its end where it failed."""

import contextlib
import threading
from _thread import start_new_thread
from collections.abc import Sequence
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Producer, TopicPartition

from streams.kafka.settings import KafkaSettings

_ABORT_SECONDS: Final = 5.0
LATE_SECONDS: Final = 5.0
"""So much later than it was asked to, a call may return that keeps to its timeout."""


def send_positions(
    settings: KafkaSettings, producer: Producer, done: Sequence[TopicPartition], group: Any
) -> None:
    """Make a group's positions part of a producer's transaction.

    librdkafka 2.16 may wait for a coordinator that is gone for ever, whatever timeout it is given (its issues
    5456 and 5511). So it waits in a thread of its own, and where it does not return, thread and producer are
    left to it; the next producer of the same name sees to it that nothing comes of that.

    Raises:
        KafkaException: it failed, or did not return.
    """
    raised: list[BaseException] = []
    over = threading.Lock()

    def send() -> None:
        try:
            producer.send_offsets_to_transaction(list(done), group, settings.wait_seconds)
        except BaseException as error:  # noqa: BLE001 - raised again below
            raised.append(error)
        over.release()

    over.acquire()
    start_new_thread(send, ())  # a `Thread` is waited for twice: also until it has begun
    if not over.acquire(timeout=settings.wait_seconds + LATE_SECONDS):
        raise KafkaException(KafkaError(KafkaError._TIMED_OUT, "the positions were not taken in time"))
    if raised:
        raise raised[0]


def abort(settings: KafkaSettings, producer: Producer) -> None:
    """Let others read on; where even this fails, the next owner or the broker's own clock ends it."""
    with contextlib.suppress(KafkaException):
        producer.purge()
        producer.abort_transaction(min(_ABORT_SECONDS, settings.wait_seconds))
