"""The official Go driver, which Grafana's data source uses, in a small program of its own."""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.serving import READERS, ROOT, WRITERS, Served
from tests.requirements import require

BUILD_SECONDS = 280


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the built program."""
    require(
        "Go", shutil.which("go"), "install it from https://go.dev/dl or your system's packages (golang-go)"
    )
    path = tmp_path_factory.mktemp("go") / "program"
    subprocess.run(
        ["go", "build", "-o", str(path), "."],
        cwd=ROOT / "tests" / "clickhouse_go",
        check=True,
        timeout=BUILD_SECONDS,
    )
    return path


def ran(program: Path, gateway: Served, *arguments: str) -> dict[str, Any]:
    """Run the program and return what it found."""
    address = f"127.0.0.1:{gateway.port}"
    done = subprocess.run([program, address, *arguments], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    found: dict[str, Any] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_the_driver_reads_and_writes(program: Path, gateway: Served) -> None:
    """Ping, hello, parameters, an empty answer, many rows, an error's code, a batch of many types, JSON."""
    found = ran(program, gateway, "limen", WRITERS, "limen", "write")
    assert found["row"] == [
        "门",
        "c",
        ["a", "b"],
        "2024-02-29T12:30:15.123456Z",
        "12.3456",
        "01234567-89ab-cdef-0123-456789abcdef",
        -1,
        True,
        "2024-02-29",
        '{"a":{"b":1}}',
    ]
    assert found["rows"] == 1000
    assert {"signals", "events"} <= set(found["tables"])
    check(found)


@pytest.mark.slow
def test_the_driver_reads_as_a_dashboard(program: Path, gateway: Served) -> None:
    """The same for the reader, who sees only the views."""
    found = ran(program, gateway, "dashboard", READERS, "pub")
    assert "occupancy_per_minute" in found["tables"]
    check(found)


def check(found: dict[str, Any]) -> None:
    """Check what is the same for all users."""
    assert (found["server"], found["sum"], found["many"], found["code"]) == ("limen", 55, 200_000, 47)
    assert found["empty"] == ["at DateTime64(6, 'UTC')", "code LowCardinality(String)", "value Float64"]
