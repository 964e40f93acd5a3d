"""Encoding: signals become rows of codes, one by one from objects or column by column from the history.

Both give the same codes: a string's code is given at its first appearance, in log order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from domain.bounds import LONGEST_IDENTIFIER_BYTES
from domain.kernels import Records, inlined, loop, records
from domain.names import code_of, text_buffers
from domain.records import CONTROL, NONE, PLACED, SIGNAL
from domain.signal import Signal
from domain.vocabulary import UNKNOWN_HOLDER, Action, Category, Delivery, Direction, codes
from streams.state import State

CATEGORIES: Final = codes(Category)
ACTIONS: Final = codes(Action)
DIRECTIONS: Final = codes(Direction)
DELIVERIES: Final = codes(Delivery)
_NO_WORD: Final = 255
_FEW: Final = 64
"""So many strings are encoded faster one by one than it takes to make an Arrow array."""
_STRANGER: Final = np.frombuffer(UNKNOWN_HOLDER.encode(), np.uint8)
_STRANGER_BYTES: Final = len(_STRANGER)


def encode(state: State, signals: Sequence[Signal], offsets: Sequence[int]) -> Records:
    """Return SIGNAL rows of these signals, which stand at these offsets; the state learns their names.

    A manual placement's zone must have been checked: it is put into `to_zone`.
    """
    numbers = [
        [signal.time.occurred_at for signal in signals],
        [signal.time.received_at for signal in signals],
        [NONE if signal.seq is None else signal.seq for signal in signals],
        [NONE if signal.count is None else signal.count.interval for signal in signals],
    ]
    meanings = [
        [CATEGORIES[signal.category] for signal in signals],
        [ACTIONS[signal.action] for signal in signals],
        [DIRECTIONS[signal.direction] for signal in signals],
        [DELIVERIES[signal.delivery] for signal in signals],
    ]
    codes = _codes(
        state,
        devices=_Words.of([signal.device for signal in signals]),
        points=_Words.of([signal.point for signal in signals]),
        persons=_Words.of([signal.person for signal in signals]),
        credentials=_Words.of([None if s.credential is None else s.credential.hash for s in signals]),
    )
    rows = _rows(offsets, numbers, meanings, codes)
    for place in np.flatnonzero((rows["action"] == PLACED) & (rows["category"] == CONTROL)).tolist():
        data = signals[place].data
        if data is not None and "zone" in data:
            rows["to_zone"][place] = state.zone_code(data["zone"])
    return rows


def encode_columns(state: State, columns: Mapping[str, Any]) -> Records:
    """Return SIGNAL rows of these Arrow columns: an import's, the log's or the history's, no control signals.

    They stand one after another from the state's position on.

    Columns: occurred_at, received_at, seq (null: none), passed as integers; category, action, direction,
    delivery, device, point, person, credential as strings, dictionary-encoded or not.

    Raises:
        ValueError: a word outside its vocabulary, such as the empty category of a signal nobody could read.
    """
    count = len(columns["occurred_at"])
    positions = np.arange(state.position, state.position + count)
    numbers = [
        columns[name].cast(pa.int64()).fill_null(NONE).to_numpy(zero_copy_only=False)
        for name in ("occurred_at", "received_at", "seq", "passed")
    ]
    meanings = [
        _meanings(name, columns[name], known, positions)
        for name, known in (
            ("category", CATEGORIES),
            ("action", ACTIONS),
            ("direction", DIRECTIONS),
            ("delivery", DELIVERIES),
        )
    ]
    codes = _codes(
        state,
        devices=_Words.in_column(columns["device"]),
        points=_Words.in_column(columns["point"]),
        persons=_Words.in_column(columns["person"]),
        credentials=_Words.in_column(columns["credential"]),
    )
    return _rows(positions, numbers, meanings, codes)


def encode_admitted(state: State, admitted: Records, places: Any, names: Any, offsets: Any) -> Records:
    """Return SIGNAL rows of signals admitted in bulk, which stand at these offsets; the state learns names.

    Args:
        state: of the site.
        admitted: rows of `streams.bulk_admission.ADMITTED`.
        places: which of them, shape (signals,), int64.
        names: the text of their names.
        offsets: shape (signals,), int64.
    """
    rows, count = records(len(places), SIGNAL), len(places)
    sizes = {name: admitted[f"{name}_length"][places] for name in ("device", "point", "credential", "person")}
    room = {name: int(np.maximum(size, 0, dtype=np.int64).sum()) for name, size in sizes.items()}
    devices, points, credentials = state.device_names, state.point_names, state.credential_names
    devices.reserve(count, room["device"])
    points.reserve(count, room["point"])
    credentials.reserve(count, room["credential"])
    _fill_admitted(
        rows, admitted, places, names, offsets, devices.blob, devices.ends, devices.slots, devices.size,
        points.blob, points.ends, points.slots, points.size, credentials.blob, credentials.ends,
        credentials.slots, credentials.size,
    )  # fmt: skip
    state.credentials.grow(len(credentials))
    persons = state.persons
    persons.reserve(2 * count, room["person"] + room["credential"] + count * _STRANGER_BYTES)
    scratch = np.zeros(_STRANGER_BYTES + LONGEST_IDENTIFIER_BYTES, np.uint8)
    scratch[:_STRANGER_BYTES] = _STRANGER
    _fill_holders(
        rows, admitted, places, names, state.credentials.rows, scratch, persons.blob, persons.ends,
        persons.slots, persons.size,
    )  # fmt: skip
    state.grow()
    return rows


def _meanings(name: str, column: Any, known: Mapping[str, int], positions: Any) -> Any:
    """Return the code of each word of a column, whose rows stand at these positions."""
    if not pa.types.is_dictionary(column.type):
        column = column.dictionary_encode()
    # A dictionary may hold words that no row uses: the history's always holds the empty one.
    meaning = np.array([known.get(str(word), _NO_WORD) for word in column.dictionary], np.uint8)
    if not len(column):
        return np.zeros(0, np.uint8)
    found = meaning[column.indices.to_numpy(zero_copy_only=False)]
    if (found == _NO_WORD).any():
        place = int(np.argmax(found == _NO_WORD))
        word = column[place].as_py()
        raise ValueError(f"the signal at offset {positions[place]} has no {name} we know: {word!r}")
    return found


def _rows(positions: Any, numbers: Sequence[Any], meanings: Sequence[Any], codes: Sequence[Any]) -> Records:
    """Return rows of these fields; each of the three holds its fields' values in the order of `_fill`."""
    rows = records(len(positions), SIGNAL)
    fixed = [np.asarray(values, np.int64) for values in (positions, *numbers)]
    for values in fixed:
        values.setflags(write=False)  # as Arrow's are: loops have one type of array
    _fill(rows, *fixed, *(np.asarray(values, np.uint8) for values in meanings), *codes)
    return rows


