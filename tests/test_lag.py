"""How far behind a process is: true while it does nothing, while the log is away, after a partition went."""

from typing import Final

from infra.observability.lag import LagWatch, Place
from streams.log import LogUnavailable

SIGNALS: Final = ("signals", 0)
NOON: Final = 43_200.0


class Ends:
    """Logs of which only the times of coming are known: UTC seconds, by place."""

    def __init__(self) -> None:
        self.came: dict[Place, list[float]] = {SIGNALS: []}
        self.is_away = False
        self.looked_up = 0

    def head(self, log: str, partition: int) -> int:
        """Return how many there are."""
        if self.is_away:
            raise LogUnavailable("it does not answer")
        return len(self.came[log, partition])

    def appended_at(self, log: str, partition: int, offset: int) -> int:
        """Return when it came."""
        self.looked_up += 1
        return round(self.came[log, partition][offset] * 1_000_000)

    def close(self) -> None:
        """Nothing is held."""


class Told:
    """Holds what it was told last."""

    def __init__(self) -> None:
        self.lags: dict[Place, tuple[int, float]] = {}
        self.trouble: str | None = None

    def lag(self, log: str, partition: int, count: int, seconds: float) -> None:
        """Hold it."""
        self.lags[log, partition] = count, seconds

    def gone(self, log: str, partition: int) -> None:
        """Hold it no more."""
        del self.lags[log, partition]

    def troubled(self, reason: str | None) -> None:
        """Hold it."""
        self.trouble = reason


def test_what_waits_grows_older_while_nothing_is_done() -> None:
    """Signals and the age of the oldest of them, from the first look on; 0 seconds for what has just come."""
    ends, told, now = Ends(), Told(), NOON
    ours: dict[Place, int | None] = {SIGNALS: 1}
    watch = LagWatch(ends, lambda: ours, told, told.troubled, lambda: now)
    ends.came[SIGNALS] = [now - 900, now - 600, now - 300]
    watch.look()
    assert told.lags == {SIGNALS: (2, 600)}
    ends.came[SIGNALS].append(now)
    ours[SIGNALS] = 2
    watch.look()
    assert told.lags == {SIGNALS: (2, 300)}
    watch.look()
    assert ends.looked_up == 2, "the same signal is not looked up twice"
    ours[SIGNALS] = 4
    watch.look()
    assert told.lags == {SIGNALS: (0, 0)}
    ends.came[SIGNALS].append(now - 5)
    watch.look()
    assert told.lags == {SIGNALS: (1, 0)}, "it has come since the last look: it may be in hand"
    watch.look()
    assert told.lags == {SIGNALS: (1, 5)}


def test_while_the_log_is_away_the_last_is_told_and_grows_older() -> None:
    """What waited when it went away goes on waiting; the trouble is told, and its end."""
    ends, told, now = Ends(), Told(), NOON
    watch = LagWatch(ends, lambda: {SIGNALS: 0}, told, told.troubled, lambda: now)
    watch.look()
    ends.came[SIGNALS].append(NOON - 1)
    watch.look()
    ends.is_away = True
    watch.look()
    assert (told.trouble, told.lags[SIGNALS]) == ("it does not answer", (1, 0))
    now += 60
    watch.look()
    assert told.lags[SIGNALS] == (1, 60)
    ends.is_away = False
    watch.look()
    assert (told.trouble, told.lags[SIGNALS]) == (None, (1, 61))


def test_nothing_is_told_of_what_is_not_known_or_not_ours() -> None:
    """A partition whose position nobody knows is not told; one that has gone is told no more."""
    ends, told = Ends(), Told()
    events = ("events", 7)
    ends.came[events] = [NOON] * 3
    ours: dict[Place, int | None] = {SIGNALS: None, events: 3}
    watch = LagWatch(ends, lambda: ours, told, told.troubled)
    watch.look()
    assert told.lags == {events: (0, 0)}
    ours.clear()
    watch.look()
    assert told.lags == {}
