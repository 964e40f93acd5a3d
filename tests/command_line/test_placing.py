"""`limen place`: somebody is put where they are, with why and by whom, or it is said why not."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra.answers.placing import place
from infra.failure import WrongUse
from infra.home import OpenHome
from tests.command_line.importing import GOOD, HEADER, import_given
from tests.command_line.running import running
from tests.language.calling import limen, simulated


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a small simulated day, in which the tests put people."""
    return simulated(tmp_path_factory.mktemp("placing"))


def test_place_puts_somebody_somewhere(home: Path) -> None:
    """A person placed by hand is there at once; the order is in the log, with why and by whom."""
    person, at = "employee-00007", ("--at", "2026-03-04T10:00")
    placed = ("place", "--person", person, "--home", home, "--purpose", "seen in the vault", *at)
    answer = json.loads(limen(*placed, "--zone", "vault", "--json"))
    assert (answer["accepted"], answer["reason"], answer["zone"]) == (True, None, "vault")
    told = [json.loads(line) for line in limen("events", "--home", home).splitlines()]
    topics = [event["topic"] for event in told if event["id"] in answer["events"]]
    assert topics == ["visit.started", "zone.entered"] or "zone.entered" in topics
    occupancy = json.loads(limen("occupancy", *at, "--home", home, "--json"))
    vault = next(zone for zone in occupancy["zones"] if zone["zone"] == "vault")
    assert (vault["count"], vault["low"], vault["high"]) == (1, 1, 1)
    lines = limen("signals", "--category", "control", "--home", home).splitlines()
    order = json.loads(lines[-1])
    assert (order["action"], order["person"]) == ("placed", person)
    assert order["data"]["purpose"] == "seen in the vault"
    assert order["data"]["by"]
    assert "金库" in limen(*placed, "--zone", "vault", language="zh")
    out = json.loads(limen(*placed, "--zone", "outside", "--json"))
    assert (out["accepted"], out["zone"]) == (True, None)
    assert json.loads(limen("replay", "--home", home, "--json"))["identical"]


@pytest.mark.parametrize(
    ("changed", "reason", "recorded"),
    [
        ({"--zone": "cellar"}, "no zone of the site", True),
        ({"--person": "nobody-at-all"}, "nobody knows", False),
        ({"--at": "2026-03-02T00:30"}, "more is known", False),
    ],
)
def test_place_says_why_not(home: Path, changed: dict[str, str], reason: str, recorded: bool) -> None:
    """What cannot be is refused with a reason and exit code 1; what the engine refuses is an event."""
    options = {
        "--person": "employee-00009",
        "--zone": "vault",
        "--at": "2026-03-05T10:00",
        "--purpose": "a test",
        "--home": str(home),
    } | changed
    words = [word for pair in options.items() for word in pair]
    answer = json.loads(limen("place", *words, "--json", exit_code=1))
    assert not answer["accepted"]
    assert reason in answer["reason"]
    assert bool(answer["events"]) == recorded
    assert reason in limen("place", *words, exit_code=1)


def test_a_newer_reading_where_the_person_was_already_refuses_a_placement(tmp_path: Path) -> None:
    """It moved nobody, so no event tells of it; to place the person before it would be done after it."""
    home = tmp_path / "home"
    limen("init", "--template", "gastech", "--home", home)
    import_given(home, f"{HEADER}\n{GOOD}\n{GOOD.replace('08:00', '09:00')}\n")
    who = ("place", "--person", "earpa", "--zone", "1-2", "--home", home, "--purpose", "a test", "--json")
    refused = json.loads(limen(*who, "--at", "2016-05-31T08:30", exit_code=1))
    assert refused["events"] == []
    assert "at 2016-05-31T09:00:00" in refused["reason"]
    assert json.loads(limen(*who, "--at", "2016-05-31T09:00"))["accepted"]


def test_place_is_used_wrongly(home: Path) -> None:
    """No purpose, and a time that has not come or is before any reading, are wrong use, and nowhere."""
    who = ("place", "--person", "employee-00009", "--zone", "vault", "--home", home, "--purpose")
    limen(*who, " ", exit_code=2)
    before = _known(home)
    for wrong in ("2999-01-01T00:00", "1999-12-31T23:59", "0001-06-01T00:00"):
        limen(*who, "a test", "--at", wrong, exit_code=2)
    assert _known(home) == before


def test_a_log_ahead_of_the_clock_is_no_time_to_place_somebody(tmp_path: Path) -> None:
    """Without --at it would happen at the log's time, which has not come; the message says so."""
    home = tmp_path / "home"
    limen("init", "--template", "campus", "--home", home)
    days = ("--persons", "5", "--days", "1", "--seed", "1", "--start", "2100-03-01")
    limen("simulate", *days, "--into", home)
    who = {"person": "employee-00001", "zone": "vault", "purpose": "a test", "user": "a test"}
    with OpenHome(home) as opened, pytest.raises(WrongUse, match=r"log's time, 2100-03-0.*say when it was"):
        place(opened, at=None, **who)


def _known(home: Path) -> dict[str, Any]:
    """Return what `status` says but for the sizes: the history tidies its files up whenever it likes."""
    answer: dict[str, Any] = json.loads(limen("status", "--json", "--home", home))
    del answer["bytes"]
    return answer


def test_place_is_decided_by_the_process_that_runs(home: Path) -> None:
    """While `run` owns the home, it is the one that places; the answer has the same shape."""
    with running(home):
        who = ("--person", "employee-00011", "--purpose", "a test", "--home", home, "--json")
        answer = json.loads(limen("place", *who, "--zone", "vault"))
        assert answer["accepted"]
        assert answer["events"]