@loop
def _fill(
    rows: Any, position: Any, occurred_at: Any, received_at: Any, seq: Any, passed: Any, category: Any,
    action: Any, direction: Any, delivery: Any, device: Any, point: Any, credential: Any, person: Any,
) -> None:  # fmt: skip
    """Write each row once: many of them are more than any cache holds."""
    for i in range(len(rows)):
        row = rows[i]
        row.position = position[i]
        row.occurred_at = occurred_at[i]
        row.received_at = received_at[i]
        row.seq = seq[i]
        row.passed = passed[i]
        row.category = category[i]
        row.action = action[i]
        row.direction = direction[i]
        row.delivery = delivery[i]
        row.from_device = device[i]
        row.point = point[i]
        row.credential = credential[i]
        row.person = person[i]


class _Words:
    """A column of strings: the different ones, and which of them each row has; -1 or empty is none."""

    def __init__(self, text: Any, ends: Any, which: Any) -> None:
        self.text, self.ends, self.which = text, ends, which
        self.count = len(ends) - 1
        self.codes = np.zeros(self.count, np.int32)
        """The codes found so far; 0 is none yet."""

    @classmethod
    def in_column(cls, column: Any) -> "_Words":
        """Return those of an Arrow column; where it is not dictionary-encoded, all count as different.

        A column that was cut out of a larger one has the words of all of it: room would be made for each.
        """
        if pa.types.is_dictionary(column.type) and len(column.dictionary) > len(column):
            column = column.dictionary_decode()
        if not pa.types.is_dictionary(column.type):
            return cls(*text_buffers(column), np.arange(len(column), dtype=np.int32))
        which = column.indices.cast(pa.int32()).fill_null(-1).to_numpy(zero_copy_only=False)
        return cls(*text_buffers(column.dictionary), which)

    @classmethod
    def of(cls, words: Sequence[str | None]) -> "_Words":
        """Return those of some signals, all as different."""
        if len(words) > _FEW:
            return cls.in_column(pa.array(words, pa.string()))
        encoded = [b"" if word is None else word.encode() for word in words]
        ends = np.zeros(len(words) + 1, np.int64)
        np.cumsum([len(word) for word in encoded], out=ends[1:])
        ends.setflags(write=False)  # as Arrow's are: loops have one type of array
        text = b"".join(encoded)
        which = np.arange(len(words), dtype=np.int32)
        return cls(np.frombuffer(text or b"\0", np.uint8)[: len(text)], ends, which)


def _codes(
    state: State, *, devices: _Words, points: _Words, persons: _Words, credentials: _Words
) -> tuple[Any, Any, Any, Any]:
    """Return each row's codes: of the device, the point, the credential and the person."""
    found = []
    for names, words in (
        (state.device_names, devices),
        (state.point_names, points),
        (state.credential_names, credentials),
    ):
        names.reserve(words.count, len(words.text))
        codes = np.empty(len(words.which), np.int32)
        _encode_words(
            words.text, words.ends, words.which, words.codes, names.blob, names.ends, names.slots,
            names.size, codes,
        )  # fmt: skip
        found.append(codes)
    state.credentials.grow(len(state.credential_names))
    names, people, cards = state.persons, persons, credentials
    names.reserve(
        people.count + cards.count, len(people.text) + len(cards.text) + _STRANGER_BYTES * cards.count
    )
    longest = int(np.diff(cards.ends).max(initial=0))
    scratch = np.zeros(_STRANGER_BYTES + longest, np.uint8)
    scratch[:_STRANGER_BYTES] = _STRANGER
    codes = np.empty(len(people.which), np.int32)
    _encode_persons(
        found[2], state.credentials.rows, people.text, people.ends, people.which, people.codes,
        cards.text, cards.ends, cards.which, scratch, names.blob, names.ends, names.slots, names.size, codes,
    )  # fmt: skip
    state.grow()
    device, point, credential = found
    return device, point, credential, codes


