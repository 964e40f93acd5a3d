"""A real PostgreSQL for tests: one for each test process, started when the first test asks for it.

It listens on a Unix socket in its own folder only. PostgreSQL refuses to run as root: there, it runs as the
user of Debian's packages, or as nobody.
"""

import contextlib
import itertools
import os
import pwd
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from psycopg.sql import SQL, Identifier

from infra.settings import Postgres
from tests.requirements import require

START_SECONDS: Final = 60
PORT: Final = 5432
"""Of the socket's name only; nothing listens on the network."""
_USER: Final = "limen"
_numbers: Final = itertools.count()


class PostgresServer:
    """A server with data of its own. A test that stops it starts it again."""

    def __init__(self, folder: Path, programs: Path) -> None:
        """Make the data: a superuser `limen` with a password, and a database of that name."""
        self.folder, self._programs = folder, programs
        self.password = secrets.token_hex(8)
        self._account = _account()
        self._process: subprocess.Popen[bytes] | None = None
        folder.chmod(0o755)
        (folder / "password").write_text(self.password)
        if self._account:
            for path in (folder, folder / "password"):
                shutil.chown(path, self._account)
        subprocess.run(
            [
                programs / "initdb", "--pgdata", folder / "data", "--username", _USER,
                "--auth", "scram-sha-256", "--pwfile", folder / "password",
                "--encoding", "UTF8", "--no-locale", "--no-sync",
            ],
            check=True, capture_output=True, cwd=folder, **self._as_account(),
        )  # fmt: skip
        self.start()
        with self.connected("postgres") as connection:
            connection.execute("CREATE DATABASE limen")

    def start(self) -> None:
        """Start it, if it is not running, and wait until it answers."""
        if self._process is not None:
            return
        with (self.folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._programs / "postgres", "-D", self.folder / "data", "-k", self.folder,
                    "-p", str(PORT), "-c", "listen_addresses=", "-c", "fsync=off",
                ],
                stdout=log, stderr=log, cwd=self.folder, **self._as_account(),
            )  # fmt: skip
        until = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(psycopg.OperationalError), self.connected("postgres"):
                return
            assert self._process.poll() is None, (self.folder / "server.log").read_text()
            assert time.monotonic() < until, "PostgreSQL does not answer"
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it at once, whoever is connected; stopping twice is harmless."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # a fast shutdown
            self._process.wait(START_SECONDS)
            self._process = None

    @contextlib.contextmanager
    def connected(self, dbname: str = "limen") -> Iterator[psycopg.Connection[Any]]:
        """Give a connection of the superuser."""
        with psycopg.connect(
            host=str(self.folder),
            port=PORT,
            dbname=dbname,
            user=_USER,
            password=self.password,
            autocommit=True,
        ) as connection:
            yield connection

    def _as_account(self) -> dict[str, Any]:
        if self._account is None:
            return {}
        return {"user": self._account, "group": pwd.getpwnam(self._account).pw_gid, "extra_groups": []}


@dataclass(frozen=True, slots=True)
class PostgresSchema:
    """A server, and a schema that is this test's alone; nobody has made it yet."""

    server: PostgresServer
    schema: str

    @property
    def settings(self) -> Postgres:
        """How an application reaches it."""
        return Postgres(
            host=str(self.server.folder),
            port=PORT,
            password=self.server.password,
            schema_name=self.schema,
            connect_timeout_seconds=2,
        )

    @property
    def environment(self) -> dict[str, str]:
        """How a command is told of it."""
        return {
            "LIMEN_POSTGRES_HOST": str(self.server.folder),
            "LIMEN_POSTGRES_PORT": str(PORT),
            "LIMEN_POSTGRES_PASSWORD": self.server.password,
            "LIMEN_POSTGRES_SCHEMA_NAME": self.schema,
            "LIMEN_POSTGRES_CONNECT_TIMEOUT_SECONDS": "2",
        }


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Give the server of this test process."""
    programs = _programs()
    require("PostgreSQL", programs, "apt-get install postgresql")
    assert programs
    # Not in pytest's own folders: they are closed to the user that the server runs as.
    folder = Path(tempfile.mkdtemp(prefix="limen-pg-"))
    try:
        server = PostgresServer(folder, programs)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgres(postgres_server: PostgresServer) -> Iterator[PostgresSchema]:
    """Give the server, running, with a schema for this test, which is dropped afterwards."""
    postgres_server.start()
    schema = f"t{os.getpid()}_{next(_numbers)}"
    yield PostgresSchema(postgres_server, schema)
    postgres_server.start()
    with postgres_server.connected() as connection:
        connection.execute(SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(Identifier(schema)))


def _programs() -> Path | None:
    """Return the folder of the server's programs: of the newest version, or on the PATH."""
    found = sorted(
        Path("/usr/lib/postgresql").glob("*/bin/initdb"),
        key=lambda path: float(path.parts[-3]),
    )
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _account() -> str | None:
    """Return whom to run as: root hands over to somebody else."""
    if os.geteuid() != 0:
        return None
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next((name for name in ("postgres", "nobody") if name in names), None)
