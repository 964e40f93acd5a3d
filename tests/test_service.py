"""The process behind `limen run`: it lets time pass, answers for the home, and drains."""

import json
import signal
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from domain.signal import Signal, Time, read_signal, write_signal
from domain.vocabulary import Action, Category
from infra.clock import tick
from infra.control import apply_settings
from infra.home import PARTITION, OpenHome
from infra.initialising import initialise
from infra.observability.site_alerts import LINES, SiteAlerts
from infra.service import Service
from infra.site_file import load_site
from streams.log import LogUnavailable
from streams.sqlite_log import SqliteLog
from tests.command_line.calling import RECORDING, answer, limen
from tests.command_line.running import running

START_SECONDS = 60


def drained(process: "subprocess.Popen[str]") -> list[dict[str, Any]]:
    """Ask a process to end, and return what it logged; it ended well."""
    process.send_signal(signal.SIGTERM)
    _, logged = process.communicate(timeout=START_SECONDS)
    assert process.returncode == 0, logged
    return [json.loads(line) for line in logged.splitlines()]


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a new home."""
    initialise(tmp_path / "home", "gastech")
    return tmp_path / "home"


def test_commands_reach_the_process_that_owns_the_home(home: Path) -> None:
    """While a process runs, commands are answered through it, and it drains on SIGTERM."""
    file = home.parent / "prox.csv"
    file.write_text("\n".join(RECORDING.read_text().split("\n")[:501]) + "\n")
    with running(home) as process:
        assert answer("status", home=home)["running_pid"] == process.pid
        told = {finding["check"]: finding["detail"] for finding in answer("doctor", home=home)}
        assert told["owner"] == f"process {process.pid} has the home and answers for it"
        fed = answer("import", file.name, "--source", "prox", home=home)
        assert fed["accepted"] == 500
        assert answer("import", file.name, "--source", "prox", home=home)["duplicates"] == 500
        assert answer("visits", home=home)
        assert answer("verify", home=home)["ok"]
        limen("occupancy", "--at", "never", home=home, exit_code=2)
        assert "process" in limen("run", home=home, exit_code=3).stderr
        assert drained(process)[-1]["event"] == "drained"
    status = answer("status", home=home)
    assert status["running_pid"] is None
    assert status["snapshot_position"] == status["signals"] == status["history_signals"]
    assert not (home / "run.sock").exists()
    assert answer("replay", home=home)["identical"]


def test_time_passes_on_an_idle_site(home: Path) -> None:
    """While nothing happens, clock signals come on whole seconds, each once."""
    limen("run", "--for-seconds", "5", "--home", home)
    with OpenHome(home) as opened:
        signals = [read_signal(stored.wire) for stored in opened.log.read(PARTITION, 0, 100)]
    ticks = [one.time.occurred_at for one in signals if one.category is Category.CLOCK]
    assert 2 <= len(ticks) <= 6
    assert all(tick % 1_000_000 == 0 for tick in ticks)
    assert all(earlier < later for earlier, later in pairwise(ticks))


def test_a_site_that_has_run_takes_readings_of_the_past(home: Path) -> None:
    """Its clock has gone on to today; a recording imported then gives the same visits and alerts."""
    file = home.parent / "prox.csv"
    file.write_text("\n".join(RECORDING.read_text().split("\n")[:3_001]) + "\n")
    limen("run", "--for-seconds", "2.5", "--home", home)
    initialise(home.parent / "fresh", "gastech")
    told = []
    for one in (home, home.parent / "fresh"):
        assert answer("import", str(file), "--source", "prox", home=one)["accepted"] == 3_000
        visits, alerts = answer("visits", home=one), answer("alerts", home=one)
        known = {"visit_id", "alert_id", "evidence"}  # of positions, and of when the clock began
        told.append(
            [[{k: v for k, v in row.items() if k not in known} for row in rows] for rows in (visits, alerts)]
        )
        told[-1].append(answer("occupancy", "--at", "2016-05-31T11:00", home=one))
    assert told[0] == told[1]


def test_an_alert_is_told_with_its_signal(tmp_path: Path) -> None:
    """A door that stands open becomes an alert as time passes; its line names the signal that decided it."""
    initialise(tmp_path / "home", "campus")
    opened_at = 1_772_442_000_000_000  # 2026-03-02 09:00 UTC
    with OpenHome(tmp_path / "home") as home, capture_logs() as lines:
        door = next(point for point in home.site.points if point.contact)
        signal_ = Signal(
            id="0" * 32, site=home.site.id, device=door.id, category=Category.DOOR, action=Action.OPENED,
            time=Time(opened_at, opened_at), point=door.id,
        )  # fmt: skip
        apply_settings(home)
        home.pipeline.append([signal_])
        service = Service(home, clock=lambda: opened_at / 1_000_000 + 3_600)
        service.run(seconds=1.5)
        newest = [read_signal(stored.wire) for stored in home.log.read(PARTITION, 0, 100)][-1]
    held = [line for line in lines if line["event"] == "alert raised" and line["rule"] == "door_held"]
    assert [line["correlation"] for line in held] == [newest.id]
    assert (held[0]["point"], held[0]["site"]) == (door.id, newest.site)


def test_alerts_of_what_is_fed_are_told_once(tmp_path: Path) -> None:
    """A door is forced now, and a file says so: the process tells the alert, once, though fed twice."""
    home = tmp_path / "home"
    initialise(home, "campus")
    door = next(point for point in load_site(home / "site.yaml").points if point.contact)
    now = time.time_ns() // 1_000
    forced = Signal(
        id="1" * 32, site="campus", device=door.id, category=Category.DOOR, action=Action.FORCED,
        time=Time(now, now), point=door.id,
    )  # fmt: skip
    (tmp_path / "live.jsonl").write_bytes(write_signal(forced) + b"\n")
    with running(home) as process:
        for _ in range(2):
            answer("import", tmp_path / "live.jsonl", "--source", "signals", home=home)
        raised = answer("alerts", home=home)
        lines = drained(process)
    told = [line for line in lines if line["event"] == "alert raised"]
    assert [(alert["rule"], alert["severity"]) for alert in raised] == [("door_forced", "critical")]
    assert [(line["rule"], line["severity"], line["point"], line["correlation"]) for line in told] == [
        ("door_forced", "critical", door.id, forced.id)
    ]
    assert not [line for line in lines if line["event"] == "alerts raised"]


def test_alerts_of_an_imported_past_are_counted_by_rule(home: Path) -> None:
    """A fortnight of years ago raises many alerts; each rule has one line, and they add up to all of them."""
    with running(home) as process:
        answer("import", RECORDING, "--source", "prox", home=home)
        raised = Counter(alert["rule"] for alert in answer("alerts", home=home))
        lines = drained(process)
    assert not [line for line in lines if line["event"] == "alert raised"]
    told = [line for line in lines if line["event"] == "alerts raised"]
    assert raised.total() > 100
    assert {line["rule"]: line["alerts"] for line in told} == raised
    assert len(told) == len(raised)
    assert all("2016-05-3" < line["occurred_from"] <= line["occurred_to"] < "2016-06-3" for line in told)


def test_of_many_alerts_at_once_the_first_are_told_and_the_others_counted(tmp_path: Path) -> None:
    """However the signals are cut into batches; the next piece of work begins anew."""
    initialise(tmp_path / "home", "campus")
    (tmp_path / "home" / "limen.toml").write_text("engine_batch_signals = 7\n")
    at = 1_772_442_000_000_000  # 2026-03-02 09:00 UTC
    with OpenHome(tmp_path / "home") as home, capture_logs() as lines:
        doors = [point for point in home.site.points if point.contact]
        alerts = SiteAlerts(PARTITION, lambda: at / 1_000_000)
        home.observer = alerts.decided
        apply_settings(home)

        def force(first: int, number: int) -> None:
            home.pipeline.append([
                Signal(
                    id=f"{place:032x}", site=home.site.id, device=doors[place % len(doors)].id,
                    category=Category.DOOR, action=Action.FORCED,
                    time=Time(at + place * 1_000, at + place * 1_000),
                    point=doors[place % len(doors)].id,
                )
                for place in range(first, first + number)
            ])  # fmt: skip
            home.pipeline.advance()
            alerts.finish()

        force(0, LINES + 20)
        force(LINES + 20, 5)
    of_rule = [line for line in lines if line.get("rule") == "door_forced"]
    assert [line["event"] for line in of_rule] == (
        ["alert raised"] * LINES + ["alerts raised"] + ["alert raised"] * 5
    )
    assert of_rule[LINES]["alerts"] == 20


def test_a_killed_process_leaves_a_home_that_goes_on(home: Path) -> None:
    """After SIGKILL the socket's file and the lock's text are stale; nobody minds."""
    with running(home) as process:
        process.kill()
        process.wait()
    assert (home / "run.sock").exists()
    assert answer("status", home=home)["running_pid"] is None
    assert answer("verify", home=home)["ok"]
    with running(home) as process:
        assert answer("status", home=home)["running_pid"] == process.pid
        drained(process)


def test_a_bad_policy_stops_it_at_the_start(home: Path) -> None:
    """It does not run on settings that cannot be used."""
    (home / "policy.yaml").write_text("rules: 5\n")
    assert "policy.yaml" in limen("run", "--home", home, exit_code=3).stderr


def test_ticks_are_the_same_signal_within_a_second() -> None:
    """A clock signal's id follows from the site and the second, so it cannot stand in the log twice."""
    assert tick("s", 10.1) == tick("s", 10.9)
    assert tick("s", 10.9).id != tick("s", 11.0).id
    assert tick("s", 10.9).id != tick("t", 10.9).id


