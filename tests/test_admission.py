"""Admission: every kind of bad message is refused with its reason; whatever is admitted can be decided."""

import functools
import sys
from typing import Any
from unittest.mock import patch

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.kernels import COMPILED
from domain.signal import (
    DEEPEST,
    NEWEST_SCHEMA,
    Count,
    Credential,
    Screening,
    Signal,
    Time,
    Verify,
    signal_id,
    write_signal,
)
from domain.times import HOUR_US, LATEST_US
from domain.vocabulary import ORDERS, Action, Category, Delivery, Direction, Method, Quality, Topic
from domain.wire_layout import SIGNAL_LAYOUT
from domain.wire_scanning import scan
from streams import bulk_admission
from streams.admission import Admission, Limits, Message, Refused
from streams.bulk_admission import admit_in_bulk
from streams.encoding import encode, encode_admitted
from streams.messages import Messages
from streams.partitioning import partition_of
from streams.state import State
from streams.worker.partition import PartitionDecider
from streams.worker.recent_ids import words_of
from tests.wire_strategies import FULL_SIGNAL, changed_wires
from tests.worker.messages import LIMITS, NOON, a_signal, bad_messages, message

BAD = bad_messages()


@pytest.mark.parametrize(("reason", "bad"), BAD, ids=[f"{n}-{reason}" for n, (reason, _) in enumerate(BAD)])
def test_a_bad_message_is_refused_with_its_reason(reason: str, bad: Message) -> None:
    """Each is refused for what is wrong with it, and a detail says so."""
    found = Admission(LIMITS).admit(bad)
    assert isinstance(found, Refused)
    assert (found.reason, found.message) == (reason, bad)
    assert found.detail


def test_a_signal_is_admitted_up_to_the_tolerance() -> None:
    """Exactly the tolerance ahead is still a signal; without the header the envelope's version counts."""
    signal = a_signal(time=Time(NOON, NOON + HOUR_US))
    assert Admission(LIMITS).admit(message(signal, appended_at=NOON - 24 * HOUR_US)) == signal
    assert Admission(LIMITS).admit(message(signal, schema=None)) == signal


def test_how_deep_a_signal_may_be_does_not_depend_on_who_reads_it() -> None:
    """Up to 64 deep is a signal, one more is none; brackets in texts do not count."""

    def admitted(depth: int) -> bool:
        whole = write_signal(a_signal(data={"a": 1}, raw='[{"\\' * 40))
        deep = whole.replace(b'"a":1', b'"a":' + b"[" * depth + b"]" * depth)
        return isinstance(Admission(LIMITS).admit(message(a_signal(), value=deep)), Signal)

    assert admitted(61)
    assert not admitted(62)
    assert not admitted(10 * sys.getrecursionlimit())


_MARKS = st.lists(st.sampled_from('ab[]{}"\\\n'), max_size=8).map("".join)


@given(st.integers(50, 70), st.lists(_MARKS, min_size=1), st.lists(_MARKS, max_size=60))
def test_only_brackets_outside_of_texts_make_a_signal_deep(
    depth: int, texts: list[str], beside: list[str]
) -> None:
    """Whatever is escaped in texts, and however many brackets stand side by side."""
    inner: Any = 1
    for level in range(depth - 3):
        text = texts[level % len(texts)]
        inner = [text, inner, []] if level % 2 else {"b": text, f"a{text}": inner}
    one = a_signal(data={"b": [[text] for text in beside], f"a{texts[0]}": inner}, raw=texts[-1])
    found = Admission(LIMITS).admit(message(one))
    assert isinstance(found, Signal) == (depth <= DEEPEST)


def test_a_key_in_the_wrong_partition_is_refused() -> None:
    """A site decided in two partitions would be two sites."""
    home = partition_of("alpha", 12)
    for partition in range(12):
        found = Admission(msgspec.structs.replace(LIMITS, partition=partition, partitions=12)).admit(
            message(a_signal())
        )
        assert isinstance(found, Signal) == (partition == home)
        if isinstance(found, Refused):
            assert found.reason == "foreign_key"
            assert f"belongs in partition {home} of 12" in found.detail


