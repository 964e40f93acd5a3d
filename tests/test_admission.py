"""Admission: every kind of bad message is refused with its reason; whatever is admitted can be decided."""

import functools
import sys
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.signal import NEWEST_SCHEMA, Count, Credential, Signal, Time, signal_id, write_signal
from domain.vocabulary import Action, Category, Delivery, Direction, Topic
from streams.admission import HOUR_US, Admission, Message, Refused
from streams.partitioning import partition_of
from streams.worker.partition import PartitionDecider
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
