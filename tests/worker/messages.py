"""Messages of the signals topic for tests: from signals, good and bad, of several sites."""

from collections.abc import Sequence
from functools import cache
from typing import Any, Final

import msgspec
from hypothesis import strategies as st

from domain.signal import Count, Credential, Signal, Time, signal_id, write_signal
from domain.times import HOUR_US
from domain.vocabulary import Action, Category
from streams.admission import Limits, Message
from tests.signal_strategies import worlds

LIMITS: Final = Limits(clock_ahead_us=24 * HOUR_US, message_bytes=1_000_000)
NOON: Final = 1_709_550_000_000_000
_SITES: Final = ("alpha", "beta", "gamma")


def a_signal(number: int = 0, site: str = "alpha", **changes: Any) -> Signal:
    """Return a dull signal; its number makes its id."""
    usual: dict[str, Any] = {
        "id": signal_id(site, str(number)),
        "site": site,
        "device": "d1",
        "category": Category.CLOCK,
        "action": Action.TICKED,
        "time": Time(NOON, NOON),
    }
    return Signal(**(usual | changes))


def message(signal: Signal, offset: int = 0, appended_at: int | None = None, **changes: Any) -> Message:
    """Return the signal as its message, appended when it was received."""
    at = signal.time.received_at if appended_at is None else appended_at
    whole = Message(offset, signal.site.encode(), write_signal(signal), at, b"1", signal.id.encode())
    return msgspec.structs.replace(whole, **changes)


@cache
def bad_messages() -> list[tuple[str, Message]]:
    """Return a message of every kind that is refused, and the reason it is given."""
    good = message(a_signal())
    value = good.value or b""
    nested = write_signal(a_signal(data={"a": 1})).replace(b"1}}", b"[" * 1_100 + b"]" * 1_100 + b"}}")
    of_beta = write_signal(a_signal(site="beta"))

    def changed(**changes: Any) -> Message:
        return msgspec.structs.replace(good, **changes)

    def odd(**changes: Any) -> Message:
        return changed(value=write_signal(a_signal(**changes)))

    return [
        ("unknown_schema", changed(schema=b"2")),
        ("unknown_schema", changed(value=value.replace(b"signal:1", b"signal:9"))),
        ("unreadable", changed(value=b"\xff\x00 no JSON")),
        ("unreadable", changed(value=b"")),
        ("unreadable", changed(value=None)),
        ("unreadable", odd(id="42")),
        ("unreadable", changed(value=value.replace(b'"clock"', b'"unknown schema"'))),
        ("unknown_schema", changed(schema="²".encode())),
        ("unknown_schema", changed(schema=b"1" * 5_000)),
        ("unknown_schema", changed(value=value.replace(b"signal:1", "signal:²".encode()))),
        ("unknown_schema", changed(value=value.replace(b"signal:1", b"signal:" + b"1" * 5_000))),
        ("unreadable", changed(value=nested)),
        ("wrong_encoding", changed(key=b"\xff\xfe")),
        ("foreign_key", changed(value=of_beta)),
        ("foreign_key", changed(key=b"a b")),
        ("foreign_key", changed(key=None)),
        ("too_long", changed(value=value + b" " * LIMITS.message_bytes)),
        ("implausible_time", changed(appended_at=NOON - LIMITS.clock_ahead_us - 1)),
        ("implausible_time", odd(time=Time(-1, NOON))),
        ("implausible_time", odd(time=Time(NOON, 2**62))),
        ("bad_number", odd(seq=2**70)),
        ("bad_number", odd(count=Count(2**31))),
        ("bad_number", odd(count=Count(1, 2**63))),
        ("negative_count", odd(count=Count(-1))),
        ("too_long", odd(device="d" * 257)),
        ("too_long", odd(credential=Credential("card", "c" * 60_000))),
        ("unknown_action", odd(action=Action.PLACED, category=Category.DOOR, data={"zone": "x"})),
    ]


@st.composite
def partitions(draw: st.DrawFn, *, sites: int = 3, max_steps: int = 20) -> list[Message]:
    """Draw a partition: the worlds of several sites shuffled together, with repeats and bad messages."""
    waiting = [
        moved(draw(worlds(max_steps=max_steps, wild_sites=True)), site)
        for site in _SITES[: draw(st.integers(1, sites))]
    ]
    bad = [one for _, one in bad_messages()]
    drawn: list[Message] = []
    while any(waiting):
        said = [one for one in drawn if one.value]
        kind = draw(st.sampled_from(["next"] * 6 + ["repeat", "bad"]))
        if kind == "bad":
            drawn.append(draw(st.sampled_from(bad)))
        elif kind == "repeat" and said:
            drawn.append(draw(st.sampled_from(said[-6:])))
        else:
            site = draw(st.sampled_from([log for log in waiting if log]))
            drawn.append(message(site.pop(0)))
    return [msgspec.structs.replace(one, offset=offset) for offset, one in enumerate(drawn)]


def moved(log: Sequence[Signal], site: str) -> list[Signal]:
    """Return a world's signals as those of another site."""
    signals = []
    for signal in log:
        data = signal.data
        if data and data.get("kind") == "site" and "id" in data["document"]:
            data = data | {"document": data["document"] | {"id": site}}
        signals.append(msgspec.structs.replace(signal, id=signal_id(site, signal.id), site=site, data=data))
    return signals
