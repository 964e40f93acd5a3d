"""Who was inside and what happened, as commands answer it; whoever looks at a person says why."""

import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from domain.signal import Time, signal_id, write_signal
from domain.times import HOUR_US
from domain.vocabulary import Action, Category
from infra.user import user_name
from tests.command_line.calling import ROOT, answer, limen
from tests.history.logs import a_signal


def test_occupancy_has_every_zone_and_adds_up(home: Path) -> None:
    """Every zone is there with its bounds, enclosing ones hold the sum, and the total is the site's."""
    occupancy = answer("occupancy", "--at", "2016-05-31T11:00", home=home)
    zones = {zone["zone"]: zone for zone in occupancy["zones"]}
    assert occupancy["at"] == "2016-05-31T11:00:00+03:00"
    assert set(occupancy) == {"at", "zones", "total"}
    assert all(set(zone) == {"zone", "count", "low", "high"} for zone in occupancy["zones"])
    assert zones["floor-1"]["count"] == sum(zones[zone]["count"] for zone in zones if zone.startswith("1-"))
    assert occupancy["total"] > 50
    assert all(zone["low"] <= zone["count"] <= zone["high"] for zone in zones.values())


def test_occupancy_as_known_then_differs_from_now(home: Path) -> None:
    """What was known at a time before the first reading is that nobody was there."""
    then = answer("occupancy", "--at", "2016-05-31T11:00", "--as-known-at", "2016-05-31T00:00Z", home=home)
    assert then["total"] < 5


def test_occupancy_after_the_end_of_the_log_says_so(home: Path) -> None:
    """What is told of a time that the log has not reached is how it ended, and people are told when."""
    end = answer("status", home=home)["log_time"]
    told = f"the log ends at {end[:16].replace('T', ' ')}"
    assert told in limen("occupancy", "--at", "2099-01-01", home=home).stdout
    assert "the log ends" not in limen("occupancy", "--at", end, home=home).stdout
    assert set(answer("occupancy", "--at", "2099-01-01", home=home)) == {"at", "zones", "total"}


def test_the_log_ends_at_its_greatest_moment(empty: Path) -> None:
    """Whatever stands last in the log, and whether anything followed from the signal that is the newest."""
    eight = 1_464_670_800_000_000  # 2016-05-31 08:00 in Athens
    reading = a_signal(1, site="gastech", time=Time(eight, eight), point="1-1", person="earpa", seq=None)
    again, before = Time(eight + HOUR_US, eight + HOUR_US), Time(eight + 1, eight + 1)
    door = {"device": "door", "category": Category.DOOR, "action": Action.CLOSED, "person": None}
    repeat = msgspec.structs.replace(reading, id=signal_id("again"), time=again)
    closed = msgspec.structs.replace(reading, id=signal_id("before"), time=before, **door)
    file = empty.parent / "day.jsonl"
    file.write_bytes(b"".join(write_signal(told) + b"\n" for told in (reading, repeat, closed)))
    answer("import", file, "--source", "signals", home=empty)
    assert answer("status", home=empty)["log_time"] == "2016-05-31T09:00:00+03:00"
    assert "ends at 2016-05-31 09:00" in limen("occupancy", "--at", "2016-06-01", home=empty).stdout


def test_naive_times_are_the_sites(home: Path) -> None:
    """A time without offset is Athens' here, and the same moment in UTC gives the same answer."""
    local = answer("occupancy", "--at", "2016-05-31T11:00", home=home)
    assert local == answer("occupancy", "--at", "2016-05-31T08:00Z", home=home)


def test_visits_of_one_person(home: Path) -> None:
    """A person's visits have their way through the zones, in order of time."""
    visits = answer("visits", "--person", "earpa", "--to", "2016-06-01T12:00", home=home)
    assert visits
    assert {"visit_id", "person", "started_at", "ended_at", "start_basis", "end_basis", "steps"} == set(
        visits[0]
    )
    assert {visit["person"] for visit in visits} == {"earpa"}
    steps = [step["entered_at"] for visit in visits for step in visit["steps"]]
    assert steps == sorted(steps)


