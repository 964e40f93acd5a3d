"""The command line as people and programs use it: every command in a process of its own."""

import contextlib
import json
import os
import pty
import re
import shlex
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest
from typer.main import get_command

from domain.event import read_event, write_event
from domain.signal import write_signal
from infra.cli import app
from infra.failure import FAILED, UNREAD
from infra.home import PARTITION, OpenHome
from infra.service import tick
from infra.user import user_name
from streams.log import Draft, EventDraft
from streams.sqlite_log import SqliteLog

ROOT: Final = Path(__file__).parent.parent
RECORDING: Final = ROOT / "examples" / "gastech" / "prox.csv"
COMMANDS: Final = (
    "init", "import", "simulate", "run", "status", "occupancy", "visits", "trace", "alerts", "place",
    "events", "signals", "replay", "verify", "sql", "doctor", "demo", "demo-kafka", "connect", "load",
    "worker", "relay", "cross-site", "sink", "gateway", "history ddl", "history reader", "topics apply",
    "topics check", "quarantine list", "quarantine show", "quarantine retry", "case acknowledge",
    "case assign", "case note", "case close", "case reopen", "case show",
)  # fmt: skip
READ_ROWS: Final = 3_000


def limen(
    *arguments: str | Path, home: Path | None = None, exit_code: int = 0
) -> subprocess.CompletedProcess[str]:
    """Run a command; whatever happens, it shows no traceback."""
    environment = {**os.environ, "TERM": "dumb", "COLUMNS": "100"}
    environment.pop("LIMEN_HOME", None)
    if home is not None:
        environment["LIMEN_HOME"] = str(home)
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**environment, "PYTHONPATH": str(ROOT)},
        cwd=home.parent if home else ROOT,
        timeout=120,
        check=False,
    )
    assert "Traceback" not in done.stderr, done.stderr
    assert done.returncode == exit_code, (done.returncode, done.stdout, done.stderr)
    return done


def answer(*arguments: str | Path, home: Path, exit_code: int = 0) -> Any:
    """Return a command's answer in JSON."""
    return json.loads(limen(*arguments, "--json", home=home, exit_code=exit_code).stdout)


def on_terminal(*arguments: str | Path, home: Path, columns: int = 80, language: str = "en") -> str:
    """Return what a command shows on a terminal of so many columns, without colours."""
    reader, writer = pty.openpty()
    fixed = {"LIMEN_HOME": str(home), "LIMEN_LANGUAGE": language, "COLUMNS": str(columns), "TERM": "xterm"}
    command = [sys.executable, "-m", "infra.cli", *map(str, arguments)]
    environment = {**os.environ, **fixed, "PYTHONPATH": str(ROOT)}
    streams = {"stdin": writer, "stdout": writer, "stderr": writer}
    with subprocess.Popen(command, **streams, cwd=ROOT, env=environment) as process:
        os.close(writer)
        shown = b""
        with contextlib.suppress(OSError):  # how a terminal tells that nobody writes to it any more
            while chunk := os.read(reader, 65536):
                shown += chunk
        process.wait()
    os.close(reader)
    assert process.returncode == 0, shown.decode()
    return re.sub(r"\x1b\[[0-9;]*m", "", shown.decode()).replace("\r\n", "\n")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with the first rows of the recording; tests of this module only ask it."""
    folder = tmp_path_factory.mktemp("cli")
    rows = RECORDING.read_text().split("\n")[: READ_ROWS + 1]
    (folder / "prox.csv").write_text("\n".join(rows) + "\n")
    made = folder / "home"
    limen("init", "--template", "gastech", home=made)
    fed = answer("import", folder / "prox.csv", "--source", "prox", home=made)
    assert fed == {"read": READ_ROWS, "accepted": READ_ROWS, "duplicates": 0, "quarantined": 0, "late": 0}
    return made


@pytest.fixture(scope="session")
def initialised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a home with nothing in it, for copying."""
    made = tmp_path_factory.mktemp("initialised") / "home"
    limen("init", "--template", "gastech", home=made)
    return made