_NUMBERS = st.one_of(st.integers(), st.sampled_from([0, -1, 2**31, 2**62, 2**63, 2**64, NOON]))
_WORDS = st.one_of(st.text(max_size=5), st.sampled_from(["outside", "d1", "p1", "x" * 300]))
_JSON = st.recursive(st.one_of(st.none(), st.booleans(), _NUMBERS, _WORDS), lambda one: st.lists(one))
_NESTED = st.integers(1, 70).map(lambda depth: functools.reduce(lambda inner, _: [inner], range(depth), 1))
"""Lists in lists: some of them deeper than a signal may be."""
_SCHEMAS = st.sampled_from(
    [NEWEST_SCHEMA] * 6 + ["urn:limen:signal:²", "urn:limen:signal:" + "9" * 5_000, ""]
)


@st.composite
def _odd_signals(draw: st.DrawFn) -> bytes:
    """Draw the wire bytes of a signal with anything in its fields that JSON and the types allow."""
    times = st.one_of(_NUMBERS, st.integers(0, 2**53))
    body: dict[str, Any] = {
        "id": signal_id(str(draw(st.integers(0, 5)))),
        "site": "alpha",
        "device": draw(_WORDS),
        "category": draw(st.sampled_from(list(Category))),
        "action": draw(st.sampled_from(list(Action))),
        "time": {"occurred_at": draw(times), "received_at": draw(times)},
        "point": draw(st.none() | _WORDS),
        "direction": draw(st.sampled_from(list(Direction))),
        "credential": draw(st.none() | st.builds(lambda h: {"format": "card", "hash": h}, _WORDS)),
        "person": draw(st.none() | _WORDS),
        "count": draw(st.none() | st.builds(lambda n: {"interval": n}, _NUMBERS)),
        "seq": draw(st.none() | _NUMBERS),
        "delivery": draw(st.sampled_from(list(Delivery))),
        "data": draw(
            st.none() | st.dictionaries(st.sampled_from(["kind", "zone", "document"]), _JSON | _NESTED)
        ),
    }
    envelope = msgspec.json.decode(write_signal(a_signal()))
    envelope |= {"id": body["id"], "data": body, "dataschema": draw(_SCHEMAS)}
    return msgspec.json.encode(envelope)


@given(st.lists(_odd_signals(), max_size=8))
def test_whatever_is_admitted_can_be_decided(wires: list[bytes]) -> None:
    """No signal that JSON can say stops a partition: it is refused, or the engine takes it."""
    messages = [Message(offset, b"alpha", wire, 2**52) for offset, wire in enumerate(wires)]
    decider = PartitionDecider(LIMITS)
    decided = decider.decide(messages)
    assert len(decided.refused) + len(decided.signals) == len(messages)
    decider.snapshot()


_EDGES: dict[str, list[Any]] = {
    "id": [
        "",
        "a" * 31,
        "A" * 32,
        "a" * 33,
        "é" + "a" * 30,
        "g" * 32,
        "`" * 32,
        ":" * 32,
        "@" * 32,
        "/" * 32,
    ],
    "site": ["beta", "", "a b", "a" * 65, "a:b"],
    "device": ["d" * 256, "d" * 257, "門" * 85, "門" * 86, "d\x7f", "", "張三"],
    "point": ["p" * 256, "p" * 257, ""],
    "person": ["x" * 256, "x" * 257, "", "張三"],
    "credential": [
        Credential("card", ""),
        Credential("", "張三"),
        Credential("card", "c" * 257),
        Credential("f" * 257, "c"),
        Credential("card", "c" * 256),
    ],
    "time": [
        *(Time(at, NOON) for at in (-1, 0, LATEST_US - 1, LATEST_US)),
        *(Time(NOON, at) for at in (-1, 0, LATEST_US - 1, LATEST_US)),
        *(Time(NOON, NOON, offset_ms=ms) for ms in (2**62, 2**62 - 1, 1 - 2**62, -(2**62))),
        *(Time(NOON + ahead, NOON + ahead) for ahead in (0, 1)),
        Time(NOON, NOON, raw='"', zone="Europe/Athens"),
    ],
    "seq": [
        2**62,
        2**62 - 1,
        -(2**62),
        0,
        -1,
        2**70,
        10**8 - 1,
        10**8,
        10**16,
        10**17,
        10**18 - 1,
        -(10**18) + 1,
        10**18,
    ],
    "count": [Count(-1), Count(2**31), Count(2**31 - 1, -1), Count(3, 2**62), Count(0, 2**62 - 1)],
    "category": [Category.CONTROL, Category.CREDENTIAL],
    "action": [Action.PLACED, Action.GRANTED, Action.TWO_SITES],
    "data": [{"zone": "x"}, {"a": [1, {"b": "\\"}]}, {}, {"門": 1.5, "b": None}],
    "verify": [Verify(), Verify((Method.CARD, Method.PIN), liveness=False, factors=2)],
    "screening": [Screening(), Screening(36.5, mask=True, equipment=("vest", "門"))],
}


