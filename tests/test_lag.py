"""How far behind a process is: true while it does nothing, while the log is away, after a partition went."""

import time
from typing import Final

import structlog

from infra.observability.lag import LagWatch, Place
from streams.log import LogUnavailable, SignalsGone
from tests.told_lags import Told

SIGNALS: Final = ("signals", 0)
NOON: Final = 43_200.0


class Ends:
    """Logs of which only the times of coming are known: UTC seconds, by place."""

    def __init__(self) -> None:
        self.came: dict[Place, list[float]] = {SIGNALS: []}
        self.is_away = False
        self.silent: set[Place] = set()
        self.broken: dict[Place, Exception] = {}
        self.looked_up = 0

    def ask(self) -> None:
        """Answer."""
        if self.is_away:
            raise LogUnavailable("it does not answer")

    def head(self, log: str, partition: int) -> int:
        """Return how many there are."""
        self.ask()
        if (log, partition) in self.silent:
            raise LogUnavailable("its leader does not answer")
        return len(self.came[log, partition])

    def appended_at(self, log: str, partition: int, offset: int) -> int:
        """Return when it came."""
        self.looked_up += 1
        if (log, partition) in self.broken:
            raise self.broken[log, partition]
        return round(self.came[log, partition][offset] * 1_000_000)

    def close(self) -> None:
        """Nothing is held."""


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


def test_what_is_wrong_in_one_place_hides_no_other() -> None:
    """What is gone or broken there is said once, and is not taken for a log that is away."""
    ends, told, now = Ends(), Told(), NOON
    places: list[Place] = [("signals", number) for number in range(3)]
    ends.came = {place: [NOON - 10] for place in places}
    ends.broken = {places[0]: SignalsGone("it is gone"), places[1]: ValueError("a mistake")}
    watch = LagWatch(ends, lambda: dict.fromkeys(places, 0), told, told.troubled, lambda: now)
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            watch.look()
            now += 5
        assert told.lags == {places[0]: (1, 10), places[1]: (1, 10), places[2]: (1, 20)}
        assert told.trouble is None
        ends.broken.clear()
        watch.look()
    assert told.lags == dict.fromkeys(places, (1, 25))
    said = [(line["event"], line["log"], line["partition"], line["error"]) for line in lines]
    assert said == [
        ("lag unknown", "signals", 0, "it is gone"), ("lag unknown", "signals", 1, "a mistake")
    ]  # fmt: skip


def test_a_partition_that_does_not_answer_hides_no_other() -> None:
    """Without its leader one partition ends the look; the next begins behind it, and the trouble stays."""
    ends, told = Ends(), Told()
    places: list[Place] = [("signals", number) for number in range(3)]
    ends.came = {place: [NOON] for place in places}
    ends.silent = {places[1]}
    watch = LagWatch(ends, lambda: dict.fromkeys(places, 0), told, told.troubled)
    watch.look()
    watch.look()
    assert told.lags.keys() == {places[0], places[2]}
    assert told.trouble == "its leader does not answer"
    ends.silent = set()
    watch.look()
    assert told.lags.keys() == {*places}
    assert told.trouble is None


def test_without_a_place_the_log_is_asked_all_the_same() -> None:
    """Whoever has lost his partitions because the log is away must not say that it is well."""
    ends, told = Ends(), Told()
    ends.is_away = True
    watch = LagWatch(ends, dict, told, told.troubled)
    watch.look()
    assert told.trouble == "it does not answer"
    ends.is_away = False
    watch.look()
    assert told.trouble is None


def test_the_watch_outlives_whatever_is_raised() -> None:
    """Something unforeseen is said once, and the next look is made."""
    ends, told, looks = Ends(), Told(), 0
    ends.came[SIGNALS] = [NOON]

    def positions() -> dict[Place, int | None]:
        nonlocal looks
        looks += 1
        if looks < 3:
            raise RuntimeError("changed while it was looked at")
        return {SIGNALS: 0}

    with (
        structlog.testing.capture_logs() as lines,
        LagWatch(ends, positions, told, told.troubled, seconds=0.01),
    ):
        until = time.monotonic() + 30
        while SIGNALS not in told.lags:
            assert time.monotonic() < until
            time.sleep(0.01)
    assert [line["error"] for line in lines] == ["changed while it was looked at"]
