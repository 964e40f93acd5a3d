"""Within a batch the stages take a part at a time (`domain.stages.run`): that must not show either."""

from benchmarks.engine_load import loaded_engine, make_signals
from domain.kernels import Records
from domain.stages.run import PART
from streams.decoding import decode


def _decided(size: int) -> tuple[list[object], bytes]:
    engine, first_person = loaded_engine(50)
    signals: Records = make_signals(engine, first_person, 50, 3 * PART + 7)
    events: list[object] = []
    for start in range(0, len(signals), size):
        batch = signals[start : start + size]
        rows, causes = engine.decide_records(batch)
        events += decode(engine.state, rows, causes, batch["position"].tolist())
    return events, engine.snapshot()


def test_the_edges_of_parts_change_nothing() -> None:
    """One batch of several parts, and batches that end elsewhere: the same events and the same snapshot."""
    whole = _decided(4 * PART)
    assert len(whole[0]) > PART
    assert _decided(100) == whole