_HEADERS = st.sampled_from([b"1", None, b"1", b"1", b"0", b"2", b"", b"11", b"1" * 9])
_KEYS = st.sampled_from([*[b"alpha"] * 9, b"alph", b"alphb", b"alpha2", b"", b"\xff", None])
_TIME = Time(NOON, NOON, raw="r", zone="z", offset_ms=7, quality=Quality.CORRECTED)
_WIRE = write_signal(msgspec.structs.replace(FULL_SIGNAL, id=signal_id("1"), site="alpha", time=_TIME))
_CHANGED = st.builds(Message, st.just(0), _KEYS, changed_wires(_WIRE), st.just(NOON), _HEADERS)


@st.composite
def _signals_at_edges(draw: st.DrawFn) -> Signal:
    names = draw(st.lists(st.sampled_from(sorted(_EDGES)), max_size=2, unique=True))
    changes = {name: draw(st.sampled_from(_EDGES[name])) for name in names}
    return a_signal(draw(st.integers(0, 3)), **changes)


@pytest.mark.skipif(not COMPILED, reason="wires are scanned by compiled code only")
@settings(max_examples=4 * settings().max_examples)
@given(st.data())
def test_what_is_admitted_in_bulk_is_what_is_admitted_one_by_one(data: st.DataObject) -> None:
    """What is written as we write it is admitted as a row wherever it is as an object, and says the same."""
    partition = data.draw(st.sampled_from([None, partition_of("alpha", 2), 0, 1]), label="partition")
    at = st.sampled_from([NOON, NOON - LIMITS.clock_ahead_us])
    edges = st.builds(lambda one, at, schema: _said(one, at, schema), _signals_at_edges(), at, _HEADERS)
    bad = st.sampled_from([one for _, one in BAD])
    messages = data.draw(st.lists(edges | edges | bad, max_size=5), label="messages")
    sizes = [len(one.value or b"") + more for one in messages for more in (-1, 0)]
    most = data.draw(st.sampled_from([LIMITS.message_bytes, *sizes]), label="most")
    limits = msgspec.structs.replace(LIMITS, message_bytes=most, partition=partition, partitions=2)
    with patch.object(bulk_admission, "PART", data.draw(st.sampled_from([1, 2, 1_000]), label="part")):
        _hold_together(limits, messages)


@pytest.mark.skipif(not COMPILED, reason="wires are scanned by compiled code only")
@settings(max_examples=4 * settings().max_examples)
@given(st.lists(_CHANGED, max_size=4))
def test_a_message_with_a_few_bytes_changed_is_admitted_in_bulk_as_one_by_one(
    messages: list[Message],
) -> None:
    """Whatever stands in it then, under whatever key."""
    _hold_together(LIMITS, messages)


@pytest.mark.skipif(not COMPILED, reason="wires are scanned by compiled code only")
@pytest.mark.parametrize("odd", "/:@AFG`gz\x7fé")
def test_an_id_with_one_odd_character_is_none(odd: str) -> None:
    """Wherever it stands, in bulk as well."""
    usual = signal_id("1")
    ids = [usual[:place] + odd + usual[place + 1 :] for place in range(len(usual))]
    messages = [message(a_signal(id=one)) for one in (*ids, usual)]
    assert np.flatnonzero(admit_in_bulk(LIMITS, Messages.of(messages)).are).tolist() == [len(ids)]
    _hold_together(LIMITS, messages)


