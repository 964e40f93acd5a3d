"""Compiled and as plain Python, the engine decides the same."""

from pathlib import Path

import pytest
from hypothesis import settings

from domain.kernels import COMPILED
from tests.campus_log import campus_log
from tests.decision_digests import decided_elsewhere, digest
from tests.signal_strategies import Log, drawn_worlds


@pytest.mark.slow
def test_compiled_and_plain_rules_agree(tmp_path: Path) -> None:
    """Drawn worlds and a simulated day give the same events and snapshots in the other mode."""
    worlds = drawn_worlds(settings().max_examples // 3)  # plain rules are slow
    logs = [*worlds, Log(campus_log(persons=60, days=1, seed=3).signals)]
    assert len(logs) > 10
    assert len(logs[-1]) > 700
    mode, *digests = decided_elsewhere("tests.decision_digests", logs, tmp_path, jit=not COMPILED)
    assert mode == ("plain" if COMPILED else "compiled")
    differing = [
        log for log, here, there in zip(logs, map(digest, logs), digests, strict=True) if here != there
    ]
    assert differing == []
