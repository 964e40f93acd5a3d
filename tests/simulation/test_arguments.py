"""What is asked for is simulated, the same each time, and what cannot be is named."""

import json
from datetime import date
from hashlib import sha256
from pathlib import Path

import pytest

from connectors.simulation import simulate
from detectors.registry import DETECTORS
from domain.calendars import Calendar
from domain.errors import InvalidDocument
from domain.signal import read_signal
from domain.site import Site
from domain.vocabulary import Action
from tests.simulation.runs import POLICY, SITE, Run, campus


def test_one_seed_gives_the_same_bytes(tmp_path: Path) -> None:
    """The same arguments give the same signals, directory and truth, to the byte."""
    for name in ("a", "b"):
        simulation = campus()
        count = simulation.write_signals(tmp_path / f"{name}.jsonl")
        simulation.write_truth(tmp_path / f"{name}.json")
        assert count == (tmp_path / f"{name}.jsonl").read_bytes().count(b"\n")
    assert (tmp_path / "a.jsonl").read_bytes() == (tmp_path / "b.jsonl").read_bytes()
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert campus().directory == campus().directory


def test_signals_can_be_asked_for_again() -> None:
    """Reading the signals of one simulation twice, the first time in part, gives the same ones."""
    simulation = campus(30)
    partly = simulation.signals()
    first = [next(partly) for _ in range(50)]
    assert list(simulation.signals())[:50] == first


def test_another_seed_gives_other_signals() -> None:
    """Another seed shares no signal's id and no credential with the first."""
    one, other = (Run(campus(seed=seed)) for seed in (1, 2))
    assert not one.by_id.keys() & other.by_id.keys()
    hashes = [{s.credential.hash for s in each.signals if s.credential is not None} for each in (one, other)]
    assert not hashes[0] & hashes[1]


def test_credentials_are_hashed_as_told() -> None:
    """Whoever gives a hash gets it in directory and signals, and nothing of the value."""

    def hashed(form: str, value: str) -> str:
        return sha256(f"secret {form} {value}".encode()).hexdigest()

    simulation = campus(20, hash_credential=hashed)
    hashes = {signal.credential.hash for signal in simulation.signals() if signal.credential}
    assert hashes
    assert all(len(each) == 64 for each in hashes)
    assert {h.hash for person in campus(20).directory.persons for h in person.credentials}.isdisjoint(hashes)


def test_files_hold_what_was_simulated(tmp_path: Path) -> None:
    """The signals' file reads back as the signals; the truth's as its moves and incidents."""
    made = Run(campus(20))
    made.simulation.write_signals(tmp_path / "signals.jsonl")
    lines = (tmp_path / "signals.jsonl").read_bytes().splitlines()
    assert [read_signal(line) for line in lines] == made.signals
    made.simulation.write_truth(tmp_path / "truth.json")
    truth = json.loads((tmp_path / "truth.json").read_text())
    assert [tuple(move.values()) for move in truth["moves"]] == list(made.truth.moves())
    assert [i["signals"] for i in truth["incidents"]] == [i.signals for i in made.truth.incidents]


def test_days_are_made_as_they_are_read() -> None:
    """A century begins at once: only the day being read is held."""
    signals = campus(200, 36_500).signals()
    assert next(signals).seq == 1


@pytest.mark.parametrize("persons", [1, 2, 3, 13])
def test_as_many_people_as_asked_for(persons: int) -> None:
    """A handful of people is a handful, and they have their day."""
    simulation = campus(persons=persons, days=1)
    assert len(simulation.directory.persons) == persons
    assert Action.GRANTED in {signal.action for signal in simulation.signals()}


def test_what_cannot_be_simulated_is_named() -> None:
    """A site without a canteen or gates, and a simulation of nobody, are refused with the reason."""
    document = SITE.model_dump()
    for zone in document["zones"]:
        if zone["category"] == "canteen":
            zone["category"] = "general"
    with pytest.raises(InvalidDocument, match="category canteen"):
        simulate(Site.model_validate(document), POLICY, persons=10, days=1, seed=1)
    document = SITE.model_dump()
    for point in document["points"]:
        point["contact"] = False
    with pytest.raises(InvalidDocument, match="contact between outside"):
        simulate(Site.model_validate(document), POLICY, persons=10, days=1, seed=1)
    with pytest.raises(ValueError, match="at least 1 person"):
        campus(0)


def test_the_template_is_complete() -> None:
    """The site has labels in both languages, and the policy every rule with parameters it knows."""
    labels = [
        *(zone.label for zone in SITE.zones),
        *(point.label for point in SITE.points),
        *(device.label for device in SITE.devices),
    ]
    assert all(label and label.zh for label in labels)
    assert 35 <= len(SITE.zones) <= 45
    assert set(POLICY.rules) == set(DETECTORS)
    zones = {zone.id for zone in SITE.zones}
    for name, rule in POLICY.rules.items():
        assert rule.enabled
        DETECTORS[name].Parameters.model_validate(rule.parameters)
        for override in rule.overrides:
            DETECTORS[name].Parameters.model_validate(override.set)
            assert zones.issuperset(override.zones or ())
    working: Calendar = POLICY.calendars["working"]
    assert working.spans(date(2026, 3, 2)) == ("07:00-19:00",)
    assert not working.spans(date(2026, 12, 25))