class _FullDisk:
    """Commits to the log, but for the calls (counted from 1) at which the disk is full."""

    def __init__(self, log: SqliteLog, full: range, stop_at: int) -> None:
        self.calls = 0
        self.stop: Callable[[], None] = lambda: None
        self._transact = log.transact
        self._full = full
        self._stop_at = stop_at

    def __call__(self, *args: Any, **kwargs: Any) -> None:
        self.calls += 1
        if self.calls == self._stop_at:
            self.stop()
        if self.calls in self._full:
            raise LogUnavailable("the disk is full: free some space")
        self._transact(*args, **kwargs)


def test_it_outlives_a_full_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the log cannot be written it waits, starts again from what is committed, and goes on."""
    monkeypatch.setattr("infra.service._FIRST_WAIT_SECONDS", 0.01)
    with OpenHome(home) as opened:
        disk = _FullDisk(opened.log, full=range(5, 8), stop_at=10)
        monkeypatch.setattr(opened.log, "transact", disk)
        service = Service(opened)
        disk.stop = service.stop
        service.run()
        log = opened.log
        assert disk.calls >= 10
        assert log.position(PARTITION) == log.head(PARTITION) > 3
    assert answer("replay", home=home)["identical"]


def test_it_can_be_stopped_while_storage_refuses(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stopping does not wait for the disk; that not everything could be committed is a failure."""
    with OpenHome(home) as opened:
        disk = _FullDisk(opened.log, full=range(5, 1_000), stop_at=6)
        monkeypatch.setattr(opened.log, "transact", disk)
        service = Service(opened)
        disk.stop = service.stop
        with pytest.raises(LogUnavailable):
            service.run()
    assert answer("verify", home=home)["ok"]


def test_home_paths_too_long_for_a_socket_are_served(tmp_path: Path) -> None:
    """A home deep in the file system is answered for like any other."""
    deep = tmp_path / ("d" * 80) / "home"
    initialise(deep, "gastech")
    with running(deep) as process:
        assert answer("status", home=deep)["running_pid"] == process.pid
        drained(process)
    assert not (deep / "run.sock").exists()
