"""Signals and events as Hypothesis draws them, whatever stands in their fields."""

from typing import Any

from hypothesis import strategies as st

from domain.event import Event
from domain.signal import Count, Credential, Screening, Signal, Time, Verify
from domain.vocabulary import (
    Action,
    Basis,
    Category,
    Delivery,
    Direction,
    Method,
    Quality,
    Reason,
    Severity,
    Topic,
)

TEXTS = st.text(st.characters(codec="utf-8"), max_size=6) | st.sampled_from(
    ['"', "\\", "\x00", "\x1f\x7f", "é", "\u2028", "😀", "a\nb", "", "NaN", "null"]
)
INTS = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)
MOMENTS = st.integers(-(10**14), 10**16) | st.sampled_from([0, 1, -1, 999_999, 1_700_000_000_000_000])
FINITE = st.floats(allow_nan=False, allow_infinity=False)  # JSON has no others: none is ever read from a wire
NUMBERS = st.integers(0, 2**32 - 1)


def _signals(texts: Any, integers: Any) -> st.SearchStrategy[Signal]:
    maybe = st.none() | texts
    return st.builds(
        Signal,
        id=texts,
        site=texts,
        device=texts,
        category=st.sampled_from(Category),
        action=st.sampled_from(Action),
        time=st.builds(
            Time,
            MOMENTS,
            MOMENTS,
            raw=maybe,
            zone=maybe,
            offset_ms=st.none() | integers,
            quality=st.sampled_from(Quality),
        ),
        point=maybe,
        reason=st.sampled_from(Reason),
        reason_code=maybe,
        direction=st.sampled_from(Direction),
        credential=st.none() | st.builds(Credential, texts, texts),
        person=maybe,
        verify=st.sampled_from([None, Verify(), Verify((Method.CARD,), liveness=True)]),
        screening=st.none() | st.builds(Screening, FINITE, mask=st.booleans(), equipment=st.tuples(texts)),
        count=st.none() | st.builds(Count, integers, st.none() | integers),
        seq=st.none() | integers,
        delivery=st.sampled_from(Delivery),
        data=_objects(texts, integers),
        raw=maybe,
    )


def _events(texts: Any, integers: Any, positions: Any) -> st.SearchStrategy[Event]:
    maybe = st.none() | texts
    return st.builds(
        Event,
        id=texts,
        site=texts,
        topic=st.sampled_from(Topic),
        position=positions,
        ordinal=NUMBERS,
        occurred_at=MOMENTS,
        known_at=MOMENTS,
        person=maybe,
        credential=maybe,
        zone=maybe,
        from_zone=maybe,
        maybe_zone=maybe,
        point=maybe,
        device=maybe,
        visit=maybe,
        basis=st.sampled_from(Basis),
        rule=maybe,
        alert=maybe,
        severity=st.sampled_from(Severity),
        value=st.none() | integers,
        limit=st.none() | integers,
        late=st.booleans(),
        causes=st.lists(positions, max_size=3).map(tuple),
        policy_version=NUMBERS,
        detail=_objects(texts, integers),
    )


def _objects(texts: Any, integers: Any) -> st.SearchStrategy[dict[str, Any] | None]:
    simple = texts | integers | FINITE
    return st.none() | st.dictionaries(texts, simple | st.lists(simple, max_size=2), max_size=2)


SIGNALS, EVENTS = _signals(TEXTS, INTS), _events(TEXTS, INTS, st.integers(0, 2**64 - 1))
_NO_ESCAPE = st.text(st.characters(codec="utf-8", min_codepoint=32, exclude_characters='"\\'), max_size=6)
_DIGITS = st.integers(-(10**18) + 1, 10**18 - 1)
PLAIN_SIGNALS = _signals(_NO_ESCAPE, _DIGITS)
PLAIN_EVENTS = _events(_NO_ESCAPE, _DIGITS, st.integers(0, 10**18 - 1))
FULL_SIGNAL = Signal(
    id="1",
    site="s",
    device="d",
    category=Category.DOOR,
    action=Action.OPENED,
    time=Time(5, 6, "r", "z", 70, Quality.CORRECTED),
    point="p",
    reason=Reason.DURESS,
    reason_code="c",
    direction=Direction.IN,
    credential=Credential("f", "h"),
    person="x",
    verify=Verify((Method.CARD,), liveness=True),
    screening=Screening(36.5, mask=False),
    count=Count(90, 100),
    seq=80,
    delivery=Delivery.POLL,
    data={"a": {"b": [1, "]", 2.5]}, "c": None},
    raw="w",
)
FULL_EVENT = Event(
    id="1",
    site="s",
    topic=Topic.VISIT_STARTED,
    position=90,
    ordinal=20,
    occurred_at=30,
    known_at=40,
    person="x",
    value=50,
    limit=60,
    late=True,
    causes=(70, 80),
    policy_version=11,
    detail={"a": {"b": [1, "}", 2.5]}, "c": None},
)
"""With something in every field."""


@st.composite
def changed_wires(draw: st.DrawFn, wire: bytes) -> bytes:
    """Cut, put in, or move some bytes of the wire; seldom none."""
    for _ in range(draw(st.integers(0, 2))):
        begin = draw(st.integers(0, len(wire)))
        end = min(len(wire), begin + draw(st.integers(0, 8)))
        pieces = [
            b"",
            b'"',
            b"\\",
            b",",
            b"0",
            b"-",
            b"1.5",
            b"1e3",
            b" ",
            b"}",
            b"]",
            b"null",
            b"\xc3",
            b"9" * 19,
        ]
        put = draw(st.sampled_from([*pieces, wire[begin:end] * 2]) | st.binary(max_size=2))
        wire = wire[:begin] + put + wire[end:]
    return wire
