"""Signals and events as columns: one column per field, and back.

Codes and ids are strings, times are UTC microseconds, and what has no columns of its own (verify, screening,
data, detail) is JSON. A null is a field that is None.
"""

import itertools
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

import msgspec

from domain.event import Event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify
from domain.vocabulary import Action, Category, Delivery, Direction, Quality, Reason

_encode: Final = msgspec.json.Encoder().encode

SIGNALS: Final = """
SELECT * REPLACE (
    toUnixTimestamp64Micro(occurred_at) AS occurred_at, toUnixTimestamp64Micro(received_at) AS received_at
)
FROM signals
"""
"""Rows as `signal_of` reads them; a WHERE and an ORDER BY may follow."""


def signal_table(partition: int, rows: Sequence[tuple[int, Signal]]) -> Any:
    """Return signals with their offsets as a `pyarrow.Table` with the columns of the table `signals`.

    Raises:
        pyarrow.ArrowException, OverflowError: a number that no column holds.
    """
    of = _fields([signal for _, signal in rows])
    of_time = _fields(of("time"))
    credentials, counts = of("credential"), of("count")
    return _table(
        partition,
        [offset for offset, _ in rows],
        {
            "id": _strings(of("id")),
            "site": _strings(of("site")),
            "device": _strings(of("device")),
            "category": _strings(of("category")),
            "action": _strings(of("action")),
            "occurred_at": _instants(of_time("occurred_at")),
            "received_at": _instants(of_time("received_at")),
            "time_raw": _strings(of_time("raw")),
            "time_zone": _strings(of_time("zone")),
            "offset_ms": _integers(of_time("offset_ms")),
            "quality": _strings(of_time("quality")),
            "point": _strings(of("point")),
            "reason": _strings(of("reason")),
            "reason_code": _strings(of("reason_code")),
            "direction": _strings(of("direction")),
            "credential_format": _strings([None if it is None else it.format for it in credentials]),
            "credential_hash": _strings([None if it is None else it.hash for it in credentials]),
            "person": _strings(of("person")),
            "verify": _json(of("verify")),
            "screening": _json(of("screening")),
            "count_interval": _integers([None if it is None else it.interval for it in counts]),
            "count_cumulative": _integers([None if it is None else it.cumulative for it in counts]),
            "seq": _integers(of("seq")),
            "delivery": _strings(of("delivery")),
            "data": _json(of("data")),
            "raw": _strings(of("raw")),
        },
    )


def event_table(partition: int, rows: Sequence[tuple[int, Event]]) -> Any:
    """Return events with their offsets as a `pyarrow.Table` with the columns of the table `events`.

    Raises:
        pyarrow.ArrowException, OverflowError: a number that no column holds.
    """
    of = _fields([event for _, event in rows])
    return _table(
        partition,
        [offset for offset, _ in rows],
        {
            "id": _strings(of("id")),
            "site": _strings(of("site")),
            "topic": _strings(of("topic")),
            "position": _integers(of("position"), "uint64"),
            "ordinal": _integers(of("ordinal"), "uint32"),
            "occurred_at": _instants(of("occurred_at")),
            "known_at": _instants(of("known_at")),
            "person": _strings(of("person")),
            "credential": _strings(of("credential")),
            "zone": _strings(of("zone")),
            "from_zone": _strings(of("from_zone")),
            "maybe_zone": _strings(of("maybe_zone")),
            "point": _strings(of("point")),
            "device": _strings(of("device")),
            "visit": _strings(of("visit")),
            "basis": _strings(of("basis")),
            "rule": _strings(of("rule")),
            "alert": _strings(of("alert")),
            "severity": _strings(of("severity")),
            "value": _integers(of("value")),
            "limit": _integers(of("limit")),
            "late": _booleans(of("late")),
            "causes": _lists(of("causes")),
            "policy_version": _integers(of("policy_version"), "uint32"),
            "detail": _json(of("detail")),
            "schema": _integers(of("schema"), "uint16"),
        },
    )


def unreadable_table(partition: int, rows: Sequence[tuple[int, bytes, str]]) -> Any:
    """Return wires nobody could read, each with offset and reason, so that no offset is missing."""
    import pyarrow

    return _table(
        partition,
        [offset for offset, _, _ in rows],
        {
            "wire": pyarrow.array([wire for _, wire, _ in rows], pyarrow.binary()),
            "unreadable": _strings([reason for _, _, reason in rows]),
        },
    )


def signal_of(row: dict[str, Any]) -> Signal:
    """Return the signal in a row of `SIGNALS`: the very one that was written."""

    def parsed(column: str, kind: Any) -> Any:
        return None if row[column] is None else msgspec.json.decode(row[column], type=kind)

    credential = row["credential_hash"]
    interval = row["count_interval"]
    return Signal(
        id=row["id"],
        site=row["site"],
        device=row["device"],
        category=Category(row["category"]),
        action=Action(row["action"]),
        time=Time(
            occurred_at=row["occurred_at"],
            received_at=row["received_at"],
            raw=row["time_raw"],
            zone=row["time_zone"],
            offset_ms=row["offset_ms"],
            quality=Quality(row["quality"]),
        ),
        point=row["point"],
        reason=Reason(row["reason"]),
        reason_code=row["reason_code"],
        direction=Direction(row["direction"]),
        credential=None if credential is None else Credential(row["credential_format"], credential),
        person=row["person"],
        verify=parsed("verify", Verify),
        screening=parsed("screening", Screening),
        count=None if interval is None else Count(interval, row["count_cumulative"]),
        seq=row["seq"],
        delivery=Delivery(row["delivery"]),
        data=parsed("data", dict[str, Any]),
        raw=row["raw"],
    )


def _table(partition: int, offsets: Sequence[int], columns: dict[str, Any]) -> Any:
    import pyarrow

    where = {
        "partition": pyarrow.repeat(pyarrow.scalar(partition, pyarrow.uint16()), len(offsets)),
        "offset": pyarrow.array(offsets, pyarrow.uint64()),
    }
    return pyarrow.table(where | columns)


def _fields(items: Sequence[Any]) -> Callable[[str], list[Any]]:
    return lambda name: list(map(attrgetter(name), items))


def _strings(values: Sequence[str | None]) -> Any:
    import pyarrow

    return pyarrow.array(values, pyarrow.string())


def _integers(values: Sequence[int | None], kind: str = "int64") -> Any:
    import pyarrow

    return pyarrow.array(values, kind)


def _booleans(values: Sequence[bool]) -> Any:
    import pyarrow

    return pyarrow.array(values, pyarrow.bool_())


def _instants(values: Sequence[int]) -> Any:
    import pyarrow

    return pyarrow.array(values, pyarrow.int64()).view(pyarrow.timestamp("us", "UTC"))


def _json(values: Sequence[Any]) -> Any:
    return _strings([None if value is None else _encode(value).decode() for value in values])


def _lists(values: Sequence[tuple[int, ...]]) -> Any:
    import pyarrow

    ends = list(itertools.accumulate(map(len, values), initial=0))
    flat = list(itertools.chain.from_iterable(values))
    return pyarrow.ListArray.from_arrays(
        pyarrow.array(ends, pyarrow.int32()), pyarrow.array(flat, pyarrow.uint64())
    )
