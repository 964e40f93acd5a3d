"""Bad input: a clear error or a quarantine row each, nothing lost, the exit code right."""

import ctypes
import fcntl
import json
import os
import resource
import shlex
import subprocess
import sys
from base64 import b64decode
from contextlib import closing
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event import read_event
from domain.signal import Signal, Time, read_signal, write_signal
from domain.vocabulary import Action, Category, Topic
from infra.answers.feed import import_files
from infra.control import apply_settings, decision, placement
from infra.home import PARTITION, OpenHome
from streams.log import Draft
from streams.sqlite_log import SqliteLog
from tests.test_cli import RECORDING, ROOT, answer, empty, initialised, limen

__all__ = ["empty", "initialised"]

HEADER = "timestamp,type,prox-id,floor,zone"
GOOD = "2016-05-31 08:00:00,fixed-prox,earpa001,1,1"


def _import(home: Path, content: bytes | str, exit_code: int = 0) -> dict[str, int]:
    file = home.parent / "given.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    if exit_code:
        limen("import", file, "--source", "prox", home=home, exit_code=exit_code)
        return {}
    fed: dict[str, int] = answer("import", file, "--source", "prox", home=home)
    assert fed["read"] == fed["accepted"] + fed["duplicates"] + fed["quarantined"]
    return fed


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"when,who\n2016-05-31 08:00:00,earpa001\n",
        HEADER.encode("utf-16"),
        "时间,卡号\n".encode("gbk"),
        os.urandom(64) + b"\0" * 64,
    ],
    ids=["empty", "wrong header", "utf-16", "gbk header", "binary"],
)
def test_unusable_file_is_a_failure_and_changes_nothing(empty: Path, content: bytes) -> None:
    """A file of which nothing can be read is refused whole."""
    _import(empty, content, exit_code=3)
    assert answer("status", home=empty)["quarantined"] == 0


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("2016-05-31 08:00:00,fixed-prox,earpa001,9,9", "unknown_point"),
        ("1970-01-01 00:00:00,fixed-prox,earpa001,1,1", "implausible_time"),
        ("2099-01-01 00:00:00,fixed-prox,earpa001,1,1", "implausible_time"),
        ("2016-03-27 03:30:00,fixed-prox,earpa001,1,1", "nonexistent_time"),
        ("at noon,fixed-prox,earpa001,1,1", "bad_time"),
        ("2016-05-31 08:00:00,fixed-prox", "wrong_columns"),
        ("2016-05-31 08:00:00,fixed-prox,e\0rpa001,1,1", "binary"),
        ("2016-05-31 08:00:00,fixed-prox," + "x" * 10_000_000 + ",1,1", "too_long"),
    ],
    ids=lambda given: given if len(given) < 30 else None,
)
def test_unreadable_row_goes_to_quarantine(empty: Path, row: str, reason: str) -> None:
    """The row is kept whole with its line and reason; the rows around it are read."""
    fed = _import(empty, f"{HEADER}\n{GOOD}\n{row}\n{GOOD.replace('08:', '09:')}\n")
    assert (fed["accepted"], fed["quarantined"]) == (2, 1)
    entry = answer("quarantine", "show", "1", home=empty)
    assert (entry["reason"], entry["line"], entry["bytes"]) == (reason, 3, len(row.encode()))
    again = _import(empty, (empty.parent / "given.csv").read_bytes())
    assert (again["duplicates"], again["quarantined"]) == (2, 1)
    assert len(answer("quarantine", "list", home=empty)) == 1


def test_where_to_see_what_was_refused_can_be_pasted(empty: Path) -> None:
    """The hint names the home, wherever it is: also one with a space in its name."""
    home = empty.rename(empty.parent / "our site")
    file = empty.parent / "given.csv"
    file.write_text(f"{HEADER}\n{GOOD}\nnever,fixed-prox,earpa001,1,1\n")
    shown = limen("import", file, "--source", "prox", "--home", home).stdout
    hint = shown[shown.index("limen quarantine list") :].strip()
    assert shlex.split(hint) == ["limen", "quarantine", "list", "--home", str(home)]
    assert "bad_time" in limen(*shlex.split(hint)[1:], "--json").stdout


def test_torn_last_line_goes_to_quarantine(empty: Path) -> None:
    """A file that was cut off gives everything before the cut."""
    fed = _import(empty, f"{HEADER}\n{GOOD}\n2016-05-31 08:1")
    assert (fed["accepted"], fed["quarantined"]) == (1, 1)


def test_wrong_encoding_in_a_row_goes_to_quarantine(empty: Path) -> None:
    """Bytes that are not UTF-8 spoil their own row only; a byte-order mark spoils nothing."""
    row = "2016-05-31 08:00:00,门禁,earpa001,1,1".encode("gbk")
    fed = _import(empty, b"\xef\xbb\xbf" + f"{HEADER}\n{GOOD}\n".encode() + row + b"\n")
    assert (fed["accepted"], fed["quarantined"]) == (1, 1)
    assert answer("quarantine", "list", home=empty)[0]["reason"] == "wrong_encoding"
    assert b64decode(answer("quarantine", "show", "1", home=empty)["raw_base64"]) == row
    assert "base64" not in limen("quarantine", "show", "1", home=empty).stdout


