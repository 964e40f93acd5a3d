"""The history after SIGKILL: nothing missing, nothing double, in no table."""

import random
import subprocess
import sys
from pathlib import Path

import pytest

from projections import checkpoints
from projections.client import open_history
from projections.occupancy import occupancy_at
from projections.sink import Sink
from projections.verify import verify
from tests.history_fixture import SITE
from tests.history_killer import EVENTS_BETWEEN, START, long_log

KILLS = 6
SIGNALS = 30_000


@pytest.mark.slow
def test_a_killed_sink_loses_and_repeats_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Killed at random moments of inserting, deriving and committing, it ends with the log, once."""
    monkeypatch.setattr(checkpoints, "EVERY", EVENTS_BETWEEN)
    chance = random.Random(20)
    folder = tmp_path / "history"
    killer = subprocess.run(
        [sys.executable, "-m", "tests.history_killer", str(folder), str(SIGNALS)],
        cwd=Path(__file__).parent.parent,
        input="".join(f"{chance.uniform(0.02, 0.8)}\n" for _ in range(KILLS)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert killer.returncode == 0, killer.stderr
    statuses = killer.stdout.split()
    assert set(statuses) <= {"0", "-9"} and len(statuses) == KILLS
    killed = statuses.count("-9")
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
