"""The laws of a partition: no cut changes anything, and no site changes another."""

from collections import OrderedDict
from collections.abc import Callable
from unittest.mock import patch

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event, write_event
from domain.signal import Credential, Signal
from domain.site import Site
from domain.vocabulary import Category, Topic
from streams import bulk_admission, engine
from streams.admission import Message
from streams.engine import Engine
from streams.worker import shares as sharing
from streams.worker.partition import Decided, PartitionDecider, Record
from streams.worker.recent_ids import RecentIds, words_of
from tests.campus_log import campus_log
from tests.differences import first_difference
from tests.worker.messages import LIMITS, a_signal, message, moved, partitions

_fewer = settings(max_examples=settings().max_examples // 3)
"""A partition is several worlds: as many signals are tried as elsewhere."""


def _uses(site: Site | None, signals: list[Signal], events: list[Event]) -> list[Record]:
    name = "" if site is None else f"{len(site.zones)} zones"
    return [(signal.site.encode(), f"{name} {signal.id}".encode()) for signal in signals] + [
        (event.site.encode(), event.id.encode()) for event in events
    ]


def _decider() -> PartitionDecider:
    return PartitionDecider(LIMITS, uses=_uses)


@_fewer
@given(partitions(), st.data())
def test_no_cut_of_the_partition_changes_anything(messages: list[Message], data: st.DataObject) -> None:
    """Batches of any size, with snapshots taken and restored in between, come to the same."""
    whole = _decider()
    expected = whole.decide(messages)
    decider, parts = _decider(), []
    while decider.position < len(messages):
        stop = data.draw(st.integers(decider.position + 1, len(messages)), label="cut")
        parts.append(decider.decide(messages[decider.position : stop]))
        if data.draw(st.booleans(), label="restored"):
            restored = _decider()
            restored.restore(decider.snapshot())
            decider = restored
    events = [event for part in parts for event in part.events]
    difference = first_difference(events, list(expected.events))
    assert difference is None, difference
    assert [one for part in parts for one in part.refused] == expected.refused
    assert [one for part in parts for one in part.signals] == expected.signals
    assert sorted(use for part in parts for use in part.uses) == sorted(expected.uses)
    assert decider.snapshot() == whole.snapshot()


@_fewer
@given(partitions(), st.data())
def test_what_is_decided_again_in_bulk_is_what_was_decided(
    messages: list[Message], data: st.DataObject
) -> None:
    """As columns or as objects, told as wires or only counted, in any turn: the events are the same."""
    live, again = PartitionDecider(LIMITS), PartitionDecider(LIMITS)
    while live.position < len(messages):
        stop = data.draw(st.integers(live.position + 1, len(messages)), label="cut")
        batch = messages[live.position : stop]
        wires = [write_event(event) for event in live.decide(batch).events]
        with (
            patch.object(sharing, "FEW", data.draw(st.sampled_from([0, 1, 4, 200]), label="few")),
            patch.object(bulk_admission, "PART", data.draw(st.sampled_from([1, 3, 1_000]), label="part")),
            patch.object(engine, "_AT_ONCE", data.draw(st.sampled_from([1, 3, 4_096]), label="at once")),
        ):
            way = data.draw(st.sampled_from([again.decide_wires, again.pass_over]), label="way")
            assert way(batch) == (wires if way == again.decide_wires else len(wires))
        assert again.position == live.position
        assert again.snapshot() == live.snapshot()
    with pytest.raises(ValueError, match="is next"):
        again.pass_over([message(a_signal(), len(messages) + 1)])


def test_many_messages_are_decided_again_in_bulk_as_they_were_decided() -> None:
    """More than are taken at once, of several sites, with strangers, orders and repeats between them."""
    log = campus_log(persons=120, days=3, seed=5).signals
    alpha, beta = (moved(log, site) for site in ("alpha", "門"))
    assert len(alpha) > 4_096 + 3
    messages = [message(signal) for signal in alpha[:3]]
    for number, (one, other) in enumerate(zip(alpha[3:], beta, strict=False)):
        stranger = Credential("card", f"{number % 50}") if number % 7 == 0 else one.credential
        messages.append(message(msgspec.structs.replace(one, credential=stranger)))
        if number % 3 == 0:
            messages.append(message(other))
    messages += [messages[-1], messages[2], messages[5_000]]
    messages = [msgspec.structs.replace(one, offset=offset) for offset, one in enumerate(messages)]
    live, told, passed = (PartitionDecider(LIMITS) for _ in range(3))
    for size in (len(messages) - 3, 2, 1):
        batch = messages[live.position : live.position + size]
        wires = [write_event(event) for event in live.decide(batch).events]
        assert wires
        assert told.decide_wires(batch) == wires
        assert passed.pass_over(batch) == len(wires)
        assert told.snapshot() == passed.snapshot() == live.snapshot()


@_fewer
@given(partitions())
def test_every_site_is_decided_as_if_it_were_alone(messages: list[Message]) -> None:
    """What an engine decides of a site's own new signals is what the partition decides for it."""
    decided = PartitionDecider(LIMITS).decide(messages)
    alone: dict[str, Engine] = {}
    seen: set[tuple[str, str]] = set()
    expected: list[Event] = []
    refused = {one.message.offset for one in decided.refused}
    admitted = [one for one in messages if one.offset not in refused]
    repeats = []
    for one, signal in zip(admitted, decided.signals, strict=True):
        own = alone.setdefault(signal.site, Engine(signal.site))
        if (signal.site, signal.id) in seen:
            repeats.append((one.offset, signal.device, own.now, (one.offset,)))
            continue
        if signal.category is not Category.CLOCK:
            seen.add((signal.site, signal.id))
        expected += own.decide([signal], [one.offset])
    told = [event for event in decided.events if event.topic is Topic.SIGNAL_REPEATED]
    assert [(event.position, event.device, event.known_at, event.causes) for event in told] == repeats
    difference = first_difference([one for one in decided.events if one not in told], expected)
    assert difference is None, difference
    positions = [event.position for event in decided.events]
    assert positions == sorted(positions)


def test_messages_that_do_not_follow_are_not_decided() -> None:
    """A hole, or a message from before, is an error and moves nothing."""
    decider = PartitionDecider(LIMITS)
    decider.decide([message(a_signal(0), 0)])
    for offsets in ([0, 1], [2], [1, 3]):
        with pytest.raises(ValueError, match="1 is next"):
            decider.decide([message(a_signal(offset), offset) for offset in offsets])
    assert decider.position == 1
    assert decider.decide([]) == Decided(1, 1, [], [], [], [], [])


def test_a_snapshot_keeps_the_limits_of_its_time() -> None:
    """What was refused is refused again when the settings have changed since."""
    decider = PartitionDecider(LIMITS)
    decider.decide([message(a_signal(0), 0)])
    other = PartitionDecider(type(LIMITS)(clock_ahead_us=0))
    other.restore(decider.snapshot())
    assert (other.limits, other.position, other.sites) == (LIMITS, 1, 1)


@given(st.binary(max_size=64))
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    """Anything else is no snapshot, and leaves the decider as it was."""
    decider = PartitionDecider(LIMITS)
    with pytest.raises(ValueError, match="no snapshot"):
        decider.restore(data)
    assert decider.position == 0


def test_the_same_time_twice_is_no_repeat() -> None:
    """Clock signals say nothing about ids: two connectors of one site leave no trace but their signals."""
    decider = PartitionDecider(LIMITS)
    before = decider.decide([message(a_signal(0), 0)]), decider.snapshot()
    again = decider.decide([message(a_signal(0), 1)])
    assert again.events == []
    assert len(again.signals) == 1
    assert len(decider.snapshot()) == len(before[1])


# --- recent ids ---

_IDS: list[Callable[[int], str]] = [
    lambda number: f"{number % 3:016x}{number:016x}",
    lambda number: f"{number:02x}{'0' * 14}{number % 2:016x}",  # the first byte is the lowest: side by side
    lambda number: f"{number % 5:02x}0000{number:02x}{'f' * 24}",  # few slots, many marks
    lambda number: f"ffffffff{number:08x}{'f' * 16}",  # one mark for all
    lambda number: f"{'f' * 30}{number:02x}",
]


@settings(max_examples=8 * settings().max_examples)
@given(
    st.integers(1, 70) | st.integers(1, 8),
    st.lists(st.lists(st.integers(0, 120) | st.integers(0, 12), max_size=60), max_size=8),
    st.booleans(),
    st.sampled_from(_IDS),
)
def test_the_newest_ids_are_known_and_no_others(
    most: int, calls: list[list[int]], is_restored: bool, id_of: Callable[[int], str]
) -> None:
    """Like an ordered set of bounded length, however the ids are cut into calls; bits of them collide."""
    recent, model = RecentIds(most), OrderedDict[str, None]()
    for numbers in calls:
        ids = [id_of(number) for number in numbers]
        known = []
        for one in ids:
            known.append(one in model)
            model[one] = None
            if len(model) > most:
                model.popitem(last=False)
        assert recent.admit(words_of(ids)).tolist() == known
        assert recent.dump().hex() == "".join(model)
        if is_restored:
            recent = RecentIds.load(recent.dump(), most)
    assert len(recent) == len(model)