ROWS = st.one_of(
    st.builds(
        "2016-05-31 {:02}:{:02}:00,fixed-prox,{},{},1".format,
        st.integers(6, 25),
        st.integers(0, 3),
        st.sampled_from(["earpa001", "earpa002", "nobody001", ""]),
        st.integers(1, 4),
    ),
    st.sampled_from(["", "torn", '"an open quote', "a,b,c,d,e", "2016-05-31 08:00:00,fixed-prox,门禁,1,1"]),
)


def test_importing_anything_twice_changes_nothing(empty: Path) -> None:
    """Whatever rows a file has, good, bad and repeated: the second time all of it is known already."""
    file = empty.parent / "given.csv"
    with OpenHome(empty) as home:

        @given(st.lists(ROWS, max_size=12), st.sampled_from(["\n", "\r\n", ""]))
        @settings(max_examples=15)
        def law(rows: list[str], end: str) -> None:
            file.write_text("\n".join([HEADER, *rows]) + end, encoding="utf-8", newline="")
            first = import_files(home, files=[str(file)], source="prox")
            before = (home.log.head(PARTITION), home.log.events_head(PARTITION), home.quarantine.count())
            again = import_files(home, files=[str(file)], source="prox")
            after = (home.log.head(PARTITION), home.log.events_head(PARTITION), home.quarantine.count())
            assert (again["read"], again["quarantined"]) == (first["read"], first["quarantined"])
            assert (again["accepted"], after) == (0, before)

        law()


