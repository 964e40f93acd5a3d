"""Many sites in one history: each gets the answers it would get alone."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from domain.site import Site
from projections import checkpoints
from projections.alerts import alerts
from projections.client import History, open_history
from projections.occupancy import occupancy_at
from projections.sink import Sink
from projections.trace import trace
from projections.verify import verify
from projections.visits import visits
from tests.sink.partitioned_log import MINUTE, NINE, PERSONS, PartitionedLog, site_of, story, tell

SITES = ("a", "b", "c")
STEPS = 120


def _views(history: History) -> list[str]:
    """Return every view people may ask, by name."""
    found = history.rows(
        "SELECT if(database = 'limen', '', database || '.') || name AS view FROM system.tables "
        "WHERE engine = 'View' AND database IN ('limen', 'pub') AND NOT startsWith(name, 'derive_')"
    )
    return [row["view"] for row in found]


def _answers(history: History, site: Site, position: dict[int, int]) -> dict[str, Any]:
    """Return what the history says of a site, positions told as the site's own count of signals."""
    answers: dict[str, Any] = {}
    for minutes in range(5, STEPS, 37):
        for known in (None, NINE + (minutes + 15) * MINUTE):
            answers[f"occupancy {minutes} {known}"] = occupancy_at(
                history, site, NINE + minutes * MINUTE, known
            )
    answers["visits"] = visits(history, site)
    answers["alerts"] = alerts(history, site)
    for person in PERSONS:
        answers[f"visits of {person}"] = visits(history, site, person=person)
        answers[f"trace of {person}"] = _placed(trace(history, site, person=person), position)
    for credential in ("h1", "h2", "h3"):
        answers[f"trace of {credential}"] = _placed(trace(history, site, credential=credential), position)
    for view in _views(history):
        rows = history.rows(f"SELECT * FROM {view} WHERE site = {{site:String}}", {"site": site.id})
        for row in rows:
            row.pop("partition", None)
        answers[view] = sorted(map(repr, _placed(rows, position)))
    return answers


def _placed(rows: Sequence[dict[str, Any]], position: dict[int, int]) -> list[dict[str, Any]]:
    placed = []
    for row in rows:
        mapped = dict(row)
        if "position" in row:
            mapped["position"] = position[row["position"]]
        if "causes" in row:
            mapped["causes"] = [position[cause] for cause in row["causes"]]
        placed.append(mapped)
    return placed


@pytest.fixture
def frequent_checkpoints(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Make checkpoints every few events, so that answers rest on them."""
    monkeypatch.setattr(checkpoints, "EVERY", 90)
    yield


@pytest.mark.usefixtures("frequent_checkpoints")
def test_each_site_is_answered_as_if_it_were_alone(tmp_path: Path) -> None:
    """Three sites that call their zones, doors, persons and cards the same share two partitions unnoticed."""
    sites = {name: site_of(name) for name in SITES}
    stories = {name: story(site, STEPS, seed) for seed, (name, site) in enumerate(sites.items())}
    expected = {}
    for name, site in sites.items():
        alone = PartitionedLog()
        tell(alone, 0, [stories[name]], 0)
        with open_history(tmp_path / name) as history:
            Sink(history, alone, 0).catch_up()
            expected[name] = _answers(history, site, {at: at for at in range(STEPS)})
    together = PartitionedLog()
    [[of_c]] = [tell(together, 0, [stories["c"]], 1)]
    of_a, of_b = tell(together, 1, [stories["a"], stories["b"]], 2)
    with open_history(tmp_path / "together") as history:
        for partition in (0, 1):
            Sink(history, together, partition, batch_rows=100).catch_up()
        assert history.rows("SELECT count() > 2 AS many FROM checkpoints")[0]["many"]
        for name, offsets in (("a", of_a), ("b", of_b), ("c", of_c)):
            position = {offset: own for own, offset in enumerate(offsets)}
            answers = _answers(history, sites[name], position)
            for what, answer in answers.items():
                assert answer, (name, what)
                assert answer == expected[name][what], (name, what)
        for partition in (0, 1):
            log = together.of(partition)
            answer = verify(
                history, together, partition, signals_head=len(log.signals), events_head=len(log.events)
            )
            assert answer["ok"], answer
    assert expected["a"] != expected["b"]
