"""A full disk: what is kept is said, which file has no room, and what to do."""

import resource
import subprocess
import sys
from contextlib import closing
from pathlib import Path

from domain.signal import Signal, Time, read_signal
from domain.vocabulary import Action, Category
from infra.control import apply_settings
from infra.home import PARTITION, OpenHome
from streams.sqlite_log import SqliteLog
from tests.command_line.calling import RECORDING, ROOT, answer, limen


def _in_small_files(bytes_: int, *arguments: str | Path) -> str:
    """Run a command that may make no file larger than this; it fails, and what it said is returned."""

    def small_files() -> None:
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (bytes_, bytes_))

    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", *map(str, arguments)],
        preexec_fn=small_files,
        capture_output=True,
        text=True,
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert done.returncode == 3, done.stderr
    assert "Traceback" not in done.stderr
    return done.stderr


def test_full_disk(empty: Path) -> None:
    """When nothing more can be written the import fails, says what it keeps, and goes on when it can."""
    (empty / "limen.toml").write_text("import_batch_signals = 500\n")
    said = _in_small_files(1_500_000, "import", RECORDING, "--source", "prox", "--home", empty)
    assert "log.sqlite: the disk" in said
    assert "what was done before is kept, and the same command goes on from there" in said
    with closing(SqliteLog.open(empty / "log.sqlite")) as log:
        read = [read_signal(stored.wire) for stored in log.read(PARTITION, 0, 29_763)]
    kept = sum(signal.category is not Category.CONTROL for signal in read)
    assert kept > 0, "the first rows had room"
    fed = answer("import", RECORDING, "--source", "prox", home=empty)
    assert fed["duplicates"] == kept + 1, "a row stands twice in the recording"
    assert fed["accepted"] + fed["duplicates"] == 29_763
    assert answer("verify", home=empty)["ok"]


def test_full_disk_for_who_only_reads(empty: Path) -> None:
    """A home cannot be opened where there is no room; nothing is said of anything written."""
    question = ("occupancy", "--at", "2016-06-01T10:00")
    for command in (("status",), question):
        said = _in_small_files(1_000, *command, "--home", empty)
        assert "log.sqlite cannot be opened: the disk" in said
        assert "is kept" not in said
    said = _in_small_files(0, "status", "--home", empty)
    assert "home.lock cannot be written" in said and "raise the limit" in said
    with OpenHome(empty) as home:
        apply_settings(home)
        home.pipeline.append([
            Signal(
                id=f"{number:032x}", site="gastech", device="prox", category=Category.CREDENTIAL,
                action=Action.GRANTED, time=Time(at, at), point="1-1", person=f"p{number}",
            )
            for number, at in enumerate(range(1_464_681_600_000_000, 1_464_681_600_003_000))
        ])  # fmt: skip
    said = _in_small_files(100_000, *question, "--home", empty)
    assert f"{empty} cannot be opened until what an earlier command left is decided" in said


def test_full_disk_for_a_new_home(tmp_path: Path) -> None:
    """It is not the folder's permissions; nothing is left of the home."""
    said = _in_small_files(1_000, "init", "--template", "gastech", "--home", tmp_path / "new")
    assert "nothing was made; a file may not grow that large" in said
    assert "make the folder writable" not in said
    assert list(tmp_path.iterdir()) == []


def test_full_disk_for_a_simulation(empty: Path) -> None:
    """The file that has no room is named, with what to do; one that was there before stays as it was."""
    out, truth = empty.parent / "days.jsonl", empty.parent / "truth.json"
    many = ("--persons", "20", "--home", "nowhere")
    for sites in ((), ("--sites", "2")):
        said = _in_small_files(50_000, "simulate", *many, *sites, "--out", out)
        assert f"{out} was not written: a file may not grow that large" in said
        assert not list(empty.parent.glob("days*"))
        said = _in_small_files(2_000_000, "simulate", *many, *sites, "--out", out, "--truth", "/dev/full")
        assert "/dev/full was not written: the disk is full: free some space there, or name another" in said
        assert sorted(empty.parent.glob("days*")) == [out]
        whole = out.read_bytes()
        _in_small_files(50_000, "simulate", *many, *sites, "--out", out, "--truth", truth)
        assert (out.read_bytes(), truth.exists(), len(list(empty.parent.glob("days*")))) == (whole, False, 1)
        out.unlink()
    said = limen("simulate", *many, "--out", "/dev/full", exit_code=3).stderr
    assert "/dev/full was not written: the disk is full" in said


def test_full_disk_for_a_simulation_into_a_home(tmp_path: Path) -> None:
    """The people the home has stay where they are."""
    home = tmp_path / "home"
    limen("init", "--template", "campus", home=home)
    limen("simulate", "--persons", "5", "--into", home)
    before = (home / "directory.csv").read_bytes()
    said = _in_small_files(3_000, "simulate", "--persons", "300", "--into", home)
    assert "a file may not grow that large" in said
    assert (home / "directory.csv").read_bytes() == before
