"""The laws of the engine: it equals the slow model, and no cut of the log changes anything."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import Event
from domain.signal import Signal
from streams.engine import Engine
from tests.signal_strategies import worlds
from tests.slow_model import SlowModel

SITE = "site"


def told(events: Sequence[Event]) -> list[str]:
    """Return events as text, so that a difference is easy to read."""
    return [repr(event) for event in events]


@given(worlds(wild_sites=True))
def test_the_engine_equals_the_slow_model(signals: list[Signal]) -> None:
    """Signal by signal, the engine decides what the rules say, and counts as they do."""
    site = signals[0].site
    engine, model = Engine(site), SlowModel(site)
    for position, signal in enumerate(signals):
        assert told(engine.decide([signal])) == told(model.decide(position, signal))
    counted = model.occupancy()  # knows zones that are gone, too
    assert engine.occupancy() == {zone: counted[zone] for zone in engine.occupancy()}


@given(worlds(wild_sites=True), st.data())
def test_no_cut_of_the_log_changes_anything(signals: list[Signal], data: st.DataObject) -> None:
    """Batches of any size, with snapshots taken and restored in between, give the same events and state."""
    site = signals[0].site
    whole = Engine(site)
    expected = whole.decide(signals)
    engine, events, start = Engine(site), [], 0
    while start < len(signals):
        stop = data.draw(st.integers(start + 1, len(signals)), label="cut")
        events += engine.decide(signals[start:stop])
        if data.draw(st.booleans(), label="restored"):
            engine = Engine.restore(engine.snapshot())
        start = stop
    assert told(events) == told(expected)
    assert engine.snapshot() == whole.snapshot()


settings.register_profile("default", deadline=None)
