"""One home for all tests that only ask: each test that changes a home has its own."""

import shutil
from pathlib import Path

import pytest

from tests.command_line.calling import READ_ROWS, RECORDING, answer, limen


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the first rows of the recording; tests only ask it."""
    folder = tmp_path_factory.mktemp("cli")
    rows = RECORDING.read_text().split("\n")[: READ_ROWS + 1]
    (folder / "prox.csv").write_text("\n".join(rows) + "\n")
    made = folder / "home"
    limen("init", "--template", "gastech", home=made)
    fed = answer("import", folder / "prox.csv", "--source", "prox", home=made)
    assert fed == {"read": READ_ROWS, "accepted": READ_ROWS, "duplicates": 0, "quarantined": 0, "late": 0}
    return made


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with nothing in it, for copying."""
    made = tmp_path_factory.mktemp("initialised") / "home"
    limen("init", "--template", "gastech", home=made)
    return made


@pytest.fixture
def empty(initialised: Path, tmp_path: Path) -> Path:
    """Return a home of the test's own with nothing in it."""
    return Path(shutil.copytree(initialised, tmp_path / "home"))
