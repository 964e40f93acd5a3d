"""A home is made once, is filled as often as anybody likes, and tells who cannot use it why."""

import ctypes
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from tests.command_line.calling import READ_ROWS, RECORDING, ROOT, answer, limen


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


def test_two_processes_on_one_home(empty: Path) -> None:
    """The second one is told who has the home."""
    with (empty / "home.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write('{"pid": 4242, "socket": null}')
        lock.flush()
        assert "4242" in limen("status", home=empty, exit_code=3).stderr


def test_read_only_home(empty: Path) -> None:
    """Whoever may not write the home is told so by every command, and the doctor says what to do."""
    for path in [empty, *empty.iterdir()]:
        path.chmod(0o500 if path.is_dir() else 0o400)
    try:
        for command in (["status"], ["import", str(RECORDING), "--source", "prox"], ["run"]):
            done = _as_anybody(*command, "--home", str(empty))
            assert (done.returncode, done.stdout) == (3, ""), done.stderr
            assert "cannot be written" in done.stderr and "another with --home" in done.stderr
            assert "Traceback" not in done.stderr
        done = _as_anybody("doctor", "--home", str(empty), "--json")
        assert done.returncode == 1, done.stderr
        failed = [finding for finding in json.loads(done.stdout) if finding["verdict"] == "fail"]
        assert [(finding["check"], "chmod" in finding["remedy"]) for finding in failed] == [("home", True)]
    finally:
        empty.chmod(0o700)


def _as_anybody(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a command without root's right to write everywhere, in the same places otherwise."""

    def give_up_rights() -> None:
        if os.geteuid() == 0:
            drop, dac_override = 24, 1  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE
            if ctypes.CDLL(None, use_errno=True).prctl(drop, dac_override, 0, 0, 0) != 0:
                raise OSError(ctypes.get_errno(), "prctl")

    return subprocess.run(
        [sys.executable, "-m", "infra.cli", *arguments],
        preexec_fn=give_up_rights,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )


def test_files_that_are_something_else(empty: Path) -> None:
    """A log that is no log is named, and left as it is."""
    (empty / "log.sqlite").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    assert "log.sqlite" in limen("status", home=empty, exit_code=3).stderr
