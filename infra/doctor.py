"""The doctor: checks the machine and a home, and says what to do about each thing that is wrong."""

import os
import shutil
import socket
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Final, Literal

from domain.errors import DomainError
from domain.event import read_event
from domain.signal import read_signal
from infra.directory_file import read_directory
from infra.failure import Failure
from infra.home import PARTITION
from infra.invalid_settings import Complaint, InvalidSettings
from infra.language import Language, Sentence, sentence
from infra.lock import InUse, Lock, owner_now
from infra.settings import Home
from infra.settings_file import load_settings
from infra.yaml_document import problems_at
from projections.alerts import count_decisions
from projections.client import History
from projections.errors import HistoryError, HistoryIncomplete
from projections.sink import Sink
from projections.verify import done
from streams.log import LogError
from streams.quarantine import Quarantine, Status
from streams.sqlite_log import SqliteLog

Verdict = Literal["ok", "warn", "fail"]

FREE_WARN_BYTES: Final = 5 << 30
FREE_FAIL_BYTES: Final = 500 << 20
_OLDEST_PYTHON: Final = (3, 11)
_SECOND_OF_WRITING: Final = 1_767_225_600
"""2026-01-01: a clock that shows less was never set."""
_TOOLS: Final = {
    "java": (
        sentence("not found; optional, for a Kafka broker in tests and demo-kafka"),
        "apt-get install openjdk-17-jre-headless",
    ),
    "mvn": (sentence("not found; optional, for fetching that broker"), "apt-get install maven"),
    "initdb": (
        sentence("not found; optional, for a PostgreSQL server in tests"),
        "apt-get install postgresql",
    ),
    "go": (
        sentence("not found; optional, for ClickHouse's driver for Go in tests"),
        "apt-get install golang-go",
    ),
}
_BESIDE_THE_PATH: Final = "usr/lib/postgresql/*/bin"
"""Where Debian keeps what only a server's own user should run."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found. `remedy` is empty where nothing needs to be done."""

    check: str
    verdict: Verdict
    detail: Sentence | str
    remedy: Sentence | str = ""

    def told(self, language: Language) -> dict[str, str]:
        """Return it in words; check and verdict stay identifiers."""
        return {
            "check": self.check,
            "verdict": self.verdict,
            "detail": language.tell(self.detail),
            "remedy": language.tell(self.remedy),
        }


def examine(root: Path) -> list[Finding]:
    """Return the findings of every check, first the machine's, then those of the home in `root`."""
    checks: tuple[Callable[[], Iterator[Finding]], ...] = (
        _python,
        _packages,
        _compiled_rules,
        _clock,
        lambda: _disk(root),
        lambda: _sockets(root),
        lambda: _home(Home(root)),
        _tools,
    )
    return [finding for check in checks for finding in check()]


def _python() -> Iterator[Finding]:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= _OLDEST_PYTHON:
        yield Finding("python", "ok", version)
    else:
        yield Finding(
            "python",
            "fail",
            sentence("{version} is too old", version=version),
            sentence("install Python 3.11 or later"),
        )


def _packages() -> Iterator[Finding]:
    try:
        required = metadata.requires("limen") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            "packages", "warn", sentence("limen is run without being installed"), "pip install -e ."
        )
        required = []
    missing = [name for name in map(_distribution, required) if not _installed(name)]
    if missing:
        yield Finding(
            "packages",
            "fail",
            sentence("missing: {names}", names=", ".join(missing)),
            f"pip install {' '.join(missing)}",
        )
    elif required:
        yield Finding("packages", "ok", sentence("all {n} are installed", n=len(required)))


def _distribution(requirement: str) -> str:
    return requirement.split(";")[0].split(">")[0].split("<")[0].split("=")[0].split("[")[0].strip()


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _compiled_rules() -> Iterator[Finding]:
    """The command line has told Numba where to keep what it compiles (infra.compiled_cache)."""
    folder = Path(os.environ.get("NUMBA_CACHE_DIR", ""))
    if folder.name.startswith("limen-compiled-"):
        yield Finding(
            "compiled rules",
            "warn",
            sentence("the user's cache cannot be written: rules are compiled anew at every start"),
            sentence("make ~/.cache writable, or set NUMBA_CACHE_DIR to a folder that is"),
        )
    else:
        yield Finding("compiled rules", "ok", sentence("kept in {folder}", folder=folder))


