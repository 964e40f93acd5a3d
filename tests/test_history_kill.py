"""The history after SIGKILL: nothing missing, nothing double, in no table."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from projections.client import open_history
from projections.occupancy import occupancy_at
from projections.sink import Sink
from projections.verify import verify
from tests.history_fixture import SITE
from tests.history_killer import START, long_log

KILLS = 6
SIGNALS = 30_000


@pytest.mark.slow
def test_a_killed_sink_loses_and_repeats_nothing(tmp_path: Path) -> None:
    """Killed at random moments of inserting, deriving and committing, it ends with the log, once."""
    chance = random.Random(20)
    folder = tmp_path / "history"
    killed = 0
    for _ in range(KILLS):
        child = subprocess.Popen(
            [sys.executable, "-m", "tests.history_killer", str(folder), str(SIGNALS)],
            cwd=Path(__file__).parent.parent,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert child.stdout is not None
        assert child.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.8))
        os.kill(child.pid, signal.SIGKILL)
        rest, _ = child.communicate()
        killed += rest == ""
    assert killed >= KILLS // 2, "the log was too short: most children were done before they were killed"
    log = long_log(SIGNALS)
    with open_history(folder) as history:
        before = history.rows("SELECT count() AS n FROM events")[0]["n"]
        assert 0 < before < len(log.events), "the kills did not fall into the writing"
        Sink(history, log, 0).catch_up()
        answer = verify(history, log, 0, signals_head=len(log.signals), events_head=len(log.events))
        assert answer["ok"], answer
        assert history.rows("SELECT count() > 0 AS made FROM checkpoints")[0]["made"]
        moments = [START + number * 1_000_000 for number in (SIGNALS // 10, SIGNALS // 2, SIGNALS)]
        with_checkpoints = [occupancy_at(history, SITE, at) for at in moments]
        history.run("TRUNCATE TABLE checkpoints")
        assert [occupancy_at(history, SITE, at) for at in moments] == with_checkpoints
        assert all(answer["total"] for answer in with_checkpoints)
