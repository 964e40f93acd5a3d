"""Questions to a history of millions of signals, in process: `occupancy --at` and `trace`.

Fifty times and fifty persons, drawn at random from what the history holds; half of the traces ask for a
person and half for a credential. What is timed is the projections' functions, which give the command its
JSON: not the start of a process, nor, for a trace, the look that the command records first.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

from infra.compiled_cache import use_compiled_cache

use_compiled_cache()

from benchmarks.figure import Figure, percentile, tell  # noqa: E402 - the cache comes first
from benchmarks.large_home import add_options, large_home  # noqa: E402
from infra.home import OpenHome  # noqa: E402
from projections.occupancy import occupancy_at  # noqa: E402
from projections.trace import trace  # noqa: E402

_SEED: Final = 5
_SPAN: Final = """
SELECT
    toUnixTimestamp64Micro(min(occurred_at)) AS first, toUnixTimestamp64Micro(max(occurred_at)) AS last,
    count() AS signals
FROM signals
WHERE category = 'credential'
"""
_PERSONS: Final = "SELECT DISTINCT person FROM events WHERE person IS NOT NULL ORDER BY person"
_CREDENTIALS: Final = """
SELECT DISTINCT credential_hash AS credential
FROM signals
WHERE credential_hash IS NOT NULL
ORDER BY credential
"""


def measure(home_folder: Path, questions: int) -> list[Figure]:
    """Ask a home's history so many questions of each kind."""
    draw = random.Random(_SEED)
    with OpenHome(home_folder) as home:
        home.catch_up()
        history, site = home.history, home.site
        span = history.rows(_SPAN)[0]
        times = [draw.randrange(span["first"], span["last"]) for _ in range(questions)]
        persons = [row["person"] for row in history.rows(_PERSONS)]
        credentials = [row["credential"] for row in history.rows(_CREDENTIALS)]
        subjects = [{"person": draw.choice(persons)} for _ in range(questions // 2)]
        subjects += [{"credential": draw.choice(credentials)} for _ in range(questions - questions // 2)]
        draw.shuffle(subjects)
        occupancy_at(history, site, span["last"])  # what is opened once is open now
        trace(history, site, person=draw.choice(persons))
        asked_times, _ = _timed(lambda at: occupancy_at(history, site, at), times)
        asked_subjects, answers = _timed(lambda subject: trace(history, site, **subject), subjects)
    shared = {"signals": span["signals"], "questions": questions}
    return [
        _figure("occupancy --at", asked_times, shared),
        _figure(
            "trace",
            asked_subjects,
            shared | {"median_entries": percentile([len(answer) for answer in answers], 50)},
        ),
    ]


def _timed(ask: Callable[[Any], Any], about: Sequence[Any]) -> tuple[list[float], list[Any]]:
    taken, answers = [], []
    for one in about:
        start = time.perf_counter()
        answers.append(ask(one))
        taken.append((time.perf_counter() - start) * 1_000)
    return taken, answers


def _figure(what: str, milliseconds: Sequence[float], details: dict[str, Any]) -> Figure:
    return Figure(
        benchmark="questions",
        what=f"{what}, 95th percentile",
        value=percentile(milliseconds, 95),
        unit="ms",
        at_most=100,
        details=details | {"p50": percentile(milliseconds, 50), "slowest": max(milliseconds)},
    )


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    add_options(parser)
    parser.add_argument("--questions", type=int, default=50)
    options = parser.parse_args()
    home = large_home(options.work, options.persons, options.days)
    for figure in measure(home, options.questions):
        tell(figure)


if __name__ == "__main__":
    main()
