"""Compiled and as plain Python, the engine decides the same."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import settings

from domain.kernels import COMPILED
from tests.campus_log import campus_log
from tests.decision_digests import digest, write_logs
from tests.signal_strategies import Log, drawn_worlds


@pytest.mark.slow
def test_compiled_and_plain_rules_agree(tmp_path: Path) -> None:
    """Drawn worlds and a simulated day give the same events and snapshots in the other mode."""
    worlds = drawn_worlds(settings().max_examples // 3)  # plain rules are slow
    logs = [*worlds, Log(campus_log(persons=60, days=1, seed=3).signals)]
    assert len(logs) > 10
    assert len(logs[-1]) > 700
    write_logs(tmp_path / "logs.jsonl", logs)
    other = subprocess.run(
        [sys.executable, "-m", "tests.decision_digests", str(tmp_path / "logs.jsonl")],
        env=os.environ | {"NUMBA_DISABLE_JIT": "1" if COMPILED else "0"},
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=250,
        check=False,
    )
    assert other.returncode == 0, other.stderr
    mode, *digests = other.stdout.splitlines()
    assert mode == ("plain" if COMPILED else "compiled")
    differing = [
        log for log, here, there in zip(logs, map(digest, logs), digests, strict=True) if here != there
    ]
    assert differing == []
