"""A simulated city: many sites in one stream, each as it would be alone."""

import json
from collections import Counter
from importlib import resources
from pathlib import Path

import pytest

from connectors.simulation import City, city, simulate
from domain.signal import read_signal
from domain.vocabulary import Action, Category
from infra.policy_file import load_policy
from infra.simulating import city_signals, simulate_city_to_file
from infra.site_file import load_site

CAMPUS = Path(str(resources.files("infra"))) / "templates" / "campus"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> City:
    """Three sites for a day, with many cloned cards."""
    monkeypatch.setattr(city, "_CLONES_EVERY", 200)
    site = load_site(CAMPUS / "site.yaml")
    return City(site, load_policy(CAMPUS / "policy.yaml", site), sites=3, persons=40, days=1, seed=5)


def test_the_sites_are_one_stream_in_the_order_received(small: City) -> None:
    """Times never go back, ids never come twice, and every site is in it."""
    signals = list(small.signals())
    received = [signal.time.received_at for signal in signals]
    assert received == sorted(received)
    assert len({signal.id for signal in signals}) == len(signals)
    assert {signal.site for signal in signals} == {"campus-1", "campus-2", "campus-3"}


def test_a_site_says_what_it_would_say_alone(small: City) -> None:
    """Clones aside, each site's signals are those of its own simulation."""
    cloned = {signal.id for signal in small.signals() if signal.id in _later(small)}
    alone = small.simulations[1]
    again = simulate(alone.campus.site, alone.policy, persons=40, days=1, seed=50_002, person_prefix="2-")
    mine = [signal for signal in small.signals() if signal.site == "campus-2" and signal.id not in cloned]
    assert mine == list(again.signals())


def test_a_cloned_card_is_used_far_away_soon_after(small: City) -> None:
    """Each incident names a granted use and, two minutes later, a refused one of the same card elsewhere."""
    by_id = {signal.id: signal for signal in small.signals()}
    assert len(small.incidents) >= 3
    for incident in small.incidents:
        used, clone = (by_id[name] for name in incident.signals)
        assert (used.action, clone.action) == (Action.GRANTED, Action.DENIED)
        assert used.credential == clone.credential
        assert used.site != clone.site
        assert clone.time.occurred_at - used.time.occurred_at == 120_000_000


def test_nobody_belongs_to_two_sites(small: City) -> None:
    """Persons and cards are each one site's."""
    everybody = [person for one in small.simulations for person in one.directory.persons]
    cards = Counter(held.hash for person in everybody for held in person.credentials)
    people = Counter(person.id for person in everybody)
    assert set(people.values()) == set(cards.values()) == {1}


def test_the_same_seed_gives_the_same_file(tmp_path: Path) -> None:
    """Documents first, then the signals; byte for byte the same each time; the truth beside it."""
    what = {"sites": 2, "persons": 20, "days": 1, "seed": 3, "start": None, "truth": str(tmp_path / "truth")}
    files = [tmp_path / "one.jsonl", tmp_path / "two.jsonl"]
    counts = [simulate_city_to_file(tmp_path, file, **what)["signals"] for file in files]  # type: ignore[arg-type]
    lines = files[0].read_bytes().splitlines()
    assert files[0].read_bytes() == files[1].read_bytes()
    assert counts == [len(lines)] * 2
    begin = [read_signal(line) for line in lines[:6]]
    assert [(signal.category, (signal.data or {})["kind"]) for signal in begin] == [
        (Category.CONTROL, kind) for _ in range(2) for kind in ("site", "policy", "directory")
    ]
    assert "incidents" in json.loads((tmp_path / "truth").read_bytes())


def test_each_sites_documents_come_before_its_signals(small: City) -> None:
    """No site says anything before the engine can know its doors."""
    known: set[tuple[str, str]] = set()
    for signal in city_signals(small):
        if signal.category is Category.CONTROL and signal.action is Action.LOADED:
            known.add((signal.site, (signal.data or {})["kind"]))
        else:
            assert {(signal.site, kind) for kind in ("site", "policy", "directory")} <= known


def _later(small: City) -> set[str]:
    return {incident.signals[1] for incident in small.incidents}
