"""Getting the engine compiled before it is needed."""

import subprocess
import sys
from pathlib import Path

import pytest

from domain.kernels import COMPILED

_TAKING_OVER = """
import sys
from itertools import islice
from pathlib import Path
from infra.compiled_cache import use_compiled_cache
use_compiled_cache()
from infra.warming import warm_up
warm_up(Path(sys.argv[1]))
from numba.core.dispatcher import Dispatcher
met = []
compiling = Dispatcher.compile
Dispatcher.compile = lambda loop, signature: met.append(loop.py_func.__name__) or compiling(loop, signature)
from domain.signal import write_signal
from infra.simulating import city_of, city_signals
from streams.admission import Limits
from streams.kafka.record_batches import batches, messages_in
from streams.worker.partition import PartitionDecider
from aiokafka.record.default_records import DefaultRecordBatchBuilder
city = city_of(Path(sys.argv[1]), sites=3, persons=80, days=1, seed=2, start=None)
signals = list(islice(city_signals(city), 5_000))
builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, -1, 1 << 30)
for offset, signal in enumerate(signals):
    builder.append(offset, signal.time.received_at // 1_000, signal.site.encode(), write_signal(signal), [])
found, _ = batches(bytes(builder.build()), (), 0)
assert PartitionDecider(Limits()).pass_over(messages_in(found)) > 1_000
print(met)
"""


@pytest.mark.skipif(not COMPILED, reason="plain Python has nothing to compile")
def test_who_takes_over_meets_nothing_that_is_not_compiled(tmp_path: Path) -> None:
    """After warming up, a partition is decided again without a pause for compiling."""
    done = subprocess.run(
        [sys.executable, "-c", _TAKING_OVER, str(tmp_path)],
        cwd=Path(__file__).parents[2], capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout == "[]\n"
