"""The rules between sites (docs/rules.md, section 13)."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cross_site.rules import MOST_KEPT, CrossSite, Finding, Limits, distance_km, impossible
from streams.cross_site.uses import Use
from tests.cross_site.told import MINUTE, START, at, reading, sighting

HOUR = 60 * MINUTE


def found(uses: Sequence[Use], limits: Limits | None = None, every_us: int = MINUTE) -> list[Finding]:
    """Return what is found when the uses come into the log one after another."""
    stage = CrossSite(limits or Limits())
    return [finding for n, use in enumerate(uses) for finding in stage.see(use, START + n * every_us)]


def test_distances_are_great_circles() -> None:
    """Known distances come out, also across the date line and between antipodes."""
    assert distance_km(0, 0, 0, 1) == pytest.approx(111.195, abs=0.001)
    assert distance_km(0, 179.5, 0, -179.5) == pytest.approx(111.195, abs=0.001)
    assert distance_km(90, 0, -90, 0) == distance_km(0, 0, 0, 180) == pytest.approx(20_015.1, abs=0.1)
    assert distance_km(51.47, -0.4543, 40.6413, -73.7781) == pytest.approx(5_540, rel=0.002)  # LHR, JFK


def test_a_card_faster_than_an_airliner_is_found() -> None:
    """Berlin and then Lisbon within 40 minutes: the pair, its time and its distance."""
    (finding,) = found([reading("berlin", 0), reading("lisbon", 40)])
    assert (finding.kind, finding.earlier.site, finding.later.site) == (
        "impossible_travel",
        "berlin",
        "lisbon",
    )
    assert finding.seconds == 2400
    assert finding.distance_km == pytest.approx(2313, abs=1)


def test_the_limit_is_sharp() -> None:
    """The same way is possible from the very moment at which the speed limit allows it."""
    limits = Limits(speed_limit_kmh=1000, tolerance_km=0, tolerance_seconds=60)
    here, there = reading("berlin", 0), reading("lisbon", 0)
    needed = distance_km(52.52, 13.405, 38.722, -9.139) / 1000 * 60 - 1
    assert impossible(here, reading("lisbon", needed - 0.001), limits)
    assert not impossible(here, reading("lisbon", needed + 0.001), limits)
    assert impossible(here, there, limits)


@pytest.mark.parametrize(
    ("uses", "limits"),
    [
        ([reading("berlin", 0), reading("lisbon", 180)], Limits()),
        ([reading("berlin", 0), reading("lisbon", 1, "c-2")], Limits()),
        ([reading("berlin", 0), reading("berlin", 0)], Limits()),
        ([reading("berlin", 0), reading("potsdam", 0)], Limits(minimum_distance_km=30)),
        ([reading("berlin", 0), reading("nowhere", 0)], Limits()),
        ([reading("berlin", 0), reading("lisbon", 1)], Limits(same_place=(frozenset({"berlin", "lisbon"}),))),
        ([reading("berlin", 0), reading("lisbon", 1)], Limits(horizon_hours=0.01)),
    ],
    ids=[
        "time enough",
        "two cards",
        "one site",
        "too near",
        "no coordinates",
        "one place",
        "beyond the horizon",
    ],
)
def test_what_is_possible_is_not_found(uses: Sequence[Use], limits: Limits) -> None:
    """Time enough, another card, the same place, or nothing to compare: no finding."""
    assert found(uses, limits) == []


def test_a_card_is_compared_with_every_use_not_only_the_last() -> None:
    """A use that comes late, between two others, is compared with both."""
    uses = [reading("berlin", 0), reading("berlin", 300), reading("lisbon", 150), reading("lisbon", 310)]
    pairs = [(finding.earlier.at, finding.later.at) for finding in found(uses)]
    assert pairs == [(at(0), at(150)), (at(150), at(300))]  # 300 and 310 are in the window of the second


def test_a_clone_used_all_day_is_one_finding_a_window() -> None:
    """Two cards in use at two sites each five minutes: the windows are told, not the pairs."""
    uses = [reading(site, minutes) for minutes in range(0, 240, 5) for site in ("berlin", "lisbon")]
    assert len(found(uses)) == 4


def test_a_face_without_a_card_is_its_person() -> None:
    """A reading that names a person and no credential is compared by the person."""
    faces = [reading("berlin", 0, "", person="ann"), reading("lisbon", 1, "", person="ann")]
    assert [finding.name[1] for finding in found(faces)] == ["ann"]


def test_two_visits_seen_at_once_are_found() -> None:
    """One finding for two visits, when their sightings overlap by more than is allowed."""
    here = [sighting("berlin", minutes) for minutes in (0, 10, 20)]
    there = [sighting("lisbon", minutes) for minutes in (14, 16, 40)]
    assert found([*here, there[0]]) == []
    assert found([*here, *there[:2]], Limits(overlap_minutes=2)) == []
    (finding,) = found([*here, *there])
    assert (finding.kind, finding.seconds, finding.distance_km) == ("two_sites", 360, None)
    assert {finding.earlier.site, finding.later.site} == {"berlin", "lisbon"}


def test_who_left_unnoticed_is_not_at_two_sites() -> None:
    """A visit that is merely not ended yet says nothing after its last sighting."""
    assert found([sighting("berlin", 0), sighting("lisbon", 60), sighting("lisbon", 120)]) == []


def test_sites_of_one_place_and_other_visits_are_no_finding() -> None:
    """Inside two sites that share a boundary, one after the other, or another person: no finding."""
    both = [sighting(site, minutes) for site in ("berlin", "potsdam") for minutes in (0, 60)]
    assert len(found(both)) == 1
    assert found(both, Limits(same_place=(frozenset({"berlin", "potsdam"}),))) == []
    assert found([*both[:2], sighting("potsdam", 60, 2), sighting("potsdam", 90, 2)]) == []
    assert found([*both[:2], *(sighting("potsdam", minutes, 1, "bob") for minutes in (0, 60))]) == []


def test_what_is_kept_is_bounded() -> None:
    """Neither a card that never rests nor many cards make the memory grow beyond the horizon."""
    stage = CrossSite(Limits(horizon_hours=1))
    for n in range(MOST_KEPT + 500):
        stage.see(reading("berlin", n / 100), START)
    assert len(stage) == MOST_KEPT
    for n in range(3000):
        stage.see(reading("berlin", n, f"c-{n}"), START + n * MINUTE)
        assert len(stage) <= MOST_KEPT + 121
    assert len(stage) <= 121


@st.composite
def interleavings(draw: st.DrawFn) -> tuple[list[Use], list[Use]]:
    """Draw the uses of three sites, and two ways in which they come that keep each site's order."""
    streams = []
    for site in ("berlin", "potsdam", "lisbon"):
        steps = draw(
            st.lists(st.tuples(st.integers(0, 240), st.sampled_from("rrv"), st.integers(1, 2)), max_size=8)
        )
        streams.append(
            [
                reading(site, minutes, f"c-{which}") if what == "r" else sighting(site, minutes, which)
                for minutes, what, which in steps
            ]
        )
    ways = []
    for _ in range(2):
        order = draw(st.permutations([n for n, stream in enumerate(streams) for _ in stream]))
        left = [iter(stream) for stream in streams]
        ways.append([next(left[n]) for n in order])
    return ways[0], ways[1]


