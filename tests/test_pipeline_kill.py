"""A process killed anywhere on the way from file to history loses nothing and repeats nothing."""

import json
import os
import random
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from infra.answers.history import verify
from infra.answers.replay import replay
from infra.home import PARTITION, OpenHome
from infra.initialising import initialise
from tests.pipeline_killer import PLACES

KILLS: Final = 50
ROWS: Final = 1_200
RECORDING: Final = Path(__file__).parent.parent / "examples" / "gastech" / "prox.csv"
_SMALL_BATCHES: Final = {
    "LIMEN_IMPORT_BATCH_SIGNALS": "170",
    "LIMEN_ENGINE_BATCH_SIGNALS": "110",
    "LIMEN_SNAPSHOT_EVERY_SIGNALS": "400",
    "LIMEN_SINK_BATCH_ROWS": "250",
}


class Imports:
    """Asks the killer process to import, and counts how its children end."""

    def __init__(self, process: "subprocess.Popen[str]", file: Path) -> None:
        self._process = process
        self._file = file
        self.kills = 0
        self.places: set[str | None] = set()

    def run(self, home: Path, kill: dict[str, Any] | None) -> bool:
        """Return whether the import came to its end; otherwise it was killed."""
        asked = {"home": str(home), "file": str(self._file), "source": "prox", "kill": kill}
        assert self._process.stdin and self._process.stdout
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        ended = int(self._process.stdout.readline())
        assert ended in (0, -9), f"the import failed with exit status {ended}"
        if ended == -9:
            self.kills += 1
            self.places.add((kill or {}).get("place"))
        return ended == 0


@contextmanager
def _imports(file: Path) -> Iterator[Imports]:
    command = [sys.executable, "-m", "tests.pipeline_killer"]
    environment = {**os.environ, **_SMALL_BATCHES}
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment,
        cwd=Path(__file__).parent.parent,
    ) as process:
        yield Imports(process, file)
        assert process.stdin
        process.stdin.close()


def _kill(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.25:
        return {"after_seconds": rng.uniform(0.02, 1.5)}
    return {"place": rng.choice(PLACES), "nth": rng.randint(1, 6)}


def _logged(home: OpenHome) -> tuple[list[Any], list[Any]]:
    """Return signals and events of the log; when a signal was received differs from import to import."""
    signals = []
    for stored in home.log.read(PARTITION, 0, 1_000_000):
        data = msgspec.json.decode(stored.wire)["data"]
        del data["time"]["received_at"]
        signals.append((stored.offset, stored.id, data))
    return signals, list(home.log.read_events(PARTITION, 0, 1_000_000))


def _history(home: OpenHome) -> dict[str, Any]:
    tables = {
        "signals": "offset, id",
        "events": "offset, id, wire",
        "moves": "*",
        "visits": "*",
        "alerts": "*",
    }
    return {
        table: home.history.rows(
            "SELECT count() AS rows, sum(cityHash64(tuple(*))) AS content "
            f"FROM (SELECT {columns} FROM {table})"
        )
        for table, columns in tables.items()
    }


@pytest.mark.slow
def test_killed_imports_end_as_an_uninterrupted_one(tmp_path: Path) -> None:
    """After fifty SIGKILLs at seeded places, logs and history are those of an import left alone."""
    file = tmp_path / "prox.csv"
    file.write_text("\n".join(RECORDING.read_text().split("\n")[: ROWS + 1]) + "\n")
    initialise(tmp_path / "empty", "gastech")
    shutil.copytree(tmp_path / "empty", tmp_path / "alone")
    rng = random.Random(20160531)
    homes: list[Path] = []
    with _imports(file) as imports:
        assert imports.run(tmp_path / "alone", None)
        while imports.kills < KILLS:
            home = tmp_path / f"killed-{len(homes)}"
            shutil.copytree(tmp_path / "empty", home)
            homes.append(home)
            while not imports.run(home, _kill(rng) if imports.kills < KILLS else None):
                pass
    assert imports.places == {*PLACES, None}, "every place and moments between must have been tried"
    with OpenHome(tmp_path / "alone") as opened:
        expected, history = _logged(opened), _history(opened)
        assert len(expected[0]) > ROWS
    for home in homes:
        with OpenHome(home) as opened:
            assert _logged(opened) == expected
            assert verify(opened)["ok"]
            assert replay(opened, to=None)["identical"]
            assert _history(opened) == history
