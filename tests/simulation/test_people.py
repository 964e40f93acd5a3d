"""People move only through points, with a grant for every move, and have their days, nights and weekends."""

from bisect import bisect_left
from collections import Counter, defaultdict
from datetime import date, datetime
from random import Random

from connectors.simulation import Truth
from connectors.simulation.campus import OUTSIDE_CODE, Campus
from connectors.simulation.crossing import Crossing, Intent
from connectors.simulation.passages import Passages
from domain.signal import Credential
from domain.vocabulary import OUTSIDE, Action, Direction, Reason, Role
from tests.simulation.runs import POLICY, SECOND, SITE, Run, campus


def test_moves_lead_through_points(run: Run) -> None:
    """Everybody starts and ends outside, and steps only between zones that share a point."""
    sides = {frozenset((point.from_zone, point.to_zone)) for point in SITE.points}
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    seen_at: dict[str, int] = defaultdict(int)
    last_us = 0
    for move in run.truth.moves():
        assert frozenset((place[move.person], move.zone)) in sides
        assert move.at_us >= last_us
        assert move.at_us - seen_at[move.person] >= 2 * SECOND
        place[move.person], seen_at[move.person], last_us = move.zone, move.at_us, move.at_us
    assert len(place) > 150
    assert set(place.values()) == {OUTSIDE}


def test_every_move_has_a_grant_beside_it(run: Run) -> None:
    """No move is without a grant at a point between its zones at most 5 seconds before or after."""
    granted: dict[tuple[str | None, str | None], list[int]] = defaultdict(list)
    points = {point.id: point for point in SITE.points}
    for signal in run.signals:
        if signal.action is Action.GRANTED:
            point = points[str(signal.point)]
            way = (point.from_zone, point.to_zone)
            granted[way if signal.direction is Direction.IN else way[::-1]].append(signal.time.occurred_at)
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    for times in granted.values():
        times.sort()
    for move in run.truth.moves():
        times = granted[place[move.person], move.zone]
        next_one = bisect_left(times, move.at_us - 5 * SECOND)
        assert next_one < len(times)
        assert times[next_one] <= move.at_us + 5 * SECOND
        place[move.person] = move.zone


def test_a_day_has_its_shape(run: Run) -> None:
    """People come between 8 and 9, lunch after 12, go home after 17; the guards stay the night."""
    hours: dict[str, Counter[int]] = defaultdict(Counter)
    place: dict[str, str] = defaultdict(lambda: OUTSIDE)
    for move in run.truth.moves():
        hour = datetime.fromtimestamp(move.at_us / SECOND, SITE.zone_info).hour
        if place[move.person] == OUTSIDE:
            hours["in"][hour] += 1
        elif move.zone in (OUTSIDE, "canteen"):
            hours[move.zone][hour] += 1
        place[move.person] = move.zone
    assert hours["in"].most_common(1)[0][0] == 8
    assert hours["canteen"].most_common(1)[0][0] == 12
    assert hours[OUTSIDE].most_common(1)[0][0] == 17
    assert 10 <= len(run.signals) / 400 <= 30
    three = int(datetime(2026, 3, 3, 3, tzinfo=SITE.zone_info).timestamp()) * SECOND
    (night,) = run.truth.occupancy([three])
    assert night["operations"] == 1
    assert sum(night[zone.id] for zone in SITE.zones if zone.parent is None) == 1


def test_denials_say_why(run: Run) -> None:
    """Unknown credentials stand in nobody's name; all other denied ones are in the directory."""
    known = {held.hash for person in run.simulation.directory.persons for held in person.credentials}
    denied = [signal for signal in run.signals if signal.action is Action.DENIED]
    assert {Reason.UNKNOWN_CREDENTIAL, Reason.NO_PERMISSION} <= {signal.reason for signal in denied}
    for signal in denied:
        assert signal.credential is not None
        assert (signal.credential.hash in known) == (signal.reason is not Reason.UNKNOWN_CREDENTIAL)
    for signal in run.signals:
        if signal.action is Action.GRANTED:
            assert signal.credential is not None
            assert signal.credential.hash in known


def test_the_directory_has_everybody() -> None:
    """Roles, departments, several credentials a person, replaced and expired cards are all there."""
    directory = campus(1000, 10, start=date(2026, 3, 2)).directory
    assert len({person.id for person in directory.persons}) == len(directory.persons) == 1000
    roles = Counter(person.role for person in directory.persons)
    assert set(roles) == {Role.EMPLOYEE, Role.CONTRACTOR, Role.VISITOR, Role.GUARD, Role.CLEANER}
    assert {"Research", "Security", "Facilities", None} <= {p.department for p in directory.persons}
    held = [person.credentials for person in directory.persons]
    assert any({"card", "mobile"} <= {each.format for each in own} for own in held)
    assert any(len(own) == 1 and own[0].valid_until for own in held)
    replaced = [own for own in held if len(own) > 1 and own[0].valid_until]
    assert replaced
    assert all(own[0].valid_until == own[1].valid_from for own in replaced)


def test_weekends_are_quiet() -> None:
    """On a Sunday nobody is in but guards, and whoever an incident needs."""
    sunday = Run(campus(200, 1, start=date(2026, 3, 8)))
    roles = {move.person.split("-")[0] for move in sunday.truth.moves()}
    assert roles == {"guard", "employee"}
    assert len({m.person for m in sunday.truth.moves() if m.person.startswith("employee")}) == 1


def test_nobody_hesitates_twice() -> None:
    """Somebody granted a passage not made gets no second such grant before they are seen to move."""
    graph = Campus(SITE)
    card = Credential("card", "c0ffee")
    office = graph.zone_ids.index("office-201")
    (door,) = graph.route(office, OUTSIDE_CODE)[0]
    truth = Truth(graph, ("employee-00001",))
    passages = Passages(graph, POLICY, {}, 1, truth)
    passages.begin(Random(1), [card], [], None)
    intents = (Intent.HESITATE, Intent.HESITATE, Intent.PASS, Intent.HESITATE)
    crossings = [
        Crossing(minute * 60 * SECOND, intent, 0, 0, *door) for minute, intent in enumerate(intents, 1)
    ]
    reports = passages.until(3600 * SECOND, crossings)
    assert [report.at_us // (60 * SECOND) for report in reports] == [1, 3, 4]
    assert [move.zone for move in truth.moves()] == ["main-2-hall"]
