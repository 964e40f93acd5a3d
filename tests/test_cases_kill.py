"""A command side killed anywhere loses no decision, and tells the log of none twice."""

import json
import os
import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest

from tests.cases_killer import PLACES, open_cases, open_log, relay_of
from tests.postgres_fixture import PostgresSchema

KILLS: Final = 12
ROOT: Final = Path(__file__).parent.parent


@pytest.fixture(params=["sqlite", "postgres"])
def kept(request: pytest.FixtureRequest, tmp_path: Path) -> str | dict[str, Any]:
    """Return where the cases are kept: a file, or the settings of a schema."""
    if request.param == "sqlite":
        return str(tmp_path / "cases.sqlite")
    schema: PostgresSchema = request.getfixturevalue("postgres")
    return schema.settings.model_dump(mode="json")


@pytest.fixture
def killer() -> Iterator["subprocess.Popen[str]"]:
    """Give the process whose children die."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.cases_killer"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    ) as process:
        yield process
        assert process.stdin
        process.stdin.close()


@pytest.mark.slow
@pytest.mark.parametrize("refuses", [True, False], ids=["a log that knows ids", "a log that does not"])
def test_killed_relays_tell_each_decision_once(
    kept: str | dict[str, Any], refuses: bool, killer: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    """After SIGKILLs at every place, the log holds exactly what was decided, in that order."""
    rng = random.Random(20260302)
    path = str(tmp_path / "log")
    kills, places = 0, set()
    assert killer.stdin and killer.stdout
    while kills < KILLS:
        place = PLACES[kills % len(PLACES)]
        asked = {"cases": kept, "log": path, "refuses": refuses, "seed": rng.getrandbits(60)}
        killer.stdin.write(json.dumps({**asked, "place": place, "nth": rng.randint(1, 5)}) + "\n")
        killer.stdin.flush()
        ended = int(killer.stdout.readline())
        assert ended in (0, -9), f"it failed with exit status {ended}"
        if ended == -9:
            kills += 1
            places.add(place)
    assert places == set(PLACES)
    log = open_log(path, refuses)
    with open_cases(kept) as cases:
        relay_of(cases, log).run()
        decided = [cases.signal(one).id for one in cases.told_after(0, 10_000)]
    stored = [one.id for one in log.read(0, 0, 1_000_000)]
    log.close()
    wanted = set(decided)
    assert [one for one in stored if one in wanted] == decided
    assert len(stored) > len(decided) > KILLS, "decisions and others' signals must have been mixed"
