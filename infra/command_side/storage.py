"""Where an application's events are kept: in a SQLite file of the home, or in PostgreSQL."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Protocol

from infra.command_side.errors import CommandSideUnavailable
from infra.failure import Failure

if TYPE_CHECKING:
    from psycopg import Connection

    from infra.settings import Postgres

_LOCK_SECONDS: Final = 10
"""How long a write waits for another to be done."""
_PREPARING: Final = 0x4C696D63
"""The advisory lock under which tables are made ("Limc")."""


class Storage(Protocol):
    """What an application needs of its storage."""

    @property
    def name(self) -> str:
        """What people call the place, in messages; without secrets."""

    def environment(self) -> Mapping[str, str]:
        """Return how `eventsourcing` is told of it."""

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Let tables be made, by one process at a time.

        Raises:
            CommandSideUnavailable: it cannot be reached, or does not let us in.
        """

    def check(self) -> None:
        """Return when it can be reached.

        Raises:
            CommandSideUnavailable: it cannot; known at once, and not after as many attempts as
                `eventsourcing` makes.
        """


@dataclass(frozen=True, slots=True)
class SqliteStorage:
    """A file in the home. It is made when it is not there."""

    path: Path

    @property
    def name(self) -> str:
        """Its path."""
        return str(self.path)

    def environment(self) -> Mapping[str, str]:
        """Return how `eventsourcing` is told of it."""
        return {
            "PERSISTENCE_MODULE": "eventsourcing.sqlite",
            "SQLITE_DBNAME": str(self.path.absolute()),
            "SQLITE_LOCK_TIMEOUT": str(_LOCK_SECONDS),
        }

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """SQLite's own lock is enough."""
        yield

    def check(self) -> None:
        """A file is always there."""


class PostgresStorage:
    """A schema in a PostgreSQL database. It is made when it is not there, if the user may.

    What the settings leave open, such as TLS, libpq takes from its own variables (PGSSLMODE, PGSSLROOTCERT).
    """

    def __init__(self, settings: "Postgres") -> None:
        self._settings = settings
        self._host = settings.host or "localhost"
        self._password = _password(settings)

    @property
    def name(self) -> str:
        """Host, port, database and schema."""
        settings = self._settings
        place = f"{self._host}:{settings.port}"
        return f"PostgreSQL at {place}, database {settings.dbname}, schema {settings.schema_name}"

    def environment(self) -> Mapping[str, str]:
        """Return how `eventsourcing` is told of it."""
        settings = self._settings
        return {
            "PERSISTENCE_MODULE": "eventsourcing.postgres",
            "POSTGRES_HOST": self._host,
            "POSTGRES_PORT": str(settings.port),
            "POSTGRES_DBNAME": settings.dbname,
            "POSTGRES_USER": settings.user,
            "POSTGRES_PASSWORD": self._password,
            "POSTGRES_SCHEMA": settings.schema_name,
            "POSTGRES_POOL_SIZE": str(settings.pool_size),
            "POSTGRES_MAX_OVERFLOW": str(settings.max_overflow),
            "POSTGRES_CONNECT_TIMEOUT": str(settings.connect_timeout_seconds),
            "POSTGRES_LOCK_TIMEOUT": str(_LOCK_SECONDS),
            "POSTGRES_PRE_PING": "y",  # the server may have been restarted meanwhile
        }

    @contextmanager
    def preparing(self) -> Iterator[None]:
        """Make the schema, and hold a lock while the tables are made."""
        from psycopg import Error
        from psycopg.sql import SQL, Identifier

        with self._connected() as connection:
            try:
                connection.execute("SELECT pg_advisory_lock(%s)", (_PREPARING,))
                schema = self._settings.schema_name
                there = connection.execute("SELECT 1 FROM pg_namespace WHERE nspname = %s", (schema,))
                if there.fetchone() is None:
                    connection.execute(SQL("CREATE SCHEMA {}").format(Identifier(schema)))
            except Error as error:
                raise self._unavailable(error) from error
            yield

    def check(self) -> None:
        """Connect once, and let go again."""
        with self._connected():
            pass

    @contextmanager
    def claimed(self, name: str, seconds: float) -> Iterator[Callable[[], None] | None]:
        """Have a name alone while the block runs, among all who use the schema.

        The claim is a lock of a transaction, so it goes with whoever ends or is killed. A holder that is not
        heard for some time loses it: the server ends its session.

        Args:
            name: what is claimed.
            seconds: how long a holder may be silent.

        Yields:
            None where another has it; else a check that counts as being heard, and raises
            `CommandSideUnavailable` when the claim is lost.

        Raises:
            CommandSideUnavailable: it cannot be reached, or the claim was lost meanwhile.
        """
        from psycopg import Error

        with self._connected() as connection:

            def check() -> None:
                try:
                    connection.execute("SELECT 1")
                except Error as error:
                    raise self._unavailable(error) from error

            lock = f"{self._settings.schema_name}/{name}"
            try:
                with connection.transaction():
                    connection.execute(
                        "SELECT set_config('idle_in_transaction_session_timeout', %s, true)",
                        (f"{round(seconds * 1_000)}ms",),
                    )
                    asked = connection.execute(
                        "SELECT pg_try_advisory_xact_lock(hashtextextended(%s, 0))", (lock,)
                    )
                    yield check if asked.fetchone() == (True,) else None
            except Error as error:
                raise self._unavailable(error) from error

    @contextmanager
    def _connected(self) -> "Iterator[Connection[Any]]":
        import psycopg

        settings = self._settings
        try:
            connection = psycopg.connect(
                host=self._host,
                port=settings.port,
                dbname=settings.dbname,
                user=settings.user,
                password=self._password,
                connect_timeout=settings.connect_timeout_seconds,
                application_name="limen",
                autocommit=True,
            )
        except psycopg.Error as error:
            raise self._unavailable(error) from error
        with connection:
            yield connection

    def _unavailable(self, error: Exception) -> CommandSideUnavailable:
        said = " ".join(str(error).split())
        return CommandSideUnavailable(f"{self.name}: {said}; is it running, and is [postgres] right?")


def _password(settings: "Postgres") -> str:
    """Return the password; empty where none is given: libpq then looks into its own password file.

    Raises:
        Failure: the file of the password cannot be read.
    """
    if settings.password is not None:
        return settings.password
    if settings.password_file is None:
        return ""
    try:
        return settings.password_file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise Failure(
            f"postgres.password_file: {settings.password_file} cannot be read ({error}); "
            "write the password alone into it, readable for the user that runs Limen"
        ) from error