@pytest.fixture
def empty(initialised: Path, tmp_path: Path) -> Path:
    """Return a home of the test's own with nothing in it."""
    return Path(shutil.copytree(initialised, tmp_path / "home"))


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(command: str) -> None:
    """Each command says in a sentence what it does, and what every option is for."""
    shown = limen(*command.split(), "--help").stdout
    assert re.search(r"^ [A-Z][^\n]{15,}", shown, re.MULTILINE), shown
    usage = re.search(r"Usage: (.*?)\n *\n", shown, re.DOTALL)
    assert usage and not re.search(r"\.{3}\S*\.{3}", usage[1]), "that there may be several is said once"


def test_every_option_says_what_it_is_for() -> None:
    """No parameter of any command is without help."""
    commands: dict[str, Any] = {}
    for name, one in get_command(app).commands.items():  # type: ignore[attr-defined]
        inside = getattr(one, "commands", None)
        commands |= (
            {f"{name} {under}": command for under, command in inside.items()} if inside else {name: one}
        )
    assert sorted(commands) == sorted(COMMANDS)
    for name, command in commands.items():
        assert command.help, name
        for parameter in command.params:
            assert getattr(parameter, "help", None) or parameter.name == "help", (name, parameter.name)


@pytest.mark.parametrize(("command", "option", "other"), [
    ("trace", "--person", "--credential"), ("simulate", "--out", "--into"),
])  # fmt: skip
def test_help_says_that_one_of_two_is_needed(command: str, option: str, other: str) -> None:
    """Where one of two options has to be given, the help of the first names the other."""
    parameters = get_command(app).commands[command].params  # type: ignore[attr-defined]
    told = {name: parameter.help for parameter in parameters for name in parameter.opts}
    assert other in told[option]


def test_help_lists_every_command_and_is_quick() -> None:
    """The first thing anybody types answers at once, and imports nothing heavy."""
    shown = limen("--help").stdout
    assert all(command.split()[0] in shown for command in COMMANDS)
    best = min(_cpu_seconds("--help") for _ in range(5))
    assert best <= 0.6, "more than 0.6 seconds of computing, however busy the machine"
    imported = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "infra.cli", "--help"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stderr
    for heavy in ("numba", "numpy", "chdb", "clickhouse_connect", "pydantic", "msgspec", "pyarrow"):
        assert not re.search(rf"\| +{heavy}$", imported, re.MULTILINE), f"--help imports {heavy}"


def _cpu_seconds(*arguments: str) -> float:
    before = os.times()
    limen(*arguments)
    after = os.times()
    return after.children_user - before.children_user + after.children_system - before.children_system


def test_init_refuses_a_folder_in_use(home: Path) -> None:
    """A home is never made over something else."""
    before = sorted(path.name for path in home.iterdir())
    assert "not empty" in limen("init", "--template", "campus", home=home, exit_code=3).stderr
    assert sorted(path.name for path in home.iterdir()) == before


def test_init_knows_its_templates(tmp_path: Path) -> None:
    """A template that does not exist is wrong use."""
    limen("init", "--template", "castle", home=tmp_path / "home", exit_code=2)


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    """Asking where there is no home names the command that makes one."""
    assert "limen init" in limen("status", home=tmp_path / "nowhere", exit_code=3).stderr


def test_importing_twice_changes_nothing(home: Path) -> None:
    """The second time everything is a duplicate, and the log is as it was."""
    before = answer("status", home=home)
    fed = answer("import", home.parent / "prox.csv", "--source", "prox", home=home)
    assert (fed["accepted"], fed["duplicates"]) == (0, READ_ROWS)
    after = answer("status", home=home)
    assert [after[name] for name in ("signals", "events")] == [before[name] for name in ("signals", "events")]


def test_status_tells_how_everything_stands(home: Path) -> None:
    """Log, engine and history are all at the end, and nothing runs."""
    status = answer("status", home=home)
    assert status["signals"] == status["decided"] == status["history_signals"] >= READ_ROWS + 3
    assert status["events"] == status["history_events"] > 0
    assert (status["lag"], status["quarantined"], status["running_pid"]) == (0, 0, None)
    assert status["log_time"].startswith("2016-06-0")
    assert status["bytes"]["log.sqlite"] > 0


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


def test_naive_times_are_the_sites(home: Path) -> None:
    """A time without offset is Athens' here, and the same moment in UTC gives the same answer."""
    local = answer("occupancy", "--at", "2016-05-31T11:00", home=home)
    assert local == answer("occupancy", "--at", "2016-05-31T08:00Z", home=home)


