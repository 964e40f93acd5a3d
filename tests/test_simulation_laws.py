"""A simulated campus through everything: decided twice, kept, and asked, it holds the truth."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import pytest

from domain.event import Event
from domain.vocabulary import OUTSIDE, Topic
from projections.client import History
from projections.occupancy import occupancy_at as history_s_occupancy
from projections.sink import Sink
from streams.engine import Engine
from tests.campus_log import CampusLog, campus_log
from tests.differences import first_difference
from tests.history_fixture import ListLog, history
from tests.simulation.runs import SECOND
from tests.slow_model import SlowModel, occupancy_at

pytestmark = pytest.mark.slow
__all__ = ["history"]

NEAR = 5 * SECOND
"""A move is read up to so long before or after it is made."""

Bounds = Mapping[str, tuple[int, int, int]]
"""Count, low and high by zone."""


@dataclass(frozen=True)
class Decided:
    """A simulated day, and what the engine decides on it."""

    log: CampusLog
    events: list[Event]

    @property
    def parents(self) -> dict[str, str | None]:
        """Every zone's parent."""
        return {zone.id: zone.parent for zone in self.log.site.zones}


@pytest.fixture(scope="module", params=[11, 12])
def decided(request: pytest.FixtureRequest) -> Decided:
    """A day of two hundred persons, one for each seed."""
    log = campus_log(persons=200, days=1, seed=request.param)
    return Decided(log, Engine(log.site.id).decide(log.signals))


def test_the_slow_model_decides_the_same(decided: Decided) -> None:
    """On a whole day, too, the engine's events are the slow model's."""
    model = SlowModel(decided.log.site.id)
    expected = [
        event for place, signal in enumerate(decided.log.signals) for event in model.decide(place, signal)
    ]
    difference = first_difference(decided.events, expected)
    assert difference is None, difference


def test_every_kind_of_incident_is_noticed(decided: Decided) -> None:
    """Of each kind that was planted at least one is noticed by its rule or topic, from its own signals."""
    position = {signal.id: place for place, signal in enumerate(decided.log.signals)}
    noticed: dict[str, bool] = {}
    for incident in decided.log.simulation.truth.incidents:
        shown = {position[name] for name in incident.signals}
        noticed[incident.kind] = noticed.get(incident.kind, False) or any(
            incident.noticed_by in (event.rule, event.topic)
            and (shown & set(event.causes) or (incident.device and incident.device == event.device))
            for event in decided.events
            if event.rule is None or event.topic is Topic.ALERT_RAISED
        )
    assert len(noticed) == 11
    assert [kind for kind, found in noticed.items() if not found] == []


def test_the_slow_history_holds_the_truth(decided: Decided) -> None:
    """As known now, low <= truth <= high in every zone that nobody is just entering or leaving."""
    checked = 0
    for at, truth in _truth(decided, 607 * SECOND):
        checked += _check(truth, occupancy_at(decided.events, decided.parents, at), at)
    assert checked > 3_000


def test_the_history_holds_the_truth(decided: Decided, history: History) -> None:
    """So it does asked of the history, which also answers as the slow model does, now and as known then."""
    log = ListLog()
    log.add(*decided.log.signals, *decided.events)
    Sink(history, log, 0, batch_rows=1_000).catch_up()
    checked = 0
    for at, truth in _truth(decided, 2_411 * SECOND):
        answer = _answer(history, decided, at)
        assert answer == occupancy_at(decided.events, decided.parents, at)
        checked += _check(truth, answer, at)
        for known_at in (at, at + 3_600 * SECOND):
            expected = occupancy_at(decided.events, decided.parents, at, known_at)
            assert _answer(history, decided, at, known_at) == expected
    assert checked > 800


def _answer(history: History, decided: Decided, at: int, known_at: int | None = None) -> Bounds:
    """Return the history's answer in the slow model's words; its total has no bounds."""
    answer = history_s_occupancy(history, decided.log.site, at, known_at)
    bounds = {zone["zone"]: (zone["count"], zone["low"], zone["high"]) for zone in answer["zones"]}
    expected = occupancy_at(decided.events, decided.parents, at, known_at)
    assert answer["total"] == expected[""][0]
    return bounds | {"": expected[""]}


def _check(truth: Mapping[str, int], bounds: Bounds, at: int) -> int:
    """Hold the truth against the bounds; return in how many zones that was possible."""
    wrong = {
        zone: (bounds[zone], inside) for zone, inside in truth.items() if not _holds(bounds[zone], inside)
    }
    assert wrong == {}, at
    return len(truth)


def _holds(bounds: tuple[int, int, int], inside: int) -> bool:
    _, low, high = bounds
    return low <= inside <= high


def _truth(decided: Decided, step: int) -> Iterator[tuple[int, dict[str, int]]]:
    """Yield times, and how many are then truly in each zone that no move touches within five seconds."""
    above = {OUTSIDE: frozenset[str]()} | {zone: _above(zone, decided.parents) for zone in decided.parents}
    touched: dict[str, list[int]] = defaultdict(list)
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    truth = decided.log.simulation.truth
    moves = list(truth.moves())
    for move in moves:
        for zone in above[place[move.person]] ^ above[move.zone]:
            touched[zone].append(move.at_us)
        place[move.person] = move.zone
    times = range(moves[0].at_us - 60 * SECOND, moves[-1].at_us + 3_600 * SECOND, step)
    for at, inside in zip(times, truth.occupancy(times), strict=True):
        quiet = {}
        for zone, count in inside.items():
            next_one = bisect_left(touched[zone], at - NEAR)
            if next_one == len(touched[zone]) or touched[zone][next_one] > at + NEAR:
                quiet[zone] = count
        yield at, quiet


def _above(zone: str | None, parents: Mapping[str, str | None]) -> frozenset[str]:
    """Return a zone and those that hold it."""
    found = set()
    while zone is not None:
        found.add(zone)
        zone = parents[zone]
    return frozenset(found)