def _clock() -> Iterator[Finding]:
    now = time.time()
    if now < _SECOND_OF_WRITING:
        yield Finding(
            "clock",
            "fail",
            sentence("it shows a time before 2026"),
            sentence("set it (timedatectl set-ntp true)"),
        )
    else:
        yield Finding("clock", "ok", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now)))


def _disk(root: Path) -> Iterator[Finding]:
    folder = next(place for place in (root.absolute(), *root.absolute().parents) if place.exists())
    free = shutil.disk_usage(folder).free
    said = sentence("{free:,.1f} GiB free at {folder}", free=free / (1 << 30), folder=folder)
    if free < FREE_FAIL_BYTES:
        yield Finding("disk", "fail", said, sentence("free some space: the log must never run out of it"))
    elif free < FREE_WARN_BYTES:
        yield Finding(
            "disk", "warn", said, sentence("free some space: a busy site writes a gigabyte in weeks")
        )
    else:
        yield Finding("disk", "ok", said)


def _sockets(root: Path) -> Iterator[Finding]:
    """Commands reach a running process through a Unix socket."""
    with tempfile.TemporaryDirectory(prefix="limen-") as folder, socket.socket(socket.AF_UNIX) as tried:
        try:
            tried.bind(f"{folder}/try")
        except OSError as error:
            yield Finding(
                "sockets",
                "fail",
                sentence("no Unix socket can be made ({error})", error=error.strerror),
                sentence("run Limen where {root} is on a local disk", root=root),
            )
        else:
            yield Finding("sockets", "ok", sentence("commands can reach a running process"))


def _home(home: Home) -> Iterator[Finding]:
    if not home.site.exists():
        yield Finding(
            "home",
            "warn",
            sentence("there is none in {root}", root=home.root),
            f"limen init --template campus --home {home.root}",
        )
        return
    writable = os.access(home.root, os.W_OK)
    if writable:
        yield Finding("home", "ok", sentence("{root} can be written", root=home.root.absolute()))
    else:
        yield Finding(
            "home",
            "fail",
            sentence("{root} cannot be written", root=home.root.absolute()),
            sentence("chown it to you, or chmod u+w {root}", root=home.root),
        )
    for path, read in _files(home):
        try:
            read()
        except InvalidSettings as error:
            for problem in error.problems:
                yield Finding(path.name, "fail", str(problem), sentence("correct the file there"))
        else:
            yield Finding(path.name, "ok", sentence("can be used"))
    yield from _departments(home)
    if home.key.exists() and home.key.stat().st_mode & 0o077:
        yield Finding("key", "warn", sentence("others may read it"), f"chmod 600 {home.key}")
    yield Finding("owner", "ok", _owner(home.root))
    for path, look, remedy in _kept(home):
        if path.exists():
            yield _looked_at(path.name, look, remedy)
    yield from _lost_cases(home)


def _files(home: Home) -> Iterator[tuple[Path, Callable[[], object]]]:
    from infra.credentials import read_key
    from infra.policy_file import load_policy
    from infra.site_file import load_site

    yield home.site, lambda: load_site(home.site)
    yield home.policy, lambda: load_policy(home.policy, load_site(home.site))
    if home.directory.exists():
        yield home.directory, lambda: read_directory(home.directory)
    yield home.settings, lambda: load_settings(home, os.environ)
    yield home.key, lambda: read_key(home.key)


def _departments(home: Home) -> Iterator[Finding]:
    """Warn of departments that nobody has: an override for one that is misspelt fits nobody, silently."""
    from infra.policy_file import load_policy
    from infra.site_file import load_site

    try:
        policy = load_policy(home.policy, load_site(home.site))
        persons = read_directory(home.directory).persons if home.directory.exists() else ()
    except InvalidSettings:  # told above
        return
    known = {person.department for person in persons}
    strange: list[Complaint] = [
        (("rules", name, "overrides", number, "departments", place), department)
        for name, rule in policy.rules.items()
        for number, override in enumerate(rule.overrides)
        for place, department in enumerate(override.departments or ())
        if department not in known
    ]
    for problem in problems_at(home.policy, strange).problems:
        yield Finding(
            home.policy.name,
            "warn",
            sentence(
                "{place}: nobody in directory.csv is of the department {department}",
                place=f"{problem.file}:{problem.line}: {problem.field}",
                department=problem.message,
            ),
            sentence("write it as directory.csv does, or leave it out"),
        )


