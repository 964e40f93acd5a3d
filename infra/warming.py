"""Getting the engine compiled before anything depends on it.

A rule compiles when it first meets what it looks at. A worker that did so in the middle of a batch would be
silent for longer than its group waits.
"""

import tempfile
from itertools import islice
from pathlib import Path
from typing import Final

from infra.compiled_cache import use_compiled_cache

_PERSONS: Final = 60
_SIGNALS: Final = 3_000


def warm_up(empty: Path) -> None:
    """Decide part of a simulated day and forget it: every stage and rule of the campus is compiled then.

    One after another and in bulk, as who takes partitions over does. `empty` is a folder that holds no site.
    """
    # Numba, which these import, keeps to the cache that is named when it is imported.
    from domain.signal import write_signal
    from infra.simulating import city_of, city_signals
    from streams.admission import Limits, Message
    from streams.engine import Engine
    from streams.kafka.record_batches import messages_in
    from streams.worker.partition import PartitionDecider

    city = city_of(empty, sites=1, persons=_PERSONS, days=1, seed=1, start=None)
    signals = list(islice(city_signals(city), _SIGNALS))
    Engine(signals[0].site).decide(signals)
    messages_in([])
    PartitionDecider(Limits()).pass_over(
        [
            Message(offset, signal.site.encode(), write_signal(signal), signal.time.received_at)
            for offset, signal in enumerate(signals)
        ]
    )


def main() -> None:
    """Compile into the cache that every command uses: for an image, before it is ever started."""
    use_compiled_cache()
    with tempfile.TemporaryDirectory() as empty:
        warm_up(Path(empty))


if __name__ == "__main__":
    main()
