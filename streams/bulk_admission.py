"""Admission of many messages at once: which of them plainly are signals, and what these say.

Plainly: written as we write them, and `Admission.admit` would admit them. All others are for `admit`, which
alone says what is refused, and why. So are orders, which are decided one by one, as objects.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final, NamedTuple

import numpy as np

from domain.bounds import ID_CHARACTERS, LONGEST_IDENTIFIER_BYTES, MOST, MOST_COUNTED
from domain.byte_words import begins, hexadecimal, is_same
from domain.kernels import WORD_BYTES, Records, inlined, loop, records
from domain.names import Names
from domain.records import CONTROL, NONE, PLACED
from domain.times import LATEST_US
from domain.vocabulary import ORDERS, Action, Category, Delivery, Direction, Quality, Reason, code
from domain.wire_layout import DEFAULTS, OBJECTS, SIGNAL_LAYOUT
from domain.wire_scanning import PART, Scanned, can_scan, give_codes, is_written_by_us
from domain.word_codes import WordCodes, word_code
from streams.admission import SCHEMA_HEADER, Limits, Message, Refused, site_in_key
from streams.messages import NOTHING, Messages

ADMITTED: Final = np.dtype(
    [
        ("id_low", "i8"), ("id_high", "i8"),  # the id's 16 bytes
        ("occurred_at", "i8"), ("received_at", "i8"),
        ("seq", "i8"), ("passed", "i8"),  # NONE where there is none
        ("names", "i4"), ("site", "i4"),
        ("device_length", "i2"), ("point_length", "i2"), ("credential_length", "i2"), ("person_length", "i2"),
        ("category", "u1"), ("action", "u1"), ("direction", "u1"), ("delivery", "u1"),
    ],
    align=True,
)  # fmt: skip
"""A signal: codes of its words, and where the names of its device, point, credential and person begin.

