"""Replaying: batches of columns from the history decided in bulk, without an object for a signal or event.

The same engine and the same rows as `Engine.decide`, so the same decisions: only reading and telling differ.
Control signals that order something are decided one by one, where they stand.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec

from domain.columns import are_orders
from domain.event import Event
from domain.kernels import Records
from domain.signal import Signal, Time
from domain.vocabulary import Action, Category
from streams.collection import rare_collection
from streams.deciding import parts
from streams.decoding import decode
from streams.encoding import encode_columns
from streams.engine import Engine
from streams.state import State

ROWS: Final = 20_000
"""Signals decided at once: enough to hide what a batch costs, and small enough to stay in the caches."""

_ENCODED: Final = (
    "occurred_at", "received_at", "seq", "device", "point", "credential", "person", "category", "action",
    "direction", "delivery",
)  # fmt: skip

OnRows = Callable[[Records, Any, int], None]
"""Hears of a batch's EVENT rows, their causes and the position of signal 0; they are overwritten later."""
OnEvents = Callable[[list[Event]], None]
Encode = Callable[[State, Mapping[str, Any]], Records]


def replay(
    engine: Engine,
    batches: Iterable[Any],
    *,
    on_rows: OnRows | None = None,
    on_events: OnEvents | None = None,
    encode: Encode = encode_columns,
) -> int:
    """Decide batches of signals in order, from the engine's position on; return how many events follow.

    Args:
        engine: it stands at the first signal of the first batch.
        batches: `pyarrow.RecordBatch`es with the columns of `encode_columns`, `passed` as `count_interval`,
            and `position`, and `data` (JSON or null).
        on_rows: given the decided rows; by default they are only counted.
        on_events: given the events that control signals decide, which exist only as objects.
        encode: makes SIGNAL rows of columns, as `encode_columns`; to be measured, for example.

    Raises:
        ValueError: a batch does not go on where the engine stands, or holds a signal nobody could read.
    """
    decided = 0
    with rare_collection():
        for batch in batches:
            _check(engine, batch)
            orders = are_orders(batch.column("category"), batch.column("action"))
            for first, end, is_order in parts(orders):
                if not is_order:
                    decided += _decide_rows(engine, batch.slice(first, end - first), encode, on_rows)
                    continue
                events = engine.decide([_control_signal(engine, batch, first)])
                decided += len(events)
                if on_events is not None:
                    on_events(events)
    return decided


def replay_events(engine: Engine, batches: Iterable[Any]) -> Iterator[list[Event]]:
    """Decide as `replay` does, and yield the events themselves, some at a time, in order."""
    for batch in batches:
        found: list[Event] = []

        def told(rows: Records, causes: Any, position: int, into: list[Event] = found) -> None:
            into += decode(engine.state, rows, causes, range(position, position + ROWS))

        replay(engine, [batch], on_rows=told, on_events=found.extend)
        yield found


def _decide_rows(engine: Engine, batch: Any, encode: Encode, on_rows: OnRows | None) -> int:
    columns = {name: batch.column(name) for name in _ENCODED} | {"passed": batch.column("count_interval")}
    signals = encode(engine.state, columns)
    decided = 0
    for start in range(0, len(signals), ROWS):
        position = engine.position
        rows, causes = engine.decide_records(signals[start : start + ROWS])
        decided += len(rows)
        if on_rows is not None:
            on_rows(rows, causes, position)
    return decided


def _check(engine: Engine, batch: Any) -> None:
    positions = batch.column("position").to_numpy()
    if len(positions) and (
        positions[0] != engine.position or positions[-1] - positions[0] != len(positions) - 1
    ):
        raise ValueError(
            f"signals {positions[0]} to {positions[-1]} do not go on where the engine stands, "
            f"at {engine.position}, without gaps: replay from the beginning, or from a snapshot"
        )


def _control_signal(engine: Engine, batch: Any, place: int) -> Signal:
    """Return a control signal with everything the engine reads of it; its id does not matter to it."""
    row = {name: batch.column(name)[place].as_py() for name in (*_ENCODED[:7], "action", "data")}
    return Signal(
        id="",
        site=engine.state.site_id,
        device=row["device"],
        category=Category.CONTROL,
        action=Action(row["action"]),
        time=Time(row["occurred_at"], row["received_at"]),
        point=row["point"],
        person=row["person"],
        seq=row["seq"],
        data=None if row["data"] is None else msgspec.json.decode(row["data"]),
    )
