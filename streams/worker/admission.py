"""Admission: which messages of the signals topic are signals.

What is refused depends on the message alone, so whoever reads the log again refuses the same.
"""

import re
from typing import Final

import msgspec

from domain.errors import UnreadableSignal
from domain.signal import SCHEMA_VERSION, Signal, read_signal
from domain.vocabulary import Action, Category
from streams.quarantine import RejectionReason

HOUR_US: Final = 3_600_000_000
LATEST_TIME: Final = 7_258_118_400_000_000
"""2200-01-01, UTC microseconds: the history's times and the timers' sums stay within their range."""
_MOST: Final = 2**31
"""Counts are kept in 32 bits."""
SITE_ID: Final = re.compile(r"[^\s:/]{1,64}")
_ID: Final = re.compile(r"[0-9a-f]{32}")


class Message(msgspec.Struct, frozen=True, gc=False):
    """A message of the signals topic as the broker gives it.

    `appended_at` is the broker's time, UTC microseconds. `schema` is the header of that name, None without.
    """

    offset: int
    key: bytes | None
    value: bytes | None
    appended_at: int
    schema: bytes | None = None


class Refused(msgspec.Struct, frozen=True, gc=False):
    """A message that is no signal: why, and a sentence for people."""

    message: Message
    reason: RejectionReason
    detail: str


class Limits(msgspec.Struct, frozen=True):
    """What a signal must keep to.

    `clock_ahead_us` is how far its time may be after the moment the broker appended it, microseconds.
    """

    clock_ahead_us: int = 24 * HOUR_US
    message_bytes: int = 1_000_000


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
            return Refused(message, RejectionReason.UNREADABLE, "no value: a signal cannot be deleted")
        if len(value) > self.limits.message_bytes:
            detail = f"{len(value):,} bytes: a signal has at most {self.limits.message_bytes:,}"
            return Refused(message, RejectionReason.TOO_LONG, detail)
        if message.schema is not None and message.schema != self._current and not _known(message.schema):
            detail = f"unknown schema version {message.schema!r}: this version reads 1 to {SCHEMA_VERSION}"
            return Refused(message, RejectionReason.UNKNOWN_SCHEMA, detail)
        site = self._sites.get(message.key or b"")
        if site is None:
            found = self._site(message)
            if isinstance(found, Refused):
                return found
            site = found
        try:
            signal = read_signal(value)
        except UnreadableSignal as error:
            unknown = "unknown schema" in str(error)
            reason = RejectionReason.UNKNOWN_SCHEMA if unknown else RejectionReason.UNREADABLE
            return Refused(message, reason, str(error))
        if signal.site != site:
            detail = f"the key says site {site!r}, the signal {signal.site!r}: the producer must use its site"
            return Refused(message, RejectionReason.FOREIGN_KEY, detail)
        return self._fault(message, signal) or signal

    def _site(self, message: Message) -> str | Refused:
        try:
            site = (message.key or b"").decode()
        except UnicodeDecodeError:
            return Refused(message, RejectionReason.WRONG_ENCODING, f"the key {message.key!r} is not UTF-8")
        if not SITE_ID.fullmatch(site):
            detail = f"the key {site!r} is no site: 1 to 64 characters without space, colon or slash"
            return Refused(message, RejectionReason.FOREIGN_KEY, detail)
        self._sites[site.encode()] = site
        return site

    def _fault(self, message: Message, signal: Signal) -> Refused | None:
        time = signal.time
        occurred_at, received_at = time.occurred_at, time.received_at
        if not (0 <= occurred_at < LATEST_TIME and 0 <= received_at < LATEST_TIME):
            return Refused(message, RejectionReason.IMPLAUSIBLE_TIME, "a time before 1970 or after 2199")
        ahead = min(occurred_at, received_at) - message.appended_at
        if ahead > self.limits.clock_ahead_us:
            detail = f"its clock is {ahead / HOUR_US:,.1f} hours ahead of the log: set the device's clock"
            return Refused(message, RejectionReason.IMPLAUSIBLE_TIME, detail)
        if len(signal.id) != 32 or not _ID.fullmatch(signal.id):
            return Refused(message, RejectionReason.UNREADABLE, "its id is not 32 hexadecimal digits")
        if signal.seq is not None and not -(2**62) < signal.seq < 2**62:
            return Refused(message, RejectionReason.BAD_NUMBER, f"seq {signal.seq} is out of range")
        if signal.count is not None and not 0 <= signal.count.interval < _MOST:
            return Refused(
                message, RejectionReason.NEGATIVE_COUNT, f"count {signal.count.interval} is out of range"
            )
        if signal.action is Action.PLACED and signal.category is not Category.CONTROL:
            return Refused(message, RejectionReason.UNKNOWN_ACTION, "only a control signal places anybody")
        return None


def _known(schema: bytes) -> bool:
    return schema.isdigit() and 1 <= int(schema) <= SCHEMA_VERSION