They stand one behind another; `NOTHING` is the length of one that there is not.
"""

_CLOSED: Final = WordCodes([Category, Action, Direction, Delivery, Reason, Quality])
_at: Final = SIGNAL_LAYOUT.columns.index
_ID, _SITE, _OFFSET, _SEQ = _at("id"), _at("site"), _at("offset_ms"), _at("seq")
_OCCURRED, _RECEIVED = _at("occurred_at"), _at("received_at")
_INTERVAL, _CUMULATIVE = _at("count_interval"), _at("count_cumulative")
_DEVICE, _POINT, _PERSON = _at("device"), _at("point"), _at("person")
_HASH, _FORMAT = _at("credential_hash"), _at("credential_format")
_WORD_COLUMNS: Final = np.array(
    [_at(name) for name in ("category", "action", "direction", "delivery", "reason", "quality")], np.int64
)
_CATEGORY, _ACTION, _DIRECTION, _DELIVERY = range(4)
_OBJECT_KINDS: Final = {name: OBJECTS[name] for name in sorted(OBJECTS) if name in SIGNAL_LAYOUT.columns}
_OBJECTS: Final = np.array(list(map(_at, _OBJECT_KINDS)), np.int64)
_LEFT_OUT: Final = np.array(
    [0, 0, *(code(DEFAULTS[name]) for name in ("direction", "delivery", "reason", "quality"))], np.int64
)
"""The code of a word that is left out; the first two never are."""
_ORDERED: Final = np.isin(np.arange(len(Action)), [code(action) for action in ORDERS])
_SCHEMA: Final = np.frombuffer(SCHEMA_HEADER.ljust(8, b"\0"), "<u8")


class Admitted(NamedTuple):
    """What of some messages are signals, plainly.

    Attributes:
        rows: one of `ADMITTED` for each message; what is in those that are not admitted means nothing.
        are: which messages are admitted, shape (messages,).
        names: the text of names (uint8).
        sites: the site of each code in `rows`.
    """

    rows: Records
    are: Any
    names: Any
    sites: list[str]


def admit_in_bulk(limits: Limits, messages: Messages) -> Admitted:
    """Return those of some messages that plainly are signals, and none of which is an order."""
    count, data = len(messages), messages.data
    rows, are = records(count, ADMITTED), np.zeros(count, np.bool_)
    names, used = np.empty(len(data), np.uint8), np.zeros(1, np.int64)
    if not count or not can_scan(len(data)):
        return Admitted(rows, are, names, [])
    scanned, found = Scanned(SIGNAL_LAYOUT, min(count, PART)), np.zeros(len(_WORD_COLUMNS), np.int64)
    sites = _Known(lambda text: _may_stand(limits, text), of_none=False)
    objects = {
        int(column): _Known(partial(is_written_by_us, kind=kind), of_none=True)
        for column, kind in zip(_OBJECTS, _OBJECT_KINDS.values(), strict=True)
    }
    for first in range(0, count, PART):
        part = slice(first, first + PART)
        places = messages.places[part]
        starts = np.ascontiguousarray(places["value"])
        scanned.walk(data, starts, starts + np.maximum(places["value_length"], 0))
        site_codes, may_stand = sites.of(data, scanned, _SITE, len(places))
        _judge(
            data, places, scanned.values, scanned.lengths, scanned.fits, site_codes, may_stand,
            _WORD_COLUMNS, _CLOSED.slots, _CLOSED.texts, _CLOSED.lengths, _CLOSED.codes, _LEFT_OUT, _ORDERED,
            _OBJECTS, _SCHEMA, len(SCHEMA_HEADER), limits.message_bytes, limits.clock_ahead_us, found, names,
            used, rows[part], are[part],
        )  # fmt: skip
        for column, known in objects.items():
            codes, are_ours = known.of(data, scanned, column, len(places))
            are[part] &= are_ours[codes]
    return Admitted(rows, are, names, sites.texts)


class _Known:
    """Texts that come again, and what was found of each when it first came."""

    def __init__(self, find: Callable[[str], bool], *, of_none: bool) -> None:
        """`of_none` is found of no text, which has code 0."""
        self._names, self._find = Names(), find
        self._found = np.array([of_none])
        self.texts = [""]

    def of(self, data: Any, scanned: Scanned, column: int, count: int) -> tuple[Any, Any]:
        """Return the codes of a column's texts in the first rows, and what was found by code."""
        names, codes = self._names, np.zeros(count, np.int32)
        lengths = np.ascontiguousarray(scanned.lengths[:count, column])
        if (lengths <= 0).all():
            return codes, self._found
        starts = np.ascontiguousarray(scanned.values[:count, column])
        names.reserve(count, int(np.maximum(lengths, 0).sum()))
        give_codes(
            data, starts, lengths, 0, count, 0, names.blob, names.ends, names.slots, names.size, codes
        )  # fmt: skip
        new = [names.name(code) for code in range(len(self.texts), len(names))]
        if new:
            self.texts += new
            self._found = np.append(self._found, list(map(self._find, new)))
        return codes, self._found


def _may_stand(limits: Limits, site: str) -> bool:
    """Return whether a message may have this key, and stand where it does."""
    return not isinstance(site_in_key(Message(0, site.encode(), None, 0), limits), Refused)


