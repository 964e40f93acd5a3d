"""Devices number what they say and deliver it in order, each as late as it is; one clock drifts."""

from collections import Counter, defaultdict
from datetime import datetime
from itertools import pairwise

from domain.signal import signal_id
from domain.vocabulary import OUTSIDE, Delivery, Direction
from tests.simulation.runs import POLICY, SECOND, SITE, Run


def test_counters_count_everybody(run: Run) -> None:
    """The counters at the gates say as many as truly went in and out, tailgaters too."""
    counted: Counter[Direction] = Counter()
    newest: dict[tuple[str | None, Direction], int] = {}
    for signal in run.signals:
        if signal.count is not None:
            counted[signal.direction] += signal.count.interval
            newest[signal.point, signal.direction] = signal.count.cumulative or 0
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    moved: Counter[Direction] = Counter()
    for move in run.truth.moves():
        if OUTSIDE in (place[move.person], move.zone):
            moved[Direction.OUT if move.zone == OUTSIDE else Direction.IN] += 1
        place[move.person] = move.zone
    assert counted == moved
    assert sum(newest.values()) == moved.total()


def test_every_device_is_in_order(run: Run) -> None:
    """Ids are unique and say device and number; numbers have no gap; all stand in order of receipt."""
    assert len(run.by_id) == len(run.signals)
    numbers: dict[str, int] = defaultdict(int)
    occurred_at: dict[str, int] = defaultdict(int)
    received_at = 0
    for signal in run.signals:
        assert signal.seq == numbers[signal.device] + 1
        assert signal.id == signal_id("simulation:7:2026-03-02:2:200", signal.device, str(signal.seq))
        assert signal.time.received_at >= received_at
        assert signal.time.occurred_at >= occurred_at[signal.device]
        numbers[signal.device] = signal.seq
        occurred_at[signal.device] = signal.time.occurred_at
        received_at = signal.time.received_at
    assert set(numbers) == {device.id for device in SITE.devices}


def test_live_signals_are_quick_and_the_backlog_is_late(run: Run) -> None:
    """Live signals take 50 to about 400 ms; those of the offline reader come hours later, in order."""
    backlog = [signal for signal in run.signals if signal.delivery is Delivery.BACKFILL]
    (outage,) = [incident for incident in run.truth.incidents if incident.kind == "offline_reader"]
    assert outage.signals == [signal.id for signal in backlog]
    for one, next_one in pairwise(backlog):
        assert one.seq is not None
        assert next_one.seq == one.seq + 1
    assert backlog[0].time.received_at - backlog[0].time.occurred_at > 3600 * SECOND
    for signal in run.signals:
        if signal.delivery is Delivery.LIVE and signal.device != "readers-main-2":
            assert 50_000 <= signal.time.received_at - signal.time.occurred_at < 600_000


def test_a_clock_drifts_and_is_corrected(run: Run) -> None:
    """Two signals are ahead by more than the limit; then at most a second remains of each."""
    (drift,) = [incident for incident in run.truth.incidents if incident.kind == "clock_drift"]
    limit_us = POLICY.devices.clock_offset_limit_ms * 1_000
    for name in drift.signals:
        time = run.by_id[name].time
        assert time.occurred_at - time.received_at > limit_us
        assert time.offset_ms is None
    entered = {move.at_us for move in run.truth.moves() if move.zone.startswith("office-20")}
    errors = []
    for signal in run.signals:
        if signal.time.offset_ms is not None:
            assert signal.device == drift.device
            assert signal.time.offset_ms * 1_000 > limit_us
            assert signal.time.raw is not None
            raw_us = int(datetime.fromisoformat(signal.time.raw).timestamp() * 1_000) * 1_000
            assert abs(raw_us - signal.time.offset_ms * 1_000 - signal.time.occurred_at) <= 2_000
            behind = [signal.time.occurred_at - at for at in entered]
            if signal.direction is Direction.IN and signal.point in ("door-201", "door-202", "door-203"):
                errors.append(min(each for each in behind if each >= 0))
    assert len(errors) > 100
    assert 300_000 < max(errors) <= SECOND
