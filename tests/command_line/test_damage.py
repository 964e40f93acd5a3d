"""Replay and verify: a home in order is found so, and whatever was lost or forged is named."""

import contextlib
import json
import shutil
import sqlite3
import subprocess
import time
from pathlib import Path

import msgspec
import pytest

from domain.event import read_event, write_event
from domain.signal import write_signal
from infra.home import PARTITION, OpenHome
from infra.service import tick
from streams.log import Draft, EventDraft
from streams.sqlite_log import SqliteLog
from tests.command_line.calling import READ_ROWS, RECORDING, answer, limen


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