@loop
def _encode_words(
    text: Any, text_ends: Any, which: Any, codes: Any, blob: Any, ends: Any, slots: Any, size: Any, out: Any
) -> None:
    """Give words their codes in the order in which rows have them; `out` is each row's."""
    for i in range(len(out)):
        word = which[i]
        if word < 0:
            out[i] = 0
            continue
        if codes[word] == 0 and text_ends[word] != text_ends[word + 1]:
            codes[word] = code_of(text, text_ends[word], text_ends[word + 1], blob, ends, slots, size)
        out[i] = codes[word]


@inlined
def _name_stranger(
    credential: Any, data: Any, start: int, stop: int, scratch: Any, blob: Any, ends: Any, slots: Any,
    size: Any,
) -> None:  # fmt: skip
    """Give a credential that nobody holds a person of its own: `unknown:` and its hash, data[start:stop]."""
    if credential.count == 0 and credential.stranger == 0:
        for place in range(stop - start):
            scratch[_STRANGER_BYTES + place] = data[start + place]
        credential.stranger = code_of(scratch, 0, _STRANGER_BYTES + stop - start, blob, ends, slots, size)


@loop
def _encode_persons(
    shown: Any, credentials: Any, person_text: Any, person_ends: Any, which_person: Any, codes: Any,
    card_text: Any, card_ends: Any, which_card: Any, scratch: Any, blob: Any, ends: Any, slots: Any,
    size: Any, out: Any,
) -> None:  # fmt: skip
    """Give persons their codes; `shown` is each row's credential, `out` its person, 0 where it names none."""
    for i in range(len(out)):
        out[i] = 0
        word = which_person[i]
        if word >= 0 and person_ends[word] != person_ends[word + 1]:
            if codes[word] == 0:
                codes[word] = code_of(
                    person_text, person_ends[word], person_ends[word + 1], blob, ends, slots, size
                )
            out[i] = codes[word]
        elif shown[i] != 0:
            card = which_card[i]
            _name_stranger(
                credentials[shown[i]], card_text, card_ends[card], card_ends[card + 1], scratch, blob, ends,
                slots, size,
            )  # fmt: skip


@loop
def _fill_admitted(
    rows: Any, admitted: Any, places: Any, names: Any, offsets: Any, device_blob: Any, device_ends: Any,
    device_slots: Any, device_size: Any, point_blob: Any, point_ends: Any, point_slots: Any, point_size: Any,
    card_blob: Any, card_ends: Any, card_slots: Any, card_size: Any,
) -> None:  # fmt: skip
    """Fill in everything but the person."""
    for i in range(len(rows)):
        signal, row = admitted[places[i]], rows[i]
        row.position = offsets[i]
        row.occurred_at, row.received_at = signal.occurred_at, signal.received_at
        row.seq, row.passed = signal.seq, signal.passed
        row.category, row.action = signal.category, signal.action
        row.direction, row.delivery = signal.direction, signal.delivery
        start = int(signal.names)
        end = start + max(int(signal.device_length), 0)
        row.from_device = _code_of(names, start, end, device_blob, device_ends, device_slots, device_size)
        start, end = end, end + max(int(signal.point_length), 0)
        row.point = _code_of(names, start, end, point_blob, point_ends, point_slots, point_size)
        start, end = end, end + max(int(signal.credential_length), 0)
        row.credential = _code_of(names, start, end, card_blob, card_ends, card_slots, card_size)


@inlined
def _code_of(data: Any, start: int, stop: int, blob: Any, ends: Any, slots: Any, size: Any) -> int:
    return 0 if start == stop else code_of(data, start, stop, blob, ends, slots, size)


@loop
def _fill_holders(
    rows: Any, admitted: Any, places: Any, names: Any, credentials: Any, scratch: Any, blob: Any, ends: Any,
    slots: Any, size: Any,
) -> None:  # fmt: skip
    """Fill in the person, as `_encode_persons` gives them their codes."""
    for i in range(len(rows)):
        signal, row = admitted[places[i]], rows[i]
        card = int(signal.names) + max(int(signal.device_length), 0) + max(int(signal.point_length), 0)
        card_bytes = max(int(signal.credential_length), 0)
        if signal.person_length > 0:
            start = card + card_bytes
            row.person = code_of(names, start, start + signal.person_length, blob, ends, slots, size)
        elif row.credential != 0:
            _name_stranger(
                credentials[row.credential], names, card, card + card_bytes, scratch, blob, ends, slots, size
            )  # fmt: skip