@loop
def _judge(
    data: Any, messages: Any, values: Any, lengths: Any, fits: Any, sites: Any, may_stand: Any,
    word_columns: Any, slots: Any, texts: Any, text_lengths: Any, codes: Any, left_out: Any, ordered: Any,
    objects: Any, schema: Any, schema_bytes: int, most_bytes: int, most_ahead: int, found: Any, names: Any,
    used: Any, rows: Any, are: Any,
) -> None:  # fmt: skip
    """Fill in the rows of scanned messages, and say which are admitted; others have no objects after it."""
    for i in range(len(rows)):
        message, row = messages[i], rows[i]
        is_valid = bool(
            fits[i]
            and may_stand[sites[i]]
            and message.key_length == lengths[i, _SITE]
            and is_same(data, message.key, values[i, _SITE], lengths[i, _SITE])
            and message.value_length <= most_bytes
            and (
                message.schema_length == NOTHING
                or (
                    message.schema_length == schema_bytes
                    and begins(data, message.schema, schema, 0, schema_bytes)
                )
            )
            and lengths[i, _ID] == ID_CHARACTERS
        )
        for number in range(len(word_columns)):
            column = word_columns[number]
            found[number] = left_out[number]
            if is_valid and lengths[i, column] >= 0:
                found[number] = word_code(
                    data, values[i, column], lengths[i, column], number, slots, texts, text_lengths,
                    codes,
                )  # fmt: skip
                is_valid = found[number] >= 0
        category, action = found[_CATEGORY], found[_ACTION]
        is_valid &= not (ordered[action] and category == CONTROL) and (action != PLACED)
        is_valid &= _keeps_to_bounds(values, lengths, i)
        occurred_at, received_at = values[i, _OCCURRED], values[i, _RECEIVED]
        is_valid &= min(occurred_at, received_at) - message.appended_at <= most_ahead
        if is_valid:
            low, is_valid = _half(data, values[i, _ID])
            high, is_high = _half(data, values[i, _ID] + ID_CHARACTERS // 2)
            is_valid &= is_high
            row.id_low, row.id_high = low, high
        are[i] = is_valid
        if not is_valid:
            for column in objects:
                lengths[i, column] = -1
            continue
        row.site = sites[i]
        row.occurred_at, row.received_at = occurred_at, received_at
        row.seq = values[i, _SEQ] if lengths[i, _SEQ] >= 0 else NONE
        row.passed = values[i, _INTERVAL] if lengths[i, _INTERVAL] >= 0 else NONE
        row.category, row.action = category, action
        row.direction, row.delivery = found[_DIRECTION], found[_DELIVERY]
        row.names = used[0]
        row.device_length = _keep(data, values, lengths, _DEVICE, i, names, used)
        row.point_length = _keep(data, values, lengths, _POINT, i, names, used)
        row.credential_length = _keep(data, values, lengths, _HASH, i, names, used)
        row.person_length = _keep(data, values, lengths, _PERSON, i, names, used)


@inlined
def _keep(data: Any, values: Any, lengths: Any, column: int, i: int, names: Any, used: Any) -> int:
    """Copy a name while the cache has it; return its length."""
    start, length, end = values[i, column], lengths[i, column], used[0]
    for place in range(length):
        names[end + place] = data[start + place]
    used[0] = end + max(length, 0)
    return int(length)


@inlined
def _keeps_to_bounds(values: Any, lengths: Any, i: int) -> bool:
    """Return whether times, numbers and identifiers do, as `domain.bounds.fault_of` has it."""
    found = bool(0 <= values[i, _OCCURRED] < LATEST_US and 0 <= values[i, _RECEIVED] < LATEST_US)
    for column in (_DEVICE, _POINT, _PERSON, _HASH, _FORMAT):
        found &= lengths[i, column] <= LONGEST_IDENTIFIER_BYTES
    found &= _is_within(values, lengths, _SEQ, i, 1 - MOST, MOST)
    found &= _is_within(values, lengths, _OFFSET, i, 1 - MOST, MOST)
    found &= _is_within(values, lengths, _INTERVAL, i, 0, MOST_COUNTED)
    return found and _is_within(values, lengths, _CUMULATIVE, i, 0, MOST)


@inlined
def _is_within(values: Any, lengths: Any, column: int, i: int, least: int, beyond: int) -> bool:
    """Return whether a number is within bounds, or is not there."""
    return bool(lengths[i, column] < 0 or least <= values[i, column] < beyond)


@inlined
def _half(data: Any, at: int) -> tuple[int, bool]:
    """Return the eight bytes that 16 hexadecimal digits say, and whether they are such digits."""
    low, is_low = hexadecimal(data, at)
    high, is_high = hexadecimal(data, at + WORD_BYTES)
    return low | (high << 32), is_low and is_high
