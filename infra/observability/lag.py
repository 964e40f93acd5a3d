"""How far a process is behind the ends of the logs.

Looked up in a thread of its own, so that it is true while nothing is committed, which is when it matters.
"""

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol, Self

import structlog

from streams.log import LogUnavailable

LOOK_SECONDS: Final = 2.0
_UNKNOWN: Final = -1
Place = tuple[str, int]
"""A log, `signals`, `events` or `persons`, and a partition."""
_NOWHERE: Final[Place] = ("", -1)
Positions = Callable[[], Mapping[Place, int | None]]
"""Returns how far each place that is ours has come; None where nobody knows yet."""


class Ends(Protocol):
    """Where the logs end; see `streams.kafka.ends`. What it raises is a LogError.

    Raises:
        LogUnavailable: the log is away. Any other error is of the one place alone.
    """

    def ask(self) -> None:
        """Ask for something, to see that the log answers."""

    def head(self, log: str, partition: int) -> int:
        """Return the offset that comes next."""

    def appended_at(self, log: str, partition: int, offset: int) -> int:
        """Return when what stands there came, UTC microseconds."""

    def close(self) -> None:
        """Let go of what it holds."""


class Gauges(Protocol):
    """What is told; see `infra.observability.metrics`."""

    def lag(self, log: str, partition: int, count: int, seconds: float) -> None:
        """So many wait, the oldest for so long; 0 seconds where none has waited since the last look."""

    def gone(self, log: str, partition: int) -> None:
        """The partition is not ours any more."""


class LagWatch:
    """Looks every few seconds until the block is left.

    Args:
        ends: asked by this alone.
        positions: asked before each look.
        gauges: told after each.
        trouble: is told why the log cannot be looked at, and None when it can.
        clock: UTC seconds.
        seconds: between two looks.
    """

    def __init__(
        self,
        ends: Ends,
        positions: Positions,
        gauges: Gauges,
        trouble: Callable[[str | None], None],
        clock: Callable[[], float] = time.time,
        seconds: float = LOOK_SECONDS,
    ) -> None:
        self._ends, self._positions, self._gauges, self._trouble = ends, positions, gauges, trouble
        self._clock, self._seconds = clock, seconds
        self._heads: dict[Place, int] = {}
        self._oldest: dict[Place, tuple[int, int]] = {}
        """Of the oldest that has waited for a whole look: position, and when it came, UTC microseconds."""
        self._silent: Place = _NOWHERE
        """Where the last look ended."""
        self._unknown: dict[Place, type[Exception]] = {}
        """Where looking failed though the log is there, and with what."""
        self._closing = threading.Event()
        self._log = structlog.get_logger()
        self._thread = threading.Thread(target=self._watch, name="lag", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        self._ends.close()

    def look(self) -> None:
        """Look once. What cannot be looked at, and waited, goes on growing older."""
        positions = self._positions()
        for place in [place for place in self._heads if place not in positions]:
            del self._heads[place]
            self._oldest.pop(place, None)
            self._unknown.pop(place, None)
            self._gauges.gone(*place)
        known = {place: position for place, position in positions.items() if position is not None}
        now_us = round(self._clock() * 1_000_000)
        seen = self._look_at_all(known)
        for place in known.keys() & self._heads.keys():
            if place not in seen and known[place] < self._heads[place]:
                self._oldest.setdefault(place, (_UNKNOWN, now_us))
            _, since_us = self._oldest.get(place, (_UNKNOWN, now_us))
            seconds = max(0.0, (now_us - since_us) / 1_000_000)
            self._gauges.lag(*place, max(0, self._heads[place] - known[place]), seconds)

    def _look_at_all(self, known: Mapping[Place, int]) -> set[Place]:
        """Look at each place, and tell whether the log answers; return where that succeeded.

        Where it does not answer the others wait for the next look, which begins with them: each may take
        seconds, but one that never answers must not hide the rest.
        """
        seen: set[Place] = set()
        places = sorted(known, key=lambda place: (place <= self._silent, place))
        try:
            if not places:
                self._ends.ask()
            for place in places:
                if self._closing.is_set():
                    return seen
                self._silent = place
                if self._can_look_at(place, known[place]):
                    seen.add(place)
            self._trouble(None)
        except LogUnavailable as error:
            self._trouble(str(error))
        return seen

    def _can_look_at(self, place: Place, position: int) -> bool:
        """Look at one place; what is wrong with it alone is said once.

        Raises:
            LogUnavailable: the log does not answer.
        """
        try:
            self._look_at(place, position)
        except LogUnavailable:
            raise
        except Exception as error:  # noqa: BLE001 - nothing in one place may hide the others
            self._cannot_look(place, error)
            return False
        self._unknown.pop(place, None)
        return True

    def _cannot_look(self, place: Place, error: Exception) -> None:
        said = str(error) or repr(error)
        if self._unknown.get(place) is not type(error):
            self._unknown[place] = type(error)
            self._log.error("lag unknown", log=place[0], partition=place[1], error=said)

    def _look_at(self, place: Place, position: int) -> None:
        head = self._ends.head(*place)
        waited = position < self._heads.get(place, head)  # at the first look, whatever is there has waited
        self._heads[place] = head
        if not waited:
            self._oldest.pop(place, None)
        elif place not in self._oldest or self._oldest[place][0] != position:
            self._oldest[place] = position, self._ends.appended_at(*place, position)

    def _watch(self) -> None:
        while not self._closing.is_set():
            try:
                self.look()
            except Exception as error:  # noqa: BLE001 - or the metrics would stand still for ever
                self._cannot_look(_NOWHERE, error)
            else:
                self._unknown.pop(_NOWHERE, None)
            self._closing.wait(self._seconds)
