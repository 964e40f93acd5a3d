"""A figure: one thing measured, and the goal it is held against."""

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """One measurement. At most one of `at_least` and `at_most` is its goal; `details` tell more."""

    benchmark: str
    what: str
    value: float
    unit: str
    at_least: float | None = None
    at_most: float | None = None
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def met(self) -> bool | None:
        """Whether the goal is met; None where there is none."""
        if self.at_least is not None:
            return self.value >= self.at_least
        return None if self.at_most is None else self.value <= self.at_most


def tell(figure: Figure) -> None:
    """Print a figure as one line of JSON."""
    sys.stdout.write(json.dumps(asdict(figure) | {"met": figure.met}) + "\n")
    sys.stdout.flush()


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds that something took: by the wall clock, and of this process's work on all its threads."""

    wall_seconds: float
    cpu_seconds: float


def spent(work: Callable[[], object]) -> Spent:
    """Do something and return what it took. Garbage made before is collected first."""
    gc.collect()
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def medians(times: Iterable[Spent]) -> Spent:
    """Return the median of each clock."""
    taken = list(times)
    return Spent(
        statistics.median(one.wall_seconds for one in taken),
        statistics.median(one.cpu_seconds for one in taken),
    )


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the smallest value that at least so many percent of the values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, -(-len(ordered) * percent // 100).__int__() - 1)]
