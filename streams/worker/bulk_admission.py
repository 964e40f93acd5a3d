"""Admission of many messages at once: what `Admission.admit` says of each, at a fraction of its cost.

A batch in which every message is a plain signal is read and checked as a whole. Where anything at all is
unusual, each message of the batch is admitted alone, so both always say the same.
"""

import re
from collections.abc import Sequence
from typing import Final

import msgspec
import numpy as np

from domain.signal import NEWEST_SCHEMA, SCHEMA_VERSION, Signal
from domain.vocabulary import Action
from streams.kafka.headers import ReadHeaders, header
from streams.kafka.reader import Records
from streams.worker.admission import LATEST_TIME, Admission, Limits, Message, Refused

_MILLISECOND_US: Final = 1_000
_PLAIN_NUMBER: Final = 2**31
"""Larger running numbers and counts may be admitted, but not here."""
_IDS: Final = re.compile("[0-9a-f]*")
_SCHEMA: Final = str(SCHEMA_VERSION).encode()
_SCHEMA_HEADER: Final = ("schema", _SCHEMA)


class _Envelope(msgspec.Struct, gc=False):
    """What `domain.signal.read_signal` reads, in one step for the newest schema."""

    specversion: str
    type: str
    source: str
    id: str
    dataschema: str
    data: Signal
    time: str | None = None
    subject: str | None = None


_decode_lines: Final = msgspec.json.Decoder(_Envelope).decode_lines


class BulkAdmission:
    """Reads batches of messages. It remembers the keys it has seen, and nothing that changes an answer."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._one = Admission(limits)
        self._plain_keys: dict[bytes | None, str] = {}

    def admit(self, records: Records) -> tuple[Sequence[Signal], Sequence[int]]:
        """Return the signals among the records, and the offset of each."""
        signals = self._plain(records) if self._knows_keys(records) else None
        if signals is not None:
            return signals, records.offsets
        found, offsets = [], []
        for place, offset in enumerate(records.offsets):
            answer = self._alone(records, place)
            if isinstance(answer, Signal):
                found.append(answer)
                offsets.append(offset)
        return found, offsets

    def _alone(self, records: Records, place: int) -> Signal | Refused:
        return self._one.admit(
            Message(
                records.offsets[place],
                records.keys[place],
                records.values[place],
                records.timestamps[place] * _MILLISECOND_US,
                header(records.headers[place], "schema"),
            )
        )

    def _knows_keys(self, records: Records) -> bool:
        """Return whether every key is a site's; the first message of a new one is admitted alone to know."""
        for key in set(records.keys) - self._plain_keys.keys():
            answer = self._alone(records, records.keys.index(key))
            if isinstance(answer, Refused):
                return False
            self._plain_keys[key] = answer.site
        return True

    def _plain(self, records: Records) -> list[Signal] | None:
        """Return the records' signals if all are plain ones; their keys are known."""
        if not all(map(_is_current, records.headers)):
            return None
        sites = list(map(self._plain_keys.get, records.keys))
        envelopes = self._read(records.values)
        if envelopes is None:
            return None
        signals = [envelope.data for envelope in envelopes]
        ids = [signal.id for signal in signals]
        if sites != [signal.site for signal in signals] or ids != [envelope.id for envelope in envelopes]:
            return None
        if set(map(len, ids)) != {32} or not _IDS.fullmatch("".join(ids)):
            return None
        return signals if self._is_plausible(signals, records.timestamps) else None

    def _read(self, values: Sequence[bytes | None]) -> list[_Envelope] | None:
        known = [value for value in values if value is not None]
        if len(known) != len(values) or max(map(len, known)) > self._limits.message_bytes:
            return None
        lines = b"\n".join(known)
        if lines.count(b"\n") != len(known) - 1:
            return None
        try:
            envelopes = _decode_lines(lines)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None
        if len(envelopes) != len(known):  # an empty value is no line
            return None
        return envelopes if all(one.dataschema == NEWEST_SCHEMA for one in envelopes) else None

    def _is_plausible(self, signals: Sequence[Signal], appended_at_ms: Sequence[int]) -> bool:
        numbers = [signal.seq for signal in signals if signal.seq is not None]
        numbers += [signal.count.interval for signal in signals if signal.count is not None]
        if numbers and not (min(numbers) >= 0 and max(numbers) < _PLAIN_NUMBER):
            return False
        if any(signal.action is Action.PLACED for signal in signals):
            return False
        try:
            occurred_at = np.array([signal.time.occurred_at for signal in signals], np.int64)
            received_at = np.array([signal.time.received_at for signal in signals], np.int64)
        except OverflowError:
            return False
        earlier, later = np.minimum(occurred_at, received_at), np.maximum(occurred_at, received_at)
        ahead = earlier - np.array(appended_at_ms, np.int64) * _MILLISECOND_US
        return bool(
            earlier.min() >= 0 and later.max() < LATEST_TIME and ahead.max() <= self._limits.clock_ahead_us
        )


def _is_current(headers: ReadHeaders | None) -> bool:
    """Return whether these are headers of the newest schema, or say nothing of it."""
    if headers is not None and len(headers) > 1 and headers[1] == _SCHEMA_HEADER:
        return headers[0][0] != "schema"
    schema = header(headers, "schema")
    return schema is None or schema == _SCHEMA