@pytest.mark.parametrize("time", ["yesterday", "2016-13-01", "2016-03-27T03:30"])
def test_what_is_no_time_is_wrong_use(home: Path, time: str) -> None:
    """A time nobody can read, or that the clocks leave out, is explained with an example."""
    assert re.search(r"2016-0\d-\d\dT", limen("occupancy", "--at", time, home=home, exit_code=2).stderr)


@pytest.mark.parametrize("command", ["events --from-offset", "quarantine show", "quarantine retry"])
def test_a_number_beyond_all_bounds_is_wrong_use(home: Path, command: str) -> None:
    """No number of a person's is too large to be answered with what may be given."""
    assert str(10**12) in limen(*command.split(), str(10**30), home=home, exit_code=2).stderr


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("quarantine show 999", "no entry 999"),
        ("quarantine retry 999", "no entry 999"),
        ("case show nope", "no alert nope"),
        ("alerts --rule nope", "'nope' is none of"),
        ("alerts --zone nope", "'nope' is none of"),
    ],
)
def test_what_is_named_and_not_there_is_wrong_use(home: Path, command: str, said: str) -> None:
    """Whatever it is, the exit code is the same, and the message says what there is or where it is listed."""
    assert said in limen(*command.split(), home=home, exit_code=2).stderr


@pytest.mark.parametrize("command", ["visits", "alerts"])
def test_a_span_that_ends_before_it_begins_is_wrong_use(home: Path, command: str) -> None:
    """It is not answered with nothing."""
    asked = (command, "--from", "2017-01-01", "--to", "2016-01-01")
    assert "exchange the two" in limen(*asked, home=home, exit_code=2).stderr


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


def test_replay_is_identical(home: Path) -> None:
    """The whole log, decided again, gives the same events to the byte; also up to a time."""
    whole = answer("replay", home=home)
    assert whole["identical"]
    assert whole["first_difference"] is None
    part = answer("replay", "--to", "2016-05-31T12:00", home=home)
    assert part["identical"]
    assert 0 < part["signals"] < whole["signals"]
    assert answer("replay", "--history", home=home) == whole
    assert "--history" in limen("replay", "--history", "--kafka", home=home, exit_code=2).stderr


def test_verify_finds_the_history_complete(home: Path) -> None:
    """The history holds what the log holds."""
    assert answer("verify", home=home)["ok"]


@pytest.mark.slow
def test_replay_and_verify_say_no(home: Path, tmp_path: Path) -> None:
    """An event that does not follow from the signals, and a row the history lost, are found and named."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    with OpenHome(copy) as opened:
        change = "ALTER TABLE signals UPDATE person = 'nobody' WHERE offset = 9 SETTINGS mutations_sync = 1"
        opened.history.run(change)
    assert not answer("replay", "--history", home=copy, exit_code=1)["identical"]
    with OpenHome(copy) as opened:
        log = opened.log
        head, events = log.head(PARTITION), log.events_head(PARTITION)
        clock = tick(opened.site.id, time.time())
        log.append(PARTITION, [Draft(clock.id, clock.site, write_signal(clock))])
        forged = msgspec.structs.replace(
            read_event(log.read_events(PARTITION, events - 1, 1)[0].wire), id=f"{clock.site}:{head}:0"
        )
        draft = EventDraft(forged.id, forged.site, forged.topic, write_event(forged), forged.known_at)
        log.transact(PARTITION, from_position=head, to_position=head + 1, events=[draft])
        opened.history.run("ALTER TABLE signals DELETE WHERE offset = 7 SETTINGS mutations_sync = 1")
    assert "verify" in limen("replay", "--history", home=copy, exit_code=3).stderr
    replayed = answer("replay", home=copy, exit_code=1)
    assert (replayed["identical"], replayed["first_difference"]["offset"]) == (False, events)
    assert json.loads(replayed["first_difference"]["logged"])["id"] == forged.id
    verified = answer("verify", home=copy, exit_code=1)
    assert (verified["ok"], verified["missing"]) == (False, 1)
    assert verified["gaps"] == [{"log": "signals", "from": 7, "to": 8}]
    assert "DIFFERS" in limen("verify", home=copy, exit_code=1).stdout


def test_a_hole_in_the_log_is_told(home: Path, tmp_path: Path) -> None:
    """Signals that the log has lost are a failure of replay, with their place, and gaps to verify."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    with contextlib.closing(sqlite3.connect(copy / "log.sqlite")) as log, log:
        ((start, end),) = log.execute(
            "DELETE FROM signals WHERE first_offset = (SELECT min(first_offset) FROM signals "
            "WHERE first_offset > 100) RETURNING first_offset, next_offset"
        ).fetchall()
    assert f"no signal at offset {start}" in limen("replay", home=copy, exit_code=3).stderr
    verified = answer("verify", home=copy, exit_code=1)
    assert (verified["ok"], verified["missing"], verified["extra"]) == (False, 0, end - start)
    assert verified["gaps"] == [{"log": "signals", "from": start, "to": end}]
    with contextlib.closing(sqlite3.connect(copy / "log.sqlite")) as log, log:
        log.execute("DELETE FROM signals WHERE first_offset >= ?", (start,))
    assert "Restore the log" in limen("replay", home=copy, exit_code=3).stderr