@given(interleavings())
def test_the_order_of_the_sites_does_not_matter(ways: tuple[list[Use], list[Use]]) -> None:
    """However the sites' streams are interleaved, and if all comes twice: the same findings, each once."""
    one, other = ([finding.name for finding in found(way)] for way in (ways[0], ways[1] * 2))
    assert sorted(one) == sorted(other)
    assert len(set(one)) == len(one)


@given(interleavings())
def test_findings_are_those_of_a_look_at_everything(ways: tuple[list[Use], list[Use]]) -> None:
    """The fold finds what the rules, read plainly over all uses at once, say."""
    uses, limits = ways[0], Limits()
    readings = [use for use in uses if use.what == "reading"]
    expected = {
        ("impossible_travel", a.key, *sorted((a.site, b.site)), str(max(a.at, b.at) // HOUR))
        for a in readings
        for b in readings
        if a.key == b.key and a.site < b.site and impossible(a, b, limits)
    }
    visits: dict[str, list[Use]] = {}
    for use in uses:
        if use.visit is not None:
            visits.setdefault(use.visit, []).append(use)
    for one, seen in visits.items():
        for other, seen_there in visits.items():
            begin = max(min(use.at for use in seen), min(use.at for use in seen_there))
            end = min(max(use.at for use in seen), max(use.at for use in seen_there))
            if one < other and seen[0].site != seen_there[0].site and end - begin > 5 * MINUTE:
                expected.add(("two_sites", "ann", one, other))
    assert {finding.name for finding in found(uses)} == expected
