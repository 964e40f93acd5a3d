"""Deciding about alerts in a home: the command line, the process that runs, the log and the history."""

import json
import re
import shutil
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from domain.signal import read_signal
from domain.vocabulary import Action
from infra.answers.cases import case_decide, case_show
from infra.answers.history import alerts, verify
from infra.answers.replay import replay
from infra.command_side.cases import Cases
from infra.command_side.errors import CommandSideUnavailable
from infra.command_side.storage import PostgresStorage
from infra.failure import Failure, WrongUse
from infra.home import PARTITION, OpenHome
from infra.service import Service
from projections.sql import sql
from tests.command_line.calling import answer, limen
from tests.command_line.running import running
from tests.postgres_fixture import PostgresSchema

WAIT_SECONDS = 30


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with a small simulated day, for copying."""
    made = tmp_path_factory.mktemp("cases") / "home"
    limen("init", "--template", "campus", home=made)
    limen("simulate", "--into", made, "--persons", "20", "--seed", "3", home=made)
    return made


@pytest.fixture
def home(simulated: Path, tmp_path: Path) -> Path:
    """Return a home of the test's own, with alerts."""
    return Path(shutil.copytree(simulated, tmp_path / "home", symlinks=True))


@pytest.fixture(params=["sqlite", "postgres"])
def kept_home(request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a home that keeps its cases in one or the other."""
    if request.param == "postgres":
        use(request.getfixturevalue("postgres"), monkeypatch)
    return home


def use(postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let homes that are opened from now on keep their cases in a schema."""
    for name, value in postgres.environment.items():
        monkeypatch.setenv(name, value)


def listed(home: OpenHome) -> list[dict[str, Any]]:
    """Return all alerts."""
    return alerts(home, rule=None, person=None, zone=None, since=None, until=None)


def decide(home: OpenHome, alert: str, decision: str, **told: Any) -> dict[str, Any]:
    """Decide as ann."""
    return case_decide(
        home, alert=alert, decision=decision, by="ann", version=told.pop("version", None), **told
    )


def test_a_decision_is_in_log_and_history(kept_home: Path) -> None:
    """It is answered, stands in the log once, and shows among the alerts; the log's time stands still."""
    with OpenHome(kept_home) as home:
        first, second = (alert["alert_id"] for alert in listed(home)[:2])
        assert [alert["case"] for alert in listed(home)[:2]] == [None, None]
        assert case_show(home, alert=first)["version"] == 0
        now = home.pipeline.runner.engine.now
        acknowledged = decide(home, first, "acknowledged", note="anna@home, of all people")
        assert (acknowledged["accepted"], acknowledged["status"]) == (True, "acknowledged")
        assert decide(home, first, "acknowledged")["reason"].endswith("was acknowledged by ann already")
        assert not decide(home, first, "noted", note="late", version=0)["accepted"]
        assert decide(home, first, "assigned", assignee="bob")["assignee"] == "bob"
        assert decide(home, first, "closed", resolution="false_alarm")["resolution"] == "false_alarm"
        unknown = decide(home, f"{first}0", "acknowledged")
        assert (unknown["accepted"], "there is no alert" in unknown["reason"]) == (False, True)
        assert home.pipeline.runner.engine.now == now
        shown = case_show(home, alert=first)
        assert [one["decision"] for one in shown["decisions"]] == ["acknowledged", "assigned", "closed"]
        found, other = listed(home)[:2]
        assert other["alert_id"] == second
        assert other["case"] is None
        assert found["case"] == {
            "status": "closed",
            "by": "ann",
            "decided_at": shown["decisions"][-1]["decided_at"],
            "assignee": "bob",
            "resolution": "false_alarm",
        }
        signals = [read_signal(stored.wire) for stored in home.log.read(PARTITION, 0, 1_000_000)]
        decided = [signal.data for signal in signals if signal.action is Action.DECIDED]
        assert [data and data["decision"] for data in decided] == ["acknowledged", "assigned", "closed"]
        (public,) = sql(home.history, "SELECT * FROM pub.alerts WHERE case_status IS NOT NULL")
        assert (public["case_status"], public["resolution"]) == ("closed", "false_alarm")
        assert not re.search("ann|bob", str({**public, "zone": ""}))
        assert verify(home)["ok"]
        assert replay(home, to=None)["identical"]


def test_what_a_killed_command_left_is_told_by_the_next(home: Path) -> None:
    """A decision that was kept, and never told to the log, is told before the next one, and then once."""
    with OpenHome(home) as opened:
        first, second = (alert["alert_id"] for alert in listed(opened)[:2])
        opened.cases.acknowledge(first, by="bob", at=datetime.now(UTC))
    with OpenHome(home) as opened:
        assert decide(opened, second, "acknowledged")["accepted"]
        assert [alert["case"]["by"] for alert in listed(opened)[:2]] == ["bob", "ann"]


def test_an_alert_that_nobody_knows_has_no_case(home: Path) -> None:
    """To ask for it is wrong use, and makes no file."""
    with OpenHome(home) as opened:
        with pytest.raises(WrongUse, match="there is no alert"):
            case_show(opened, alert="campus:density:vault:99")
        assert not opened.has_cases


@pytest.mark.slow
def test_cases_that_were_lost_are_told_and_no_decision_is_taken_over_them(home: Path) -> None:
    """The log has them: a new decision would be taken for the one it has, and be nowhere."""
    with OpenHome(home) as opened:
        alert, other = (alert["alert_id"] for alert in listed(opened)[:2])
        assert decide(opened, alert, "acknowledged")["accepted"]
        kept = listed(opened)
    opened.paths.cases.unlink()
    with OpenHome(home) as opened:
        with pytest.raises(Failure, match=r"of the 1 decisions .* 1 are not there"):
            decide(opened, alert, "closed", resolution="confirmed")
        with pytest.raises(Failure, match="newest backup"):
            case_show(opened, alert=alert)
        assert listed(opened) == kept
        assert decide(opened, other, "acknowledged")["accepted"]


def test_the_process_that_runs_decides(home: Path) -> None:
    """While `run` owns the home, commands reach it, refusals too; people and programs read the answers."""
    with running(home):
        alert = answer("alerts", home=home)[0]["alert_id"]
        done = answer("case", "acknowledge", alert, "--by", "ann", home=home)
        assert (done["accepted"], done["version"]) == (True, 2)
        refused = limen("case", "acknowledge", alert, "--by", "bob", home=home, exit_code=1)
        assert "was acknowledged by ann already" in refused.stdout
        closed = ("case", "close", alert, "--by", "bob", "--resolution", "explained", "--note", "the wind")
        assert answer(*closed, "--if-version", "2", home=home)["status"] == "closed"
        assert answer("case", "show", alert, home=home)["decisions"][-1]["note"] == "the wind"
        limen("case", "close", alert, "--by", "bob", "--resolution", "boring", home=home, exit_code=2)
    shown = limen("case", "show", alert, home=home).stdout
    assert "explained · the wind" in shown
    assert "closed (bob)" in limen("alerts", home=home).stdout


def test_a_server_that_is_away_at_the_start_stops_it(
    home: Path, postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`run` and every command about cases say which server does not answer; other answers need none."""
    use(postgres, monkeypatch)
    postgres.server.stop()
    with OpenHome(home) as opened:
        alert = listed(opened)[0]["alert_id"]
        with pytest.raises(CommandSideUnavailable, match="PostgreSQL at"):
            Service(opened).run(seconds=1)
        with pytest.raises(CommandSideUnavailable, match="PostgreSQL at"):
            decide(opened, alert, "acknowledged")
    assert "PostgreSQL at" in limen("case", "show", alert, home=home, exit_code=3).stderr


def test_it_outlives_a_server_that_goes_away(
    home: Path, postgres: PostgresSchema, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Time passes without the server; what somebody decides when it is back enters the log unaided."""
    use(postgres, monkeypatch)
    monkeypatch.setattr("infra.service._RELAY_EVERY_SECONDS", 0.05)
    monkeypatch.setenv("LIMEN_CLOCK_SECONDS", "0.1")
    with OpenHome(home) as opened:
        alert = listed(opened)[0]["alert_id"]
        service, log = Service(opened), opened.log
        heads = []

        def elsewhere() -> None:
            wait_for(lambda: log.position(PARTITION) > before + 1)
            postgres.server.stop()
            heads.append(log.head(PARTITION))
            wait_for(lambda: log.head(PARTITION) > heads[0] + 3)
            postgres.server.start()
            with Cases(PostgresStorage(postgres.settings), lambda _: "campus") as cases:
                cases.acknowledge(alert, by="cy", at=datetime.now(UTC))
            wait_for(lambda: bool(list(log.find_events(PARTITION, topics=["alert.acknowledged"]))))
            service.stop()

        before = log.head(PARTITION)
        helper = threading.Thread(target=elsewhere)
        helper.start()
        service.run(seconds=2 * WAIT_SECONDS)
        helper.join()
        assert listed(opened)[0]["case"]["by"] == "cy"
        (event,) = log.find_events(PARTITION, topics=["alert.acknowledged"])
        assert json.loads(event.wire)["detail"]["by"] == "cy"


def wait_for(came: Callable[[], bool]) -> None:
    """Wait until it is so."""
    until = time.monotonic() + WAIT_SECONDS
    while not came():
        assert time.monotonic() < until
        time.sleep(0.02)
