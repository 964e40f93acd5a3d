"""What can go wrong with Kafka, in the log's words."""

import time
from collections.abc import Callable
from typing import Final, TypeVar

from confluent_kafka import KafkaError, KafkaException

from streams.kafka.settings import KafkaSettings
from streams.log import LogUnavailable

T = TypeVar("T")
_PAUSE_SECONDS: Final = 0.05
_PASSING: Final = frozenset(
    {
        KafkaError._TIMED_OUT,
        KafkaError._TRANSPORT,
        KafkaError._WAIT_COORD,
        KafkaError.BROKER_NOT_AVAILABLE,
        KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
        KafkaError.COORDINATOR_NOT_AVAILABLE,
        KafkaError.LEADER_NOT_AVAILABLE,
        KafkaError.NETWORK_EXCEPTION,
        KafkaError.NOT_COORDINATOR,
        KafkaError.NOT_LEADER_FOR_PARTITION,
        KafkaError.OFFSET_NOT_AVAILABLE,
        KafkaError.REQUEST_TIMED_OUT,
        KafkaError.UNSTABLE_OFFSET_COMMIT,
    }
)
"""What passes by itself while a broker starts or leaders move."""
_FENCED: Final = frozenset(
    {
        KafkaError._FENCED,
        KafkaError.PRODUCER_FENCED,
        KafkaError.INVALID_PRODUCER_EPOCH,
    }
)


def patiently(settings: KafkaSettings, ask: Callable[[float], T]) -> T:
    """Return what `ask` answers, given the seconds it may take; asked again while what fails may pass.

    Raises:
        KafkaException: it did not pass for as long as the settings wait, or never will.
    """
    until = time.monotonic() + settings.wait_seconds
    while True:
        try:
            return ask(max(0.1, until - time.monotonic()))
        except KafkaException as error:
            if not passing(_error(error)) or time.monotonic() > until:
                raise
        time.sleep(_PAUSE_SECONDS)


def passing(error: KafkaError) -> bool:
    """Return whether an error passes by itself once the broker is there."""
    return error.code() in _PASSING


def is_fenced(error: KafkaException) -> bool:
    """Return whether a newer producer has this one's transactional id, or the broker gave up on it."""
    return _error(error).code() in _FENCED


def is_fatal(error: KafkaException) -> bool:
    """Return whether a producer will never send anything again: it says so now, or has said so before."""
    return _error(error).fatal() or _error(error).code() == KafkaError._FATAL


def is_forgotten(error: KafkaException) -> bool:
    """Return whether the broker does not know this producer any more, which wrote nothing for days.

    It says the same if a newer one has come since then; who acquires the partition anew learns it.
    """
    return _error(error).code() == KafkaError.INVALID_PRODUCER_ID_MAPPING


def explained(settings: KafkaSettings, error: KafkaException | KafkaError) -> LogUnavailable:
    """Return the log's error for one of librdkafka's."""
    said = error if isinstance(error, KafkaError) else _error(error)
    return unavailable(settings, said.str())


def unavailable(settings: KafkaSettings, said: str) -> LogUnavailable:
    """Return the log's error for what a client says."""
    return LogUnavailable(
        f"Kafka at {settings.bootstrap_servers}: {said.rstrip('.')}; "
        "is the broker running, and do [kafka]'s bootstrap_servers and client fit it?"
    )


def no_topic(name: str) -> LogUnavailable:
    """Return the error for a topic or partition that is not there."""
    return LogUnavailable(
        f"there is no {name} at the broker, or none answers; `limen topics check` says what is missing"
    )


def _error(error: KafkaException) -> KafkaError:
    said: KafkaError = error.args[0]
    return said
