"""Encoding: signals become rows of codes, one by one from objects or column by column from the history.

Both give the same codes: a string's code is given at its first appearance, in log order.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from domain.kernels import Records, loop, records
from domain.names import code_of, text_buffers
from domain.records import NONE, PLACED, SIGNAL
from domain.signal import Signal
from domain.vocabulary import Action, Category, Delivery, Direction, codes
from streams.state import State

CATEGORIES: Final = codes(Category)
ACTIONS: Final = codes(Action)
DIRECTIONS: Final = codes(Direction)
DELIVERIES: Final = codes(Delivery)
STRANGER: Final = np.frombuffer(b"unknown:", np.uint8)


def encode(state: State, signals: Sequence[Signal]) -> Records:
    """Return SIGNAL rows of these signals, at the state's position and after; the state learns their names.

    A manual placement's zone must have been checked: it is put into `to_zone`.
    """
    rows = records(len(signals), SIGNAL)
    rows["position"] = np.arange(state.position, state.position + len(signals))
    rows["occurred_at"] = [signal.time.occurred_at for signal in signals]
    rows["received_at"] = [signal.time.received_at for signal in signals]
    rows["seq"] = [NONE if signal.seq is None else signal.seq for signal in signals]
    rows["passed"] = [NONE if signal.count is None else signal.count.interval for signal in signals]
    rows["category"] = [CATEGORIES[signal.category] for signal in signals]
    rows["action"] = [ACTIONS[signal.action] for signal in signals]
    rows["direction"] = [DIRECTIONS[signal.direction] for signal in signals]
    rows["delivery"] = [DELIVERIES[signal.delivery] for signal in signals]
    text = pa.string()
    _encode_names(
        state,
        rows,
        devices=pa.array([signal.device for signal in signals], text),
        points=pa.array([signal.point for signal in signals], text),
        persons=pa.array([signal.person for signal in signals], text),
        credentials=pa.array([None if s.credential is None else s.credential.hash for s in signals], text),
    )
    for place in np.flatnonzero(rows["action"] == PLACED).tolist():
        data = signals[place].data
        if data is not None and "zone" in data:
            rows["to_zone"][place] = state.zone_code(data["zone"])
    return rows


def encode_columns(state: State, columns: Mapping[str, Any]) -> Records:
    """Return SIGNAL rows of these Arrow columns: the history's, none of them control signals.

    Columns: occurred_at, received_at, seq (null: none), passed as integers; category, action, direction,
    delivery, device, point, person, credential as strings, dictionary-encoded or not.
    """
    length = len(columns["occurred_at"])
    rows = records(length, SIGNAL)
    rows["position"] = np.arange(state.position, state.position + length)
    for name in ("occurred_at", "received_at"):
        rows[name] = columns[name].cast(pa.int64()).to_numpy(zero_copy_only=False)
    rows["seq"] = columns["seq"].cast(pa.int64()).fill_null(NONE).to_numpy(zero_copy_only=False)
    rows["passed"] = columns["passed"].cast(pa.int64()).fill_null(NONE).to_numpy(zero_copy_only=False)
    for name, known in (
        ("category", CATEGORIES),
        ("action", ACTIONS),
        ("direction", DIRECTIONS),
        ("delivery", DELIVERIES),
    ):
        column = columns[name]
        if not pa.types.is_dictionary(column.type):
            column = column.dictionary_encode()
        meaning = np.array([known[str(word)] for word in column.dictionary] or [0], np.uint8)
        rows[name] = meaning[column.indices.to_numpy(zero_copy_only=False)]
    text = {name: _text(columns[name]) for name in ("device", "point", "person", "credential")}
    _encode_names(
        state,
        rows,
        devices=text["device"],
        points=text["point"],
        persons=text["person"],
        credentials=text["credential"],
    )
    return rows


def _text(column: Any) -> Any:
    return column.cast(pa.string()) if pa.types.is_dictionary(column.type) else column


def _encode_names(
    state: State, rows: Records, *, devices: Any, points: Any, persons: Any, credentials: Any
) -> None:
    rows["from_device"] = state.device_names.codes(devices)
    rows["point"] = state.point_names.codes(points)
    rows["credential"] = state.credential_names.codes(credentials)
    state.credentials.grow(len(state.credential_names))
    names = state.persons
    person_text, person_ends = text_buffers(persons)
    card_text, card_ends = text_buffers(credentials)
    names.reserve(len(rows), len(person_text) + len(card_text) + len(STRANGER) * len(rows))
    longest = int(np.diff(card_ends).max(initial=0))
    scratch = np.zeros(len(STRANGER) + longest, np.uint8)
    scratch[: len(STRANGER)] = STRANGER
    _encode_persons(
        rows, state.credentials.rows, person_text, person_ends, card_text, card_ends, scratch,
        names.blob, names.ends, names.slots, names.size,
    )  # fmt: skip
    state.grow()


@loop
def _encode_persons(
    rows: Any, credentials: Any, person_text: Any, person_ends: Any, card_text: Any, card_ends: Any,
    scratch: Any, blob: Any, ends: Any, slots: Any, size: Any,
) -> None:  # fmt: skip
    """Give persons their codes; a credential that nobody holds is its own person, `unknown:` and its hash."""
    for i in range(len(rows)):
        row = rows[i]
        start = person_ends[i]
        stop = person_ends[i + 1]
        if start != stop:
            row.person = code_of(person_text, start, stop, blob, ends, slots, size)
        elif row.credential != 0:
            credential = credentials[row.credential]
            if credential.count == 0 and credential.stranger == 0:
                length = card_ends[i + 1] - card_ends[i]
                for place in range(length):
                    scratch[8 + place] = card_text[card_ends[i] + place]
                credential.stranger = code_of(scratch, 0, 8 + length, blob, ends, slots, size)
