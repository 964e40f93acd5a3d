"""Deciding in bulk is deciding: the same events as the worker's decider, byte by byte."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.event import write_event
from streams.kafka.headers import ReadHeaders
from streams.kafka.reader import Records
from streams.worker.admission import Message
from streams.worker.bulk import BulkDecider
from streams.worker.bulk_admission import BulkAdmission
from streams.worker.partition import PartitionDecider
from tests.worker.messages import LIMITS, a_signal, bad_messages, message, partitions


def records_of(messages: list[Message]) -> Records:
    """Return messages as they are read; the broker's times are whole milliseconds."""
    return Records(
        [one.offset for one in messages],
        [one.key for one in messages],
        [one.value for one in messages],
        [_headers(one) for one in messages],
        [one.appended_at // 1_000 for one in messages],
    )


def _headers(message: Message) -> ReadHeaders:
    headers: ReadHeaders = [("content-type", b"application/json")]
    return headers if message.schema is None else [*headers, ("schema", message.schema)]


def numbered(messages: list[Message]) -> list[Message]:
    """Return messages at the offsets from 0 on, appended at whole milliseconds."""
    return [
        msgspec.structs.replace(one, offset=offset, appended_at=one.appended_at // 1_000 * 1_000)
        for offset, one in enumerate(messages)
    ]


@pytest.mark.slow
@given(drawn=partitions(), cuts=st.sets(st.integers(1, 200)))
def test_bulk_decides_what_the_worker_decides(drawn: list[Message], cuts: set[int]) -> None:
    """However a partition is cut, repeats and bad messages included, the events' bytes are the worker's."""
    messages = numbered(drawn)
    expected = [write_event(event) for event in PartitionDecider(LIMITS).decide(messages).events]
    bulk, found, start = BulkDecider(LIMITS), [], 0
    for cut in [*sorted(cut for cut in cuts if cut < len(messages)), len(messages)]:
        if part := messages[start:cut]:
            found += bulk.decide(records_of(part)).to_pylist()
        start = cut
    assert [wire.encode() for wire in found] == expected


def test_bulk_admits_what_is_admitted_alone() -> None:
    """Among plain signals, a bad message of every kind is refused, and those around it are admitted."""
    plain = [message(a_signal(number)) for number in range(3)]
    admission = BulkAdmission(LIMITS)
    assert len(admission.admit(records_of(numbered(plain)))[0]) == 3  # its key is known from here on
    for reason, bad in bad_messages():
        messages = numbered([plain[0], bad, plain[1]])
        signals, offsets = admission.admit(records_of(messages))
        assert list(offsets) == [0, 2], reason
        assert [signal.id for signal in signals] == [a_signal(0).id, a_signal(1).id]


def test_a_message_is_not_read_together_with_the_next() -> None:
    """Values that are JSON only when they are put together, or are two at once, are judged alone."""
    whole = message(a_signal(0)).value or b""
    other = message(a_signal(1)).value or b""
    for values, refused in (
        ([whole[:20], whole[20:]], 2),
        ([b"", whole + b"\n" + other], 2),
        ([whole + b"\n", other], 0),
        ([b" ", whole], 1),
    ):
        messages = numbered([message(a_signal(9)), *(message(a_signal(0), value=value) for value in values)])
        alone = PartitionDecider(LIMITS).decide(messages)
        signals, offsets = BulkAdmission(LIMITS).admit(records_of(messages))
        assert list(signals) == list(alone.signals)
        assert list(offsets) == list(alone.offsets)
        assert len(alone.refused) == refused