def test_sql_reads_only(home: Path) -> None:
    """A question is answered in rows; an order and a mistake are wrong use; one too large is a failure."""
    assert (
        answer("sql", "SELECT count() AS n FROM events WHERE topic = 'visit.started'", home=home)[0]["n"] > 0
    )
    limen("sql", "DROP TABLE events", home=home, exit_code=2)
    assert "nowhere" in limen("sql", "SELECT * FROM nowhere", home=home, exit_code=2).stderr
    assert "character 12" in limen("sql", "SELECT now(", home=home, exit_code=2).stderr
    assert "ask for less" in limen("sql", "SELECT * FROM numbers(100001)", home=home, exit_code=3).stderr


def test_sql_shows_values_as_they_are(home: Path) -> None:
    """Years and ids have no separators; times keep their offset and what they have of a second."""
    query = (
        "SELECT 2016 AS year, toInt64(12345678) AS id, toDateTime64('2016-05-31 08:00:00{}', 6, 'UTC') AS at"
    )
    for part in ("", ".25"):
        shown = limen("sql", query.format(part), home=home).stdout.splitlines()
        wanted = f"2016  12345678  2016-05-31 08:00:00{part}"
        assert len(shown) == 2
        assert shown[1].startswith(wanted)
        assert shown[1].endswith("Z")
    told, _, moment = limen("sql", "SELECT min(occurred_at) AS at FROM visits", home=home).stdout.partition(
        "\n"
    )
    assert told == "at"
    first = min(visit["started_at"] for visit in answer("visits", home=home))
    assert datetime.fromisoformat(moment.strip()) == datetime.fromisoformat(first)


def test_sql_shows_rows_one_by_one_where_there_is_no_room(home: Path) -> None:
    """Too many columns for a terminal are a line each, with all of the value; few are a table."""
    query = "SELECT * FROM events WHERE topic = 'visit.started' ORDER BY offset LIMIT 2"
    rows = answer("sql", query, home=home)
    shown = on_terminal("sql", query, home=home, columns=80)
    blocks = [dict(line.split(maxsplit=1) for line in block.splitlines() if len(line.split()) > 1)
              for block in shown.split("\n\n")]  # fmt: skip
    assert len(blocks) == len(rows) == 2
    for row, block in zip(rows, blocks, strict=True):
        for name in ("id", "topic", "visit", "person", "zone"):
            assert block[name].strip() == row[name]
    few = on_terminal("sql", query.replace("*", "id, topic"), home=home, columns=80)
    assert [line.split() for line in few.splitlines()] == [
        ["id", "topic"], *([row["id"], row["topic"]] for row in rows),
    ]  # fmt: skip


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


def test_doctor_finds_the_home_in_order(empty: Path) -> None:
    """Nothing fails in a new home; every warning says what to do."""
    findings = answer("doctor", home=empty)
    assert "fail" not in {finding["verdict"] for finding in findings}
    assert all(finding["remedy"] for finding in findings if finding["verdict"] != "ok")