@pytest.mark.skipif(not COMPILED, reason="wires are scanned by compiled code only")
def test_many_messages_of_several_sites_are_admitted_in_bulk_as_one_by_one() -> None:
    """More than are scanned at once, with strangers, persons and names that come again."""
    names = ["", "張三", "d" * 256, "é", "p\x7f", *(f"p{number}" for number in range(300))]
    messages = [
        message(
            a_signal(
                number,
                ("alpha", "beta", "門")[number % 7 % 3],
                category=(Category.CLOCK, Category.CREDENTIAL)[number % 5 > 0],
                action=(Action.GRANTED, Action.PLACED, Action.DENIED)[number % 11 % 3],
                device=names[number % 3],
                point=(None, *names)[number % 17],
                credential=None if number % 3 else Credential("card", names[number % len(names)]),
                person=None if number % 4 else names[7 * number % len(names)],
                count=None if number % 13 else Count(number, number**4),
                seq=number**5 if number % 2 else None,
                data={"n": number % 10} if number % 9 == 0 else None,
            ),
            number,
        )
        for number in range(2_500)
    ]
    _hold_together(LIMITS, messages)


def _hold_together(limits: Limits, messages: list[Message]) -> None:
    """Admit messages both ways, and encode what is admitted in bulk both ways."""
    one_by_one = [Admission(limits).admit(one) for one in messages]
    admitted = admit_in_bulk(limits, Messages.of(messages))
    _, fits = scan([one.value or b"" for one in messages], SIGNAL_LAYOUT)
    places = np.array(
        [
            place
            for place, (one, found) in enumerate(zip(messages, one_by_one, strict=True))
            if fits[place] and one.schema in (None, b"1") and isinstance(found, Signal) and not _orders(found)
        ],
        np.int64,
    )
    assert np.flatnonzero(admitted.are).tolist() == places.tolist()
    signals = [found for found in (one_by_one[place] for place in places) if isinstance(found, Signal)]
    rows = admitted.rows[places]
    sites = [admitted.sites[code] for code in rows["site"]]
    assert sites == [one.site for one in signals]
    ids = np.column_stack((rows["id_low"], rows["id_high"]))
    assert (ids == words_of([one.id for one in signals])).all()
    for site in {"alpha", *sites}:
        one, other = State(site), State(site)
        own = [signal for signal in signals if signal.site == site]
        at = np.array([place for place, name in zip(places, sites, strict=True) if name == site], np.int64)
        encoded = encode_admitted(one, admitted.rows, at, admitted.names, 7 * at)
        assert (encoded == encode(other, own, (7 * at).tolist())).all()
        for names in ("persons", "device_names", "point_names", "credential_names"):
            assert getattr(one, names).dump() == getattr(other, names).dump()
        assert one.credentials.dump() == other.credentials.dump()


def _orders(signal: Signal) -> bool:
    return signal.category is Category.CONTROL and signal.action in ORDERS


def _said(signal: Signal, appended_at: int, schema: bytes | None) -> Message:
    """Return a signal's message, whose key is always alpha's."""
    try:
        return message(signal, appended_at=appended_at, key=b"alpha", schema=schema)
    except (ValueError, OverflowError):  # its time is in no year
        return message(a_signal(), schema=schema)


def test_an_order_that_is_rejected_is_not_quoted_at_length() -> None:
    """However long the words of an order are, what is told of its rejection fits into any log."""
    long = "\\" * 200_000
    orders = [
        (Action.PLACED, {"zone": long}),
        (Action.DECIDED, {"kind": long}),
        (Action.DECIDED, {"kind": "alert_case", "alert": f"alpha:{long}:x:1", "decision": "acknowledged",
                          "by": "ann", "decided_at": 1}),
        (Action.LOADED, {"kind": long}),
        (Action.LOADED, {"kind": "policy", "document": {long: 1}}),
        (Action.LOADED, {"kind": "policy", "document": {"rules": {long: {}}}}),
    ]  # fmt: skip
    signals = [
        a_signal(number, category=Category.CONTROL, action=action, data=data, person="ann")
        for number, (action, data) in enumerate(orders)
    ]
    decided = PartitionDecider(LIMITS).decide([message(one, place) for place, one in enumerate(signals)])
    assert [event.topic for event in decided.events] == [Topic.CONTROL_REJECTED] * len(orders)
    assert len(decided.drafts(10_000)) == len(orders)


def test_strange_but_whole_signals_are_admitted() -> None:
    """A reading with everything in it is a signal like any other."""
    whole = a_signal(
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        credential=Credential("card", "ab"),
        count=Count(0),
        seq=0,
        data={"zone": 3},
    )
    assert isinstance(Admission(LIMITS).admit(message(whole)), Signal)
