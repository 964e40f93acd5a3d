"""Admission: which messages of the signals topic are signals.

What is refused depends on the message alone, so whoever reads the log again refuses the same.
"""

from collections.abc import Sequence
from typing import Any, Final

import msgspec
import numpy as np
import pyarrow as pa

from domain.bounds import fault_of, is_site, keep_to_bounds
from domain.columns import SIGNAL_COLUMNS, whole
from domain.errors import UnreadableSignal
from domain.signal import SCHEMA_VERSION, Signal, read_signal, version_of
from domain.wire_layout import SIGNAL_LAYOUT
from domain.wire_scanning import can_scan, scan
from streams.partitioning import partition_of
from streams.quarantine import Rejection, RejectionReason

HOUR_US: Final = 3_600_000_000
_DETAIL_CHARACTERS: Final = 1_000
"""What is wrong is told with words of the message itself, which may be as long as the message."""


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message of the signals or commands topic as the broker gives it.

    `appended_at` is the broker's time, UTC microseconds. `schema` and `id` are the headers of these names, or
    None; `id` decides nothing: it is for whoever follows a message that cannot be read.
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
        self._current = str(SCHEMA_VERSION).encode()

    def admit(self, message: Message) -> Signal | Refused:
        """Return the signal in a message, or why there is none."""
        value = message.value
        if value is None:
            return refused(message, RejectionReason.UNREADABLE, "no value: a signal cannot be deleted")
        if len(value) > self.limits.message_bytes:
            detail = f"{len(value):,} bytes: a signal has at most {self.limits.message_bytes:,}"
            return refused(message, RejectionReason.TOO_LONG, detail)
        if message.schema is not None and message.schema != self._current and not _known(message.schema):
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
        except UnreadableSignal as error:
            unknown = "unknown schema" in str(error)
            reason = RejectionReason.UNKNOWN_SCHEMA if unknown else RejectionReason.UNREADABLE
            return refused(message, reason, str(error))
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

    def admit_columns(self, messages: Sequence[Message]) -> tuple[pa.Table, Any]:
        """Return the signals of messages that hold them as we write them, without an object for each.

        Returns a table of `SIGNAL_COLUMNS`, and the places of its rows among the messages, ascending. What is
        in it, `admit` would admit as well. The messages left out are for `admit`, which may admit them.
        """
        values = [message.value or b"" for message in messages]
        if not can_scan(values):
            return SIGNAL_COLUMNS.empty_table(), np.zeros(0, np.int64)
        signals, fits = scan(values, SIGNAL_LAYOUT)
        places = np.flatnonzero(fits)
        sites = whole(signals, "site")
        keys = self._keys(sites.dictionary.to_pylist())
        sizes = np.fromiter(map(len, values), np.int64, len(values))
        site_in_keys = np.fromiter((keys.get(message.key, -1) for message in messages), np.int64, len(values))
        site_in_keys[sizes > self.limits.message_bytes] = -1
        for place, message in enumerate(messages):
            if message.schema is not None and message.schema != self._current:
                site_in_keys[place] = -1
        appended_at = np.fromiter((message.appended_at for message in messages), np.int64, len(values))
        occurred_at, received_at = (
            whole(signals, name).view(pa.int64()).to_numpy() for name in ("occurred_at", "received_at")
        )
        ahead = np.minimum(occurred_at, received_at) - appended_at[places]
        admitted = (site_in_keys[places] == sites.indices.to_numpy()) & (ahead <= self.limits.clock_ahead_us)
        admitted &= keep_to_bounds(signals)
        return (signals, places) if admitted.all() else (signals.filter(pa.array(admitted)), places[admitted])

    def _keys(self, sites: Sequence[str]) -> dict[bytes | None, int]:
        """Return the place of each site by its key, where such a key may stand here."""
        keys = enumerate(site.encode() for site in sites)
        return {
            key: place
            for place, key in keys
            if isinstance(site_in_key(Message(0, key, None, 0), self.limits), str)
        }


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
