"""A home with millions of simulated signals, made once and used by `replay` and `questions`.

`python -m benchmarks.large_home --work DIR` makes it in DIR; it stays there until somebody removes it.
"""

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from benchmarks.figure import Figure, tell  # noqa: E402 - the cache comes first
from infra.home import PARTITION, OpenHome  # noqa: E402
from infra.initialising import initialise  # noqa: E402
from infra.simulating import simulate_into  # noqa: E402
from projections.client import History  # noqa: E402

PERSONS: Final = 21_000
DAYS: Final = 16
_SEED: Final = 3
_QUIET_SECONDS: Final = 5.0
_LONGEST_REST_SECONDS: Final = 300.0


def default_work() -> Path:
    """Return where the home is kept if nothing else is said."""
    return Path(tempfile.gettempdir()) / "limen-benchmarks"


def add_options(parser: argparse.ArgumentParser) -> None:
    """Let the command line say how large the home is, and where."""
    parser.add_argument("--persons", type=int, default=PERSONS)
    parser.add_argument("--days", type=int, default=DAYS)
    parser.add_argument("--work", type=Path, default=default_work(), help="a folder on the disk")


def large_home(work: Path, persons: int, days: int) -> Path:
    """Return the home of so many people and days in `work`; make it if it is not there, whole."""
    home = work / f"campus-{persons}-{days}"
    made = home / "made.json"
    if made.exists():
        return home
    shutil.rmtree(home, ignore_errors=True)
    initialise(home, "campus")
    start = time.perf_counter()
    with OpenHome(home) as opened:
        fed = simulate_into(opened, persons=persons, days=days, seed=_SEED, start=None, truth=None)
        events = opened.log.events_head(PARTITION)
        seconds = time.perf_counter() - start
        _rest(opened.history)
    made.write_text(json.dumps({"signals": fed["accepted"], "events": events, "seconds": seconds}))
    return home


def _rest(history: History) -> None:
    """Wait until the engine has merged what it wants to: else that is measured too, with one core less."""
    quiet_since, until = time.monotonic(), time.monotonic() + _LONGEST_REST_SECONDS
    while time.monotonic() < min(quiet_since + _QUIET_SECONDS, until):
        if history.rows("SELECT count() AS merging FROM system.merges")[0]["merging"]:
            quiet_since = time.monotonic()
        time.sleep(0.2)


def measure(work: Path, persons: int, days: int) -> list[Figure]:
    """Return how fast the home was made."""
    home = large_home(work, persons, days)
    made = json.loads((home / "made.json").read_text())
    return [
        Figure(
            benchmark="large_home",
            what="simulated, appended, decided, committed, in the history",
            value=made["signals"] / made["seconds"],
            unit="signals/s",
            details=made | {"persons": persons, "days": days},
        )
    ]


def main() -> None:
    """Make it and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    options = parser.parse_args()
    for figure in measure(options.work, options.persons, options.days):
        tell(figure)


if __name__ == "__main__":
    main()