def test_doctor_looks_at_what_limen_keeps(home: Path, tmp_path: Path) -> None:
    """Log, quarantine, cases and history are opened; each that is something else fails, with a remedy."""
    kept = {"log.sqlite", "quarantine.sqlite", "history"}
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    status = answer("status", home=copy)
    told = {finding["check"]: finding for finding in answer("doctor", home=copy)}
    assert {told[name]["verdict"] for name in kept} == {"ok"}
    assert f"{status['signals']:,} signals" in told["log.sqlite"]["detail"]
    assert "nobody" in told["owner"]["detail"]
    for path in copy.glob("*.sqlite*"):
        path.unlink()
    kept.add("cases.sqlite")
    shutil.rmtree(copy / "history")
    for name in kept:
        (copy / name).write_bytes(os.urandom(4_096))
    findings = answer("doctor", home=copy, exit_code=1)
    assert {finding["check"] for finding in findings if finding["verdict"] == "fail"} == kept
    assert all(finding["remedy"] for finding in findings if finding["verdict"] == "fail")


@pytest.mark.parametrize("left", ["nothing", "an empty log", "an older log"])
def test_a_lost_log_is_told(home: Path, tmp_path: Path, left: str) -> None:
    """Where the history has more than the log, every command says so, and nothing new enters the log."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    log = copy / "log.sqlite"
    if left == "an older log":
        with sqlite3.connect(log) as older:
            older.execute("DELETE FROM events WHERE first_offset = (SELECT max(first_offset) FROM events)")
        older.close()
    else:
        for path in copy.glob("log.sqlite*"):
            path.unlink()
    if left == "an empty log":
        SqliteLog.open(log).close()
    failed = [one for one in answer("doctor", home=copy, exit_code=1) if one["verdict"] == "fail"]
    assert [one["check"] for one in failed] == ["history"]
    assert "restore" in failed[0]["remedy"]
    for command in (
        ["status"], ["import", RECORDING, "--source", "prox"], ["visits"], ["run", "--for-seconds", "1"],
    ):  # fmt: skip
        assert "Restore the log" in limen(*command, home=copy, exit_code=3).stderr
    with contextlib.closing(SqliteLog.open(log, writable=False)) as kept:
        assert kept.head(PARTITION) == (READ_ROWS + 3 if left == "an older log" else 0)
    if left != "an older log":
        shutil.move(copy / "history", tmp_path / "history")
        answer("import", home.parent / "prox.csv", "--source", "prox", home=copy)
        assert answer("verify", home=copy)["ok"]


def test_doctor_says_what_is_wrong(empty: Path) -> None:
    """A file that cannot be used fails with its place, and the exit code says no."""
    (empty / "policy.yaml").write_text("rules: {after_hors: {}}\n")
    findings = answer("doctor", home=empty, exit_code=1)
    wrong = [finding for finding in findings if finding["verdict"] == "fail"]
    assert [finding["check"] for finding in wrong] == ["policy.yaml"]
    assert "policy.yaml:1" in wrong[0]["detail"]


def test_doctor_warns_of_departments_that_nobody_has(empty: Path) -> None:
    """A department that is misspelt in the policy exempts nobody; the doctor says where, and no other."""
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text().replace("[Security, Facilities]", "[Securty, Facilities]"))
    found = [one for one in answer("doctor", home=empty) if one["check"] == "policy.yaml"]
    assert [one["verdict"] for one in found] == ["ok", "warn"]
    line = 1 + policy.read_text().splitlines().index(
        "      - departments: [Securty, Facilities] # they work at all hours"
    )
    assert f"policy.yaml:{line}: rules.after_hours.overrides.0.departments.0" in found[1]["detail"]
    assert "department Securty" in found[1]["detail"]
    assert "directory.csv" in found[1]["remedy"]


def test_tables_are_for_people(home: Path) -> None:
    """Without --json every answer is a table with its names, and not JSON."""
    assert "people on site" in limen("occupancy", "--at", "2016-05-31T11:00", home=home).stdout
    assert limen("alerts", home=home).stdout.startswith("when ")
    assert limen("visits", home=home).stdout.startswith("person")
    assert "history holds" in limen("verify", home=home).stdout
    assert "signals" in limen("status", home=home).stdout


def test_a_terminal_shows_the_answer_and_nothing_else(home: Path) -> None:
    """On a terminal, too, no part of the machinery talks over the answer."""
    shown = on_terminal("status", home=home)
    lines = shown.strip().splitlines()
    assert "home" in lines[0]
    assert all(re.match("[a-z]", line) for line in lines), shown


@pytest.mark.parametrize(
    "command",
    ["visits", "visits --json", "alerts", "status", "signals", "events", "quarantine list", "--help"],
)
def test_a_reader_that_has_gone_is_no_answer(home: Path, command: str) -> None:
    """Whatever is told to `head` ends in the same way: quietly, and not as a "no"."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {**os.environ, "LIMEN_HOME": str(home)}
    run = [sys.executable, "-m", "infra.cli", *command.split()]
    done = subprocess.run(run, stdout=writer, stderr=subprocess.PIPE, env=environment, cwd=ROOT, check=False)
    os.close(writer)
    assert (done.returncode, done.stderr) == (UNREAD, b"")


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