def test_alerts_carry_their_evidence(home: Path) -> None:
    """An alert's evidence are ids of signals in the log; filters select."""
    alerts = answer("alerts", "--rule", "after_hours", home=home)
    assert alerts
    assert {alert["rule"] for alert in alerts} == {"after_hours"}
    ids = {json.loads(line)["id"] for line in limen("signals", home=home).stdout.splitlines()}
    assert all(set(alert["evidence"]) <= ids and alert["evidence"] for alert in alerts)
    someone = alerts[0]["person"]
    assert {alert["person"] for alert in answer("alerts", "--person", someone, home=home)} == {someone}
    assert answer("alerts", "--rule", "door_held", "--zone", "1-1", home=home) == []
    assert "none of after_hours, " in limen("alerts", "--rule", "nonsense", home=home, exit_code=2).stderr
    assert "none of gastech, " in limen("alerts", "--zone", "nowhere", home=home, exit_code=2).stderr


def test_signals_and_events_are_json_lines_in_log_order(home: Path) -> None:
    """Offsets run from 0 without a gap, across pages; filters and limits select from them."""
    for command in ("signals", "events"):
        offsets = [json.loads(line)["offset"] for line in limen(command, home=home).stdout.splitlines()]
        assert offsets == list(range(len(offsets)))
        assert len(offsets) > 2_000
    lines = limen("events", "--topic", "visit.started", "--from-offset", "2500", "--limit", "3", home=home)
    events = [json.loads(line) for line in lines.stdout.splitlines()]
    assert [event["topic"] for event in events] == ["visit.started"] * 3
    assert events[0]["offset"] >= 2_500
    assert "none of" in limen("events", "--topic", "door.slammed", home=home, exit_code=2).stderr


def test_trace_needs_a_purpose_and_records_it(empty: Path) -> None:
    """No look without a purpose; the look is in the log, with who looked and at whom."""
    limen("trace", "--person", "earpa", home=empty, exit_code=2)
    limen("trace", "--purpose", "a test", home=empty, exit_code=2)
    limen("trace", "--person", "earpa", "--purpose", " ", home=empty, exit_code=2)
    answer("trace", "--person", "earpa", "--purpose", "a test", home=empty)
    answer("trace", "--credential", "earpa001", "--purpose", "another", home=empty)
    lines = limen("signals", "--category", "control", home=empty).stdout.splitlines()
    looks = [data for line in lines if (data := json.loads(line)["data"])["kind"] == "look"]
    assert [look["purpose"] for look in looks] == ["a test", "another"]
    assert looks[0]["person"] == "earpa"
    assert re.fullmatch("[0-9a-f]{32}", looks[1]["credential"]), "a credential is never in the clear"
    assert all(look["by"] for look in looks)


def test_a_user_without_a_name_is_their_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a container nobody may have a name; who orders or looks is known all the same."""
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "getuid", lambda: 4_242_424)
    assert user_name() == "uid 4242424"


def test_trace_tells_everything_of_a_person(home: Path, tmp_path: Path) -> None:
    """Signals and events of the person come in order of time."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    entries = answer("trace", "--person", "earpa", "--purpose", "a test", home=copy)
    assert {entry["kind"] for entry in entries} == {"signal", "event"}
    times = [entry["occurred_at"] for entry in entries]
    assert times == sorted(times)


@pytest.mark.parametrize(
    "command",
    [
        "status", "occupancy --at 2016-06-02T12:00", "visits", "alerts", "signals", "events", "verify",
        "sql 'SELECT 1'", "quarantine list",
    ],
)  # fmt: skip
def test_a_question_does_not_wait_for_the_engine(home: Path, command: str) -> None:
    """What compiles the rules is not even imported: that would be a third of the time."""
    run = [sys.executable, "-X", "importtime", "-m", "infra.cli", *shlex.split(command)]
    environment = {**os.environ, "LIMEN_HOME": str(home)}
    done = subprocess.run(run, capture_output=True, text=True, env=environment, cwd=ROOT, check=True)
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines()}
    assert "infra.home" in imported
    assert "numba" not in imported
