"""Admission: which messages of the signals topic are signals.

What is refused depends on the message alone, so whoever reads the log again refuses the same.
"""

from typing import Final

import msgspec

from domain.bounds import fault_of, is_site
from domain.errors import UnknownSchema, UnreadableSignal
from domain.signal import SCHEMA_VERSION, Signal, read_signal, version_of
from domain.times import HOUR_US
from streams.partitioning import partition_of
from streams.quarantine import Rejection, RejectionReason

SCHEMA_HEADER: Final = str(SCHEMA_VERSION).encode()
"""As the header `schema` says it."""
_DETAIL_CHARACTERS: Final = 1_000
"""What is wrong is told with words of the message itself, which may be as long as the message."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message of the signals or commands topic as the broker gives it.

    `appended_at` is the broker's time, UTC microseconds, far from the limits of 64 bits. `schema` and `id`
    are the headers of these names, or None; `id` decides nothing: it is for whoever follows a message that
    cannot be read.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    appended_at: int
    schema: bytes | None = None
    id: bytes | None = None


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message that is no signal: why, and a sentence for people."""

    message: Message
    reason: RejectionReason
    detail: str


class Limits(msgspec.Struct, frozen=True):
    """What a signal must keep to.

    `clock_ahead_us` is how far its time may be after the moment the broker appended it, microseconds. Its key
    must belong in `partition`, of so many `partitions`; where one of them is None, any key may stand there.
    """

    clock_ahead_us: int = 24 * HOUR_US
    message_bytes: int = 1_000_000
    partition: int | None = None
    partitions: int | None = None


class Admission:
    """Reads messages. It remembers the keys it has seen, and nothing that changes an answer."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._sites: dict[bytes, str] = {}

    def admit(self, message: Message) -> Signal | Refused:
        """Return the signal in a message, or why there is none."""
        value = message.value
        if value is None:
            return refused(message, RejectionReason.UNREADABLE, "no value: a signal cannot be deleted")
        if len(value) > self.limits.message_bytes:
            detail = f"{len(value):,} bytes: a signal has at most {self.limits.message_bytes:,}"
            return refused(message, RejectionReason.TOO_LONG, detail)
        if message.schema is not None and message.schema != SCHEMA_HEADER and not _known(message.schema):
            detail = f"unknown schema version {message.schema!r}: this version reads 1 to {SCHEMA_VERSION}"
            return refused(message, RejectionReason.UNKNOWN_SCHEMA, detail)
        site = self._sites.get(message.key or b"")
        if site is None:
            found = site_in_key(message, self.limits)
            if isinstance(found, Refused):
                return found
            site = self._sites[found.encode()] = found
        try:
            signal = read_signal(value)
        except UnknownSchema as error:
            return refused(message, RejectionReason.UNKNOWN_SCHEMA, str(error))
        except UnreadableSignal as error:
            return refused(message, RejectionReason.UNREADABLE, str(error))
        if signal.site != site:
            detail = f"the key says site {site!r}, the signal {signal.site!r}: the producer must use its site"
            return refused(message, RejectionReason.FOREIGN_KEY, detail)
        if fault := fault_of(signal):
            return refused(message, RejectionReason(fault.reason), fault.detail)
        ahead = min(signal.time.occurred_at, signal.time.received_at) - message.appended_at
        if ahead > self.limits.clock_ahead_us:
            detail = f"its clock is {ahead / HOUR_US:,.1f} hours ahead of the log: set the device's clock"
            return refused(message, RejectionReason.IMPLAUSIBLE_TIME, detail)
        return signal


def site_in_key(message: Message, limits: Limits) -> str | Refused:
    """Return the site that a message's key names, if it is one and stands where it belongs."""
    try:
        site = (message.key or b"").decode()
    except UnicodeDecodeError:
        detail = f"the key {message.key!r} is not UTF-8"
        return refused(message, RejectionReason.WRONG_ENCODING, detail)
    if not is_site(site):
        detail = f"the key {site!r} is no site: 1 to 64 characters without space, colon or slash"
        return refused(message, RejectionReason.FOREIGN_KEY, detail)
    if limits.partition is not None and limits.partitions is not None:
        home = partition_of(site, limits.partitions)
        if home != limits.partition:
            detail = (
                f"the key {site!r} belongs in partition {home} of {limits.partitions}: "
                "the producer must use Kafka's own partitioner (murmur2)"
            )
            return refused(message, RejectionReason.FOREIGN_KEY, detail)
    return site


def rejection(source: str, partition: int, refused: Refused) -> Rejection:
    """Return how the quarantine keeps a message that was refused."""
    message = refused.message
    return Rejection(
        source=source,
        file=str(partition),
        line=message.offset,
        reason=refused.reason,
        detail=refused.detail,
        raw=message.value or b"",
        received_at=message.appended_at,
        key=message.key,
    )


def refused(message: Message, reason: RejectionReason, detail: str) -> Refused:
    """Return that a message is refused; the detail is cut where it is long."""
    return Refused(message, reason, detail[:_DETAIL_CHARACTERS])


def _known(schema: bytes) -> bool:
    return schema.isascii() and bool(version_of(schema.decode()))