@pytest.mark.parametrize("command", ["visits --json", "status", "doctor", "--help"])
def test_an_answer_that_finds_no_room_is_a_failure(home: Path, command: str) -> None:
    """However short it is, the full disk is told of."""
    run = [sys.executable, "-m", "infra.cli", *command.split()]
    environment = {**os.environ, "LIMEN_HOME": str(home)}
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            run, stdout=full, stderr=subprocess.PIPE, env=environment, cwd=ROOT, check=False
        )
    assert done.returncode == FAILED
    assert (
        done.stderr.decode()
        == "limen: the output: the disk is full: free some space there, and do the same again\n"
    )


def test_a_reader_that_goes_half_way_is_noticed(home: Path) -> None:
    """A long answer of which only the beginning was read has not been given, however it is buffered."""
    for unbuffered in ("", "1"):
        environment = {**os.environ, "LIMEN_HOME": str(home), "PYTHONUNBUFFERED": unbuffered}
        command = [sys.executable, "-m", "infra.cli", "visits", "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=ROOT) as process:
            assert process.stdout is not None
            process.stdout.read(1)
            process.stdout.close()
            assert process.wait() == UNREAD


@pytest.mark.parametrize("closed", [(1,), (2,), (0, 1, 2)])
def test_closed_streams_change_no_exit_code(home: Path, tmp_path: Path, closed: tuple[int, ...]) -> None:
    """Without standard output or error the same happens, and no file of the home takes their place."""
    copy = tmp_path / "home"
    subprocess.run(["cp", "-r", str(home), str(copy)], check=True)
    shut = " ".join(f"{number}>&-" for number in closed)
    for command, exit_code in (("verify", 0), ("visits --from never", 2), ("case show nothing", 2)):
        line = f"exec {sys.executable} -m infra.cli {command} --home {copy} {shut}"
        assert subprocess.run(["sh", "-c", line], capture_output=True, cwd=ROOT).returncode == exit_code


def test_a_terminal_that_cannot_show_everything_shows_the_rest(home: Path) -> None:
    """In another encoding tables are whole, with a mark for what it lacks, and JSON says the same."""
    run = [sys.executable, "-m", "infra.cli", "occupancy", "--at", "2016-05-31T11:00", "--home", str(home)]
    wanted = answer("occupancy", "--at", "2016-05-31T11:00", home=home)
    for encoding in ("gbk", "ascii", "latin-1"):
        environment = {**os.environ, "PYTHONIOENCODING": encoding}
        shown = subprocess.run(run, capture_output=True, env=environment, cwd=ROOT, check=True)
        assert "server-room" in shown.stdout.decode(encoding)
        said = subprocess.run([*run, "--json"], capture_output=True, env=environment, cwd=ROOT, check=True)
        assert json.loads(said.stdout.decode(encoding)) == wanted


def test_an_interrupted_import_goes_on(empty: Path) -> None:
    """Ctrl-C ends an import with a sentence; the next one finds the rest."""
    command = [sys.executable, "-m", "infra.cli", "import", str(RECORDING), "--source", "prox"]
    environment = {**os.environ, "LIMEN_HOME": str(empty), "LIMEN_IMPORT_BATCH_SIGNALS": "50"}
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=environment) as process:
        while not (empty / "log.sqlite-wal").exists() or (empty / "log.sqlite-wal").stat().st_size < 500_000:
            time.sleep(0.01)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=60)
    assert process.returncode == 3, said
    assert "interrupted" in said
    assert "Traceback" not in said
    fed = answer("import", RECORDING, "--source", "prox", home=empty)
    assert 0 < fed["accepted"] < 29_762
    assert fed["accepted"] + fed["duplicates"] == 29_763