def _owner(root: Path) -> Sentence:
    owner = owner_now(root)
    if owner is None:
        return sentence("nobody has the home; commands open it themselves")
    if owner.socket:
        return sentence("process {pid} has the home and answers for it", pid=owner.pid)
    return sentence("process {pid} has the home", pid=owner.pid)


def _kept(home: Home) -> Iterator[tuple[Path, Callable[[], Sentence], Sentence]]:
    """Yield what Limen itself keeps in a home, how to look at it, and what to do where that fails."""
    yield home.log, lambda: _log(home), sentence("restore it from the newest backup of the home")
    yield (
        home.quarantine,
        lambda: _quarantine(home.quarantine),
        sentence("restore it, or move it away and import again"),
    )
    yield home.cases, lambda: _cases(home.cases), sentence("restore it from the newest backup of the home")
    yield (
        home.history,
        lambda: _history(home),
        sentence(
            "if the log was lost, restore it from the newest backup of the home; "
            "else move the history away: it is made again from the log"
        ),
    )


def _looked_at(check: str, look: Callable[[], Sentence], remedy: Sentence) -> Finding:
    try:
        return Finding(check, "ok", look())
    except (DomainError, LogError, HistoryError, OSError, sqlite3.Error) as error:
        return Finding(check, "fail", str(error), remedy)


def _log(home: Home) -> Sentence:
    with closing(SqliteLog.open(home.log, writable=False)) as log:
        signals, events = log.head(PARTITION), log.events_head(PARTITION)
        for stored in log.read(PARTITION, max(signals - 1, 0), 1):
            read_signal(stored.wire)
        for stored in log.read_events(PARTITION, max(events - 1, 0), 1):
            read_event(stored.wire)
    return sentence("{signals:,} signals, {events:,} events", signals=signals, events=events)


def _quarantine(path: Path) -> Sentence:
    with closing(Quarantine.open(path, writable=False)) as quarantine:
        return sentence(
            "{n:,} entries, {open:,} of them open", n=quarantine.count(), open=quarantine.count(Status.OPEN)
        )


def _cases(path: Path) -> Sentence:
    with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as cases:
        cases.execute("SELECT count(*) FROM sqlite_schema")
    return sentence("can be read")


def _lost_cases(home: Home) -> Iterator[Finding]:
    """Fail where the history tells of decisions, and the file that keeps them is not there."""
    if home.cases.exists() or not home.history.is_dir():
        return
    try:
        if load_settings(home, os.environ).postgres.host is not None:
            return
        with closing(Lock(home.root)), closing(History(home.history)) as history:
            decided = count_decisions(history)
    except (InvalidSettings, Failure, HistoryError, OSError):  # told above, or another process has the home
        return
    if decided:
        yield Finding(
            home.cases.name,
            "fail",
            sentence("it is not there, but the log has {n:,} decisions about alerts", n=decided),
            sentence("restore it from the newest backup of the home"),
        )


def _history(home: Home) -> Sentence:
    path = home.history
    if not path.is_dir():
        raise NotADirectoryError(f"{path} is no folder")
    if not os.access(path, os.W_OK):
        raise PermissionError(f"{path} cannot be written")
    try:
        with closing(Lock(home.root)):
            _check_lengths(home)
    except InUse:
        return sentence("is there; whoever has the home sees to it that it is no longer than the log")
    except (Failure, LogError):  # told above
        return sentence("is there")
    return sentence("is no longer than the log; 'limen verify' compares the two")


def _check_lengths(home: Home) -> None:
    """Raise HistoryIncomplete where the history has more than the log, or there is no log any more."""
    with closing(History(home.history)) as history:
        if not history.rows("EXISTS TABLE committed")[0]["result"]:
            return  # nothing was ever written
        if home.log.exists():
            with closing(SqliteLog.open(home.log, writable=False)) as log:
                Sink(history, log, PARTITION).check_log()
        elif any(filled := done(history, PARTITION)):
            raise HistoryIncomplete(
                f"it has {filled[0]:,} signals and {filled[1]:,} events of a log that is not there"
            )


def _tools() -> Iterator[Finding]:
    for name, (missing, remedy) in _TOOLS.items():
        found = shutil.which(name) or next(Path("/").glob(f"{_BESIDE_THE_PATH}/{name}"), None)
        if found:
            yield Finding(name, "ok", str(found))
        else:
            yield Finding(name, "warn", missing, remedy)
