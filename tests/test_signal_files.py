"""Files of signals at the command line: simulated, imported, and read again from the quarantine."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from infra.answers.feed import import_files
from infra.answers.history import alerts
from infra.directory_file import COLUMNS, read_directory
from infra.failure import Failure
from infra.home import OpenHome
from infra.initialising import initialise
from infra.simulating import simulate_into, simulate_to_file
from tests.command_line.calling import answer, limen


@pytest.mark.parametrize("where", [(), ("--out", "day.jsonl", "--into", "home")])
def test_simulate_goes_to_one_place(tmp_path: Path, where: tuple[str, ...]) -> None:
    """Neither a file nor a home, and both at once, are wrong use; nothing is made."""
    assert (
        "--out FILE or --into HOME" in limen("simulate", *where, home=tmp_path / "home", exit_code=2).stderr
    )
    assert list(tmp_path.iterdir()) == []


def test_where_the_truth_goes_is_asked_first(tmp_path: Path) -> None:
    """A truth that could not be written, or only over the signals, is wrong use before anything is made."""
    home, day = tmp_path / "home", tmp_path / "day.jsonl"
    people = tmp_path / "day.jsonl.directory.csv"
    for truth, said in (
        (tmp_path / "none" / "truth", "folder"),
        (tmp_path, "folder"),
        (day, "same file"),
        (people, "same file"),
    ):
        asked = ("simulate", "--out", day, "--truth", truth)
        assert said in limen(*asked, home=home, exit_code=2).stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_simulated_days_go_through_a_file(tmp_path: Path) -> None:
    """What is written is imported, each signal once; a line that could not be read is read again."""
    home, day, truth = tmp_path / "home", tmp_path / "day.jsonl", tmp_path / "truth.json"
    limen("init", "--template", "campus", home=home)
    asked = ("--persons", "12", "--start", "2024-03-04", "--seed", "3")
    made = answer("simulate", *asked, "--out", day, "--truth", truth, home=home)
    lines = day.read_bytes().splitlines()
    people = tmp_path / "day.jsonl.directory.csv"
    assert made == {
        "signals": len(lines), "file": str(day), "directory": str(people), "persons": 12,
    }  # fmt: skip
    assert json.loads(truth.read_text())
    fed = answer("import", day, "--source", "signals", home=home)
    assert (fed["accepted"], fed["duplicates"], fed["quarantined"]) == (len(lines), 0, 0)

    moved = json.loads(lines[0])
    moved["id"] = moved["data"]["id"] = "0" * 32
    moved["data"]["point"] = moved["subject"] = "new-door"
    day.write_bytes(b"\n".join([*lines, json.dumps(moved).encode()]) + b"\n")
    fed = answer("import", day, "--source", "signals", home=home)
    assert (fed["accepted"], fed["duplicates"], fed["quarantined"]) == (0, len(lines), 1)
    assert answer("quarantine", "retry", home=home)["quarantined"] == 1
    site = home / "site.yaml"
    text = site.read_text()
    site.write_text(text.replace("\npoints:\n", "\npoints:\n  - {id: new-door, to_zone: plaza}\n", 1))
    assert site.read_text() != text
    assert answer("quarantine", "retry", home=home)["accepted"] == 1
    (entry,) = answer("quarantine", "list", home=home)
    assert (entry["status"], entry["line"], entry["reason"]) == ("retried", len(lines) + 1, "unknown_point")
    assert answer("verify", home=home)["ok"]


def test_a_file_and_its_people_make_the_site_that_into_makes(tmp_path: Path) -> None:
    """Signals that are imported after their people give the same alerts, of people whom the truth names."""
    what: dict[str, Any] = {"persons": 60, "days": 1, "seed": 7, "start": None}
    direct, imported, day, truth = (
        tmp_path / name for name in ("direct", "imported", "day.jsonl", "truth.json")
    )
    for home in (direct, imported):
        initialise(home, "campus")
    made = simulate_to_file(imported, day, truth=str(truth), **what)
    shutil.copy(made["directory"], imported / "directory.csv")
    with OpenHome(imported) as opened:
        import_files(opened, files=[str(day)], source="signals")
        found = _alerts(opened)
    with OpenHome(direct) as opened:
        simulate_into(opened, truth=None, **what)
        assert _alerts(opened) == found
    assert (direct / "directory.csv").read_bytes() == (imported / "directory.csv").read_bytes()
    persons = {alert["person"] for alert in found if alert["person"]}
    listed = {person.id for person in read_directory(imported / "directory.csv").persons}
    assert persons & listed
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == [
        "day.jsonl", "day.jsonl.directory.csv", "truth.json",
    ]  # fmt: skip


def _alerts(home: OpenHome) -> list[dict[str, Any]]:
    return alerts(home, rule=None, person=None, zone=None, since=None, until=None)


def test_people_who_cannot_be_written_are_told(tmp_path: Path) -> None:
    """A folder stands where they belong: the message names it."""
    (tmp_path / "day.jsonl.directory.csv").mkdir()
    what: dict[str, Any] = {"persons": 2, "days": 1, "seed": 1, "start": None, "truth": None}
    with pytest.raises(Failure, match=r"day\.jsonl\.directory\.csv was not written: Is a directory"):
        simulate_to_file(tmp_path / "nowhere", tmp_path / "day.jsonl", **what)


def test_no_simulation_overwrites_a_directory(tmp_path: Path) -> None:
    """However often days are simulated into a home, the people who were listed there first are kept."""
    home = tmp_path / "home"
    limen("init", "--template", "campus", home=home)
    ours = home / "directory.csv"
    ours.write_text(f"{','.join(COLUMNS)}\nann,,,,,\n")
    listed = ours.read_bytes()
    for seed in (1, 2, 3):
        with OpenHome(home) as opened:
            simulate_into(opened, persons=2, days=1, seed=seed, start=None, truth=None)
    assert (home / "directory.csv.before").read_bytes() == listed
    kept = [(home / f"directory.csv.before{number}").read_bytes() for number in ("", "-2", "-3")]
    assert len({*kept, ours.read_bytes()}) == 4
