"""Imports files in processes that kill themselves: run as a script, it serves requests on standard input.

Everything slow is imported, and the rules are loaded, once; each request is carried out in a forked process
of its own, which sends itself SIGKILL at the n-th time it passes a named place. A request is a line of JSON:
home, file, source, and `kill`: None, `{"place", "nth"}` or `{"after_seconds"}`. The answer is a line with its
exit status.
"""

import json
import os
import signal
import sqlite3
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import clickhouse_connect

import streams.sqlite_file
import streams.sqlite_log
from infra.answers.feed import import_files
from infra.home import OpenHome
from infra.warming import warm_up
from infra.without_pandas import leave_pandas
from projections.client import History
from streams.engine import Engine
from streams.sqlite_log import SqliteLog

PLACES: Final = (
    "append",
    "in_transaction",
    "appended",
    "decided",
    "commit",
    "committed",
    "insert",
    "inserted",
)


LOADED: Final = clickhouse_connect
"""What each child would load; the embedded engine is not here, for its threads do not survive a fork."""


class Killer:
    """Counts how often a place is passed and kills this process when it is the time."""

    def __init__(self, place: str, nth: int) -> None:
        self._place = place
        self._left = nth

    def passed(self, place: str) -> None:
        """Die here, if it is the place and the time."""
        if place == self._place:
            self._left -= 1
            if self._left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def around(self, owner: type, name: str, before: str | None, after: str | None) -> None:
        """Pass one place before and another after every call of a method."""
        original: Callable[..., Any] = getattr(owner, name)

        def called(*args: Any, **kwargs: Any) -> Any:
            self.passed(before or "")
            result = original(*args, **kwargs)
            self.passed(after or "")
            return result

        setattr(owner, name, called)

    def within_transactions(self) -> None:
        """Pass a place when everything is written but not committed."""
        original = streams.sqlite_file.transaction

        @contextmanager
        def transaction(connection: sqlite3.Connection) -> Iterator[None]:
            with original(connection):
                yield
                self.passed("in_transaction")

        vars(streams.sqlite_log)["transaction"] = transaction


def carry_out(request: dict[str, Any]) -> None:
    """Import, and die on the way if the request says so."""
    kill = request["kill"] or {}
    if "after_seconds" in kill:
        at = time.monotonic() + kill["after_seconds"]
        threading.Thread(target=_kill_at, args=(at,), daemon=True).start()
    killer = Killer(kill.get("place", ""), kill.get("nth", 0))
    killer.around(SqliteLog, "append", "append", "appended")
    killer.around(Engine, "decide_columns", None, "decided")
    killer.around(SqliteLog, "transact", "commit", "committed")
    killer.around(History, "insert", "insert", "inserted")
    killer.within_transactions()
    with OpenHome(Path(request["home"])) as home:
        import_files(home, files=[request["file"]], source=request["source"])


def _kill_at(at: float) -> None:
    time.sleep(max(0.0, at - time.monotonic()))
    os.kill(os.getpid(), signal.SIGKILL)


def serve() -> None:
    """Answer requests until the input ends."""
    leave_pandas()
    with tempfile.TemporaryDirectory() as empty:
        warm_up(Path(empty))
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
