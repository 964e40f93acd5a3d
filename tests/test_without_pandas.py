"""Commands do not wait for a library that none of them uses."""

import subprocess
import sys
from pathlib import Path

_LOADED = """
import sys
from infra.without_pandas import leave_pandas
leave_pandas()
import pyarrow
pyarrow.array(["a"])
from streams.engine import Engine
Engine("campus")
import clickhouse_connect
print([name for name in sys.modules if name.partition(".")[0] == "pandas"])
"""


def test_the_engine_comes_without_pandas() -> None:
    """Neither pyarrow nor the history's client imports it, and both work."""
    done = subprocess.run(
        [sys.executable, "-c", _LOADED],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_a_connector_comes_without_the_engine() -> None:
    """It reads lines and moves them into Kafka, beside a device perhaps: a third of the memory."""
    code = (
        "import sys, infra.connecting, streams.kafka.target; print({'numba', 'pyarrow'} & sys.modules.keys())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "set()\n"
