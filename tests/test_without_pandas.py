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


def _printed(code: str) -> str:
    """Return what a new process prints that runs this."""
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_engine_comes_without_pandas() -> None:
    """Neither pyarrow nor the history's client imports it, and both work."""
    assert _printed(_LOADED) == "[]\n"


def test_a_connector_comes_without_the_engine() -> None:
    """It reads lines and moves them into Kafka, beside a device perhaps: a third of the memory."""
    loaded = "import sys, infra.connecting, streams.kafka.target\n"
    assert _printed(f"{loaded}print({{'numba', 'pyarrow'}} & sys.modules.keys())") == "set()\n"