def test_unknown_card_is_its_own_person(empty: Path) -> None:
    """A card nobody in the directory holds is read all the same."""
    _import(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,nobody001,1,1\n")
    assert answer("visits", home=empty)[0]["person"] == "unknown:nobody001"


def test_rows_out_of_order_are_kept_and_counted_late(empty: Path) -> None:
    """A reading older than what its device showed is accepted and late."""
    fed = _import(empty, f"{HEADER}\n{GOOD.replace('08:', '09:')}\n{GOOD}\n")
    assert (fed["accepted"], fed["late"]) == (2, 1)


def test_quarantine_is_read_again_when_the_site_is_corrected(empty: Path) -> None:
    """A row refused for a point that was missing is accepted once site.yaml has it."""
    row = "2016-05-31 08:00:00,fixed-prox,earpa001,9,9"
    _import(empty, f"{HEADER}\n{row}\n")
    assert answer("quarantine", "retry", home=empty)["quarantined"] == 1
    site = empty / "site.yaml"
    text = site.read_text()
    site.write_text(text.replace("\npoints:\n", "\npoints:\n  - {id: 9-9, to_zone: 1-1}\n", 1))
    assert site.read_text() != text
    assert answer("quarantine", "retry", home=empty)["accepted"] == 1
    assert [entry["status"] for entry in answer("quarantine", "list", home=empty)] == ["retried"]
    assert answer("quarantine", "retry", home=empty)["read"] == 0
    assert answer("verify", home=empty)["ok"]
    assert answer("replay", home=empty)["identical"]


def test_the_quarantine_tells_time_as_the_site_does(empty: Path) -> None:
    """When a row came is told in the site's zone; while nobody can say which that is, in UTC."""
    _import(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,earpa001,9,9\n")
    entries = answer("quarantine", "list", home=empty), [answer("quarantine", "show", "1", home=empty)]
    for entry in (one for told in entries for one in told):
        came = datetime.fromisoformat(entry["received_at"])
        assert came.utcoffset() == came.astimezone(ZoneInfo("Europe/Athens")).utcoffset()
    assert f"{came:%z}"[:3] in limen("quarantine", "show", "1", home=empty).stdout
    (empty / "site.yaml").write_text("nothing: of a site\n")
    again = datetime.fromisoformat(answer("quarantine", "list", home=empty)[0]["received_at"])
    assert (again, again.utcoffset()) == (came, timedelta(0))


def test_a_retry_says_that_a_source_is_gone(empty: Path) -> None:
    """Entries whose source was taken out of site.yaml stay, and the source is named."""
    _import(empty, f"{HEADER}\n2016-05-31 08:00:00,fixed-prox,earpa001,9,9\n")
    site = empty / "site.yaml"
    text = site.read_text()
    site.write_text(text.replace("\n  prox:\n", "\n  badges:\n", 1))
    assert site.read_text() != text
    done = limen("quarantine", "retry", "--json", home=empty)
    assert json.loads(done.stdout)["quarantined"] == 1
    assert "'prox' is not in site.yaml" in done.stderr


def test_a_last_line_without_an_end_is_told(empty: Path) -> None:
    """It is taken, for many programs write no last line end, and whoever imports it hears of it."""
    file = empty.parent / "given.csv"
    for end, told in (("\n", False), ("", True)):
        file.write_text(f"{HEADER}\n{GOOD}{end}")
        done = limen("import", file, "--source", "prox", "--json", home=empty)
        assert json.loads(done.stdout)["read"] == 1
        assert ("no end" in done.stderr) == told


def test_what_is_no_text_is_wrong_use(tmp_path: Path) -> None:
    """Bytes in an argument that are not UTF-8 are refused before anything is made."""
    name = os.fsdecode(os.fsencode(tmp_path) + b"/n\xff")
    assert "not UTF-8" in limen("init", "--template", "campus", "--home", name, exit_code=2).stderr
    assert list(tmp_path.iterdir()) == []


def test_unknown_source_and_missing_file(empty: Path) -> None:
    """A source that is not described is wrong use; a file that is not there is a failure."""
    assert "prox" in limen("import", RECORDING, "--source", "turnstile", home=empty, exit_code=2).stderr
    limen("import", empty / "missing.csv", "--source", "prox", home=empty, exit_code=3)


def test_a_pipe_is_refused(empty: Path) -> None:
    """What cannot be read twice, or by the process that owns the home, is refused; nobody waits."""
    os.mkfifo(empty.parent / "pipe")
    for source in ("prox", "signals"):
        refused = limen("import", empty.parent / "pipe", "--source", source, home=empty, exit_code=3)
        assert "pipe: this is a pipe or a device" in refused.stderr
    assert answer("status", home=empty)["signals"] == 0


def test_bad_settings_stop_at_the_start(empty: Path) -> None:
    """A settings file that is wrong names file, line and field, and nothing is imported."""
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text() + "\nnonsense: 1\n")
    error = limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr
    assert "policy.yaml:" in error
    assert "nonsense" in error
    assert answer("status", home=empty)["signals"] == 0


def test_a_number_beyond_all_bounds_stops_nothing_for_good(empty: Path) -> None:
    """It is told with its place, by the doctor too; corrected, the home is as before."""
    policy = empty / "policy.yaml"
    good = policy.read_text()
    policy.write_text(good.replace("timeout_hours: 16", "timeout_hours: 1.0e+12"))
    told = "timeout_hours: Input should be less than or equal to 100000"
    assert told in limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr
    assert any(told in finding["detail"] for finding in answer("doctor", home=empty, exit_code=1))
    policy.write_text(good)
    assert _import(empty, f"{HEADER}\n{GOOD}\n")["accepted"] == 1


def test_orders_that_an_earlier_version_let_in_are_decided(empty: Path) -> None:
    """A log that holds a document, or a time, beyond all bounds goes on: the document is rejected."""
    with OpenHome(empty) as home:
        policy = home.policy.model_dump(mode="json")
        policy["presence"]["timeout_hours"] = 1.0e12
        order = placement(home.site.id, -62_000_000_000_000_000, "acampocorrente", {"zone": "2-1"})
        loaded = decision("0" * 32, home.site.id, 0, {"kind": "policy", "document": policy})
        home.log.append(PARTITION, [_draft(msgspec.structs.replace(loaded, action=Action.LOADED))])
        apply_settings(home)
        home.log.append(PARTITION, [_draft(order)])
        home.pipeline.advance()
        topics = [read_event(stored.wire).topic for stored in home.log.read_events(PARTITION, 0, 20)]
    assert topics[0] is Topic.CONTROL_REJECTED
    assert Topic.ENTRY_AFTER_HOURS in topics
    assert _import(empty, f"{HEADER}\n{GOOD}\n")["accepted"] == 1
    assert answer("verify", home=empty)["ok"]


def _draft(signal: Signal) -> Draft:
    return Draft(signal.id, signal.site, write_signal(signal))


def test_changed_settings_are_loaded_once(empty: Path) -> None:
    """A changed policy is one more control signal at the next import, and none at the one after."""
    _import(empty, f"{HEADER}\n{GOOD}\n")
    first = answer("status", home=empty)["signals"]
    policy = empty / "policy.yaml"
    policy.write_text(policy.read_text().replace("held_open_seconds: 30", "held_open_seconds: 31") + "\n#\n")
    changed = policy.read_text()
    if "31" not in changed:
        policy.write_text(changed + "doors: {held_open_seconds: 31}\n")
    for _ in range(2):
        _import(empty, f"{HEADER}\n{GOOD}\n")
        assert answer("status", home=empty)["signals"] == first + 1
    assert answer("replay", home=empty)["identical"]


def test_another_site_id_is_refused(empty: Path) -> None:
    """A log is of one site for ever."""
    _import(empty, f"{HEADER}\n{GOOD}\n")
    site = empty / "site.yaml"
    site.write_text(site.read_text().replace("id: gastech\n", "id: elsewhere\n", 1))
    assert "keeps its id" in limen("import", RECORDING, "--source", "prox", home=empty, exit_code=3).stderr


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


def test_files_that_are_something_else(empty: Path) -> None:
    """A log that is no log is named, and left as it is."""
    (empty / "log.sqlite").write_bytes(b"not a database at all, but long enough to be read as one" * 20)
    assert "log.sqlite" in limen("status", home=empty, exit_code=3).stderr
