"""Decides about alerts and tells a log, in processes that kill themselves: it serves requests on its input.

Everything slow is imported once; each request is carried out in a forked process of its own, which sends
itself SIGKILL at the n-th time it passes a named place. A request is a line of JSON: `cases` (a file, or the
settings of PostgreSQL), `log` (a file), `refuses` (whether the log refuses what it has), `seed`, `place`,
`nth`. The answer is a line with its exit status.
"""

import itertools
import json
import os
import random
import signal
import sys
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import eventsourcing.postgres
import eventsourcing.sqlite

from domain.errors import CommandRefused
from domain.vocabulary import Resolution
from infra.command_side.cases import Cases
from infra.command_side.relay import Relay
from infra.command_side.storage import PostgresStorage, SqliteStorage, Storage
from infra.settings import Postgres
from streams.log import Appended, Draft, Stored
from streams.sqlite_log import SqliteLog
from tests.cases_contract import MONDAY, SITE, site_of

PLACES: Final = ("save", "saved", "append", "appended", "track", "tracked")
TURNS: Final = 6
LOADED: Final = (eventsourcing.postgres, eventsourcing.sqlite)
"""What the applications would load one by one."""


class FileLog:
    """A log of ids in a file, for one process at a time; it refuses nothing, as Kafka does not."""

    def __init__(self, path: Path) -> None:
        self._path = path
        path.touch()

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append the ids, all of them."""
        first = self.head(partition)
        with self._path.open("ab", buffering=0) as file:
            file.write("".join(f"{one.id}\n" for one in signals).encode())
        return Appended(range(len(signals)), 0, first, first + len(signals))

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return the ids there."""
        del partition
        ids = self._path.read_text().split()
        return [
            Stored(place, one, SITE, b"") for place, one in enumerate(ids[from_offset:][:limit], from_offset)
        ]

    def head(self, partition: int) -> int:
        """Return how many there are."""
        return len(self.read(partition, 0, sys.maxsize))

    def close(self) -> None:
        """Nothing is open."""


def open_cases(told: str | dict[str, Any]) -> Cases:
    """Return the application over a file or a schema."""
    storage: Storage = (
        SqliteStorage(Path(told)) if isinstance(told, str) else PostgresStorage(Postgres.model_validate(told))
    )
    return Cases(storage, site_of)


def open_log(path: str, refuses: bool) -> Any:
    """Return the log of a file, of one kind or the other."""
    return SqliteLog.open(Path(path)) if refuses else FileLog(Path(path))


def relay_of(cases: Cases, log: Any) -> Relay:
    """Return the relay that is killed."""
    return Relay(cases, log, 0, name="log", concerns=SITE.__eq__, log_time=lambda _: 0)


def carry_out(request: dict[str, Any]) -> None:
    """Decide and tell, some turns long, and die where the request says."""
    chance = random.Random(request["seed"])
    left = itertools.count(request["nth"] - 1, -1)

    def passed(place: str) -> None:
        if place == request["place"] and next(left) == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    log = open_log(request["log"], request["refuses"])
    cases = open_cases(request["cases"])
    around(cases, "save", passed, "save", "saved")
    around(cases, "track", passed, "track", "tracked")
    bring = relay_of(cases, Around(log, passed))
    bring.run()
    for turn in range(TURNS):
        for _ in range(chance.randint(1, 3)):
            decide(cases, f"{SITE}:door_held:d{chance.randint(1, 4)}:1", turn)
        log.append(0, [Draft(f"{request['seed']:016x}{turn:016x}", SITE, b"somebody else's")])
        bring.run()


class Around:
    """A log whose appends pass places."""

    def __init__(self, log: Any, passed: Callable[[str], None]) -> None:
        self.read, self.head, self.append = log.read, log.head, log.append
        around(self, "append", passed, "append", "appended")


def around(owner: Any, name: str, passed: Callable[[str], None], before: str, after: str) -> None:
    """Pass one place before and another after every call of a method."""
    original = getattr(owner, name)

    def called(*args: Any, **kwargs: Any) -> Any:
        passed(before)
        result = original(*args, **kwargs)
        passed(after)
        return result

    setattr(owner, name, called)


def decide(cases: Cases, alert: str, turn: int) -> None:
    """Decide whatever can be decided about an alert."""
    at = MONDAY + timedelta(seconds=turn)
    try:
        cases.acknowledge(alert, by="ann", at=at)
    except CommandRefused:
        try:
            cases.close_case(alert, by="bob", at=at, resolution=Resolution.EXPLAINED)
        except CommandRefused:
            cases.reopen(alert, by="cy", at=at)


def serve() -> None:
    """Answer requests until the input ends."""
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            carry_out(json.loads(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
