"""The time, as far as the pump is told."""

import pytest

from streams.worker import pump as pumping
from tests.worker.pump.rig import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give the clock of the pump: it moves when a test moves it."""
    clock = Clock()
    monkeypatch.setattr(pumping, "time", clock)
    return clock
