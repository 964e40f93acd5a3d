"""The laws of the engine: it equals the slow model, and no cut of the log changes anything."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.columns import signal_columns
from domain.event import Event, read_event
from domain.signal import Signal, Time
from domain.times import LATEST_US
from domain.vocabulary import Action, Category, Topic
from domain.wires import event_wires
from streams.engine import Engine
from streams.snapshot import VERSION
from tests.differences import first_difference
from tests.signal_strategies import SITE_ID, Log, worlds
from tests.slow_model import SlowModel


@given(worlds(wild_sites=True))
def test_the_engine_equals_the_slow_model(log: Log) -> None:
    """Signal by signal, the engine decides what the rules say, and counts as they do."""
    engine, model = Engine(SITE_ID), SlowModel(SITE_ID)
    for position, signal in enumerate(log):
        difference = first_difference(engine.decide([signal]), model.decide(position, signal))
        assert difference is None, f"position {position}, {difference}"
    counted = model.occupancy()  # knows zones that are gone, too
    occupancy = engine.occupancy()
    assert occupancy == {zone: counted[zone] for zone in occupancy}


@given(worlds(wild_sites=True), st.data())
def test_no_cut_of_the_log_changes_anything(log: Log, data: st.DataObject) -> None:
    """Batches of any size, as objects or columns, with snapshots restored between them, decide the same."""
    whole = Engine(SITE_ID)
    expected = whole.decide(log)
    engine, events, start = Engine(SITE_ID), [], 0
    while start < len(log):
        stop = data.draw(st.integers(start + 1, len(log)), label="cut")
        decide = _decided_in_columns if data.draw(st.booleans(), label="columns") else Engine.decide
        events += decide(engine, log[start:stop])
        if data.draw(st.booleans(), label="restored"):
            engine = Engine.restore(engine.snapshot())
        start = stop
    difference = first_difference(events, expected)
    assert difference is None, difference
    assert engine.snapshot() == whole.snapshot()


@given(worlds(wild_sites=True))
def test_signals_of_a_past_time_are_decided_as_they_were(log: Log) -> None:
    """A site's clock that has gone on before they come changes when things are known, and what is silent."""
    decided = []
    for clock_at in (1_000_000, LATEST_US - 1):
        engine = Engine(SITE_ID)
        engine.decide([_tick(clock_at)])
        decided.append(
            [
                msgspec.structs.replace(event, id="", known_at=0, ordinal=0)
                for event in engine.decide(log)
                if event.topic not in (Topic.DEVICE_SILENT, Topic.DEVICE_RECOVERED)
            ]
        )
    difference = first_difference(*decided)
    assert difference is None, difference


def _tick(at: int) -> Signal:
    return Signal(
        id="f" * 32, site=SITE_ID, device="clock", category=Category.CLOCK, action=Action.TICKED,
        time=Time(at, at),
    )  # fmt: skip


def _decided_in_columns(engine: Engine, signals: Sequence[Signal]) -> list[Event]:
    """Decide as `limen import` does."""
    return [read_event(wire) for wire in event_wires(engine.decide_columns(signal_columns(signals)))]


# --- snapshots of other versions ---


@pytest.fixture(scope="module")
def snapshot() -> dict[str, object]:
    """The parts of a snapshot, as they are written."""
    found: dict[str, object] = msgspec.msgpack.decode(Engine(SITE_ID).snapshot())
    return found


@given(version=st.integers(-1, 2**40).filter(lambda version: version != VERSION))
def test_a_snapshot_of_another_version_is_refused(snapshot: dict[str, object], version: int) -> None:
    """No version but this one's is read, and the error says which it is."""
    with pytest.raises(ValueError, match=f"version {version}"):
        Engine.restore(msgspec.msgpack.encode(snapshot | {"version": version}))


@given(st.data())
def test_a_snapshot_of_another_layout_is_refused(snapshot: dict[str, object], data: st.DataObject) -> None:
    """A part in another layout, one too many or one missing makes the whole snapshot unreadable."""
    parts = snapshot["parts"]
    assert isinstance(parts, dict)
    name = data.draw(st.sampled_from(sorted(parts)))
    changed = data.draw(
        st.sampled_from(
            [
                parts | {name: ["[('x', '<i8')]", parts[name][1]]},
                parts | {"another": parts[name]},
                {other: part for other, part in parts.items() if other != name},
            ]
        )
    )
    with pytest.raises(ValueError, match="snapshot"):
        Engine.restore(msgspec.msgpack.encode(snapshot | {"parts": changed}))


@given(st.binary(max_size=64))
def test_bytes_that_are_no_snapshot_are_refused(data: bytes) -> None:
    """Anything else is no snapshot, which is the same error."""
    with pytest.raises(ValueError):
        Engine.restore(data)
