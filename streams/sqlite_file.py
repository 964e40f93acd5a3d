"""SQLite files as everything of ours uses them: durable, of a known schema, with errors that help."""

import fcntl
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Self

from streams.log import HomeInUse, LogCorrupt, LogError, LogUnavailable
from streams.no_room import no_room

_BUSY_SECONDS: Final = 10.0
_PRAGMAS: Final = (
    "PRAGMA cache_size = -65536",  # KiB: holds the growing ends of every index
    "PRAGMA temp_store = MEMORY",
)
_WRITER_PRAGMAS: Final = (
    "PRAGMA page_size = 8192",  # before the first table: later it changes nothing
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",  # a commit returns when it is on the disk
    "PRAGMA wal_autocheckpoint = 8192",  # pages: 64 MiB; fewer checkpoints write hot pages less often
    "PRAGMA journal_size_limit = 134217728",  # bytes: a large snapshot does not leave a large WAL behind
)


@dataclass(frozen=True, slots=True)
class Schema:
    """What a file of ours is: its SQLite application id, its version, and the statements that make it."""

    application_id: int
    version: int
    statements: tuple[str, ...]


def open_sqlite(path: Path, schema: Schema, *, writable: bool) -> sqlite3.Connection:
    """Open a file of this schema; a writer makes it when it is not there.

    The connection is in autocommit mode (transactions are explicit) and may be used from any thread,
    one at a time.

    Raises:
        LogUnavailable: the folder or file is missing (when reading) or cannot be opened or written.
        LogCorrupt: the file is something else, or of a schema version this program does not know.
    """
    with explained(path, opening=True):
        if not path.parent.is_dir():
            raise LogUnavailable(f"the folder {path.parent} does not exist: create it, or name another")
        connection = sqlite3.connect(
            _address(path, writable=writable),
            uri=True,
            timeout=_BUSY_SECONDS,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            for pragma in _PRAGMAS + (_WRITER_PRAGMAS if writable else ()):
                connection.execute(pragma)
            if writable:
                with transaction(connection):
                    _create_where_empty(connection, schema)
            _check(connection, schema, path)
        except BaseException:
            connection.close()
            raise
        return connection


def _address(path: Path, *, writable: bool) -> str:
    if writable:
        return f"{path.absolute().as_uri()}?mode=rwc"
    # Without a WAL nobody is writing; in a folder where SQLite cannot make one it must be told so.
    still = not path.with_name(f"{path.name}-wal").exists() and not os.access(path.parent, os.W_OK)
    return f"{path.absolute().as_uri()}?mode=ro{'&immutable=1' if still else ''}"


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def _is_empty(connection: sqlite3.Connection) -> bool:
    return not connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]


def _create_where_empty(connection: sqlite3.Connection, schema: Schema) -> None:
    if _is_empty(connection) and _pragma(connection, "user_version") == 0:
        connection.execute(f"PRAGMA application_id = {schema.application_id}")
        connection.execute(f"PRAGMA user_version = {schema.version}")
        for statement in schema.statements:
            connection.execute(statement)


def _check(connection: sqlite3.Connection, schema: Schema, path: Path) -> None:
    found, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    if not version and _is_empty(connection):
        raise LogUnavailable(f"{path} is still empty: try again when its first writer has made it")
    if found != schema.application_id:
        raise LogCorrupt(f"{path} is not a file of this kind (application id {found}): name another file")
    if version != schema.version:
        raise LogCorrupt(
            f"{path} has schema version {version}, this program knows {schema.version}: "
            "open it with the version of the program that wrote it"
        )


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Run the block as one transaction: committed durably at its end, undone wholly on any error."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # some errors, such as a full disk, undo it by themselves
            connection.execute("ROLLBACK")
        raise


_REMEDIES: Final = {
    sqlite3.SQLITE_FULL: "the disk is full: free some space there and try again",
    sqlite3.SQLITE_IOERR: "the disk failed to read or write: check it and its limits, and try again",
    sqlite3.SQLITE_READONLY: "it is read-only: allow writing to the file and its folder",
    sqlite3.SQLITE_CANTOPEN: "check that file and folder exist and may be written",
    sqlite3.SQLITE_BUSY: "another process keeps it locked: wait for that process or stop it",
}


@contextmanager
def explained(path: Path, *, opening: bool = False) -> Iterator[None]:
    """Turn what SQLite and the system raise in the block into the log's errors, each with its remedy.

    Who opens a file may only want to read it, and is told that this needs some room too. Elsewhere earlier
    transactions may have been committed by the same command.
    """
    name = f"{path} cannot be opened" if opening else str(path)
    kept = "" if opening else "; what was done before is kept, and the same command goes on from there"
    try:
        yield
    except LogError:
        raise
    except sqlite3.Error as error:
        # The low byte is the kind of error, the rest its finer shade.
        kind = (getattr(error, "sqlite_errorcode", None) or 0) & 0xFF
        if kind in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
            raise LogCorrupt(
                f"{path} is damaged or no SQLite file ({error}): restore it from a copy"
            ) from error
        remedy = _REMEDIES.get(kind, "open it again")
        raise LogUnavailable(f"{name}: {remedy} ({error}){kept}") from error
    except OSError as error:
        remedy = no_room(error) or f"{error.strerror}: check that file and folder may be written"
        raise LogUnavailable(f"{name}: {remedy}{kept}") from error


class WriterLock:
    """The right to write a file, held by one process at a time through a lock file beside it.

    The system lets go of it when the process ends, however it ends. The lock file stays: removing it
    would let two processes lock two different files of the same name.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, path: Path) -> Self:
        """Take the right to write `path`, without waiting.

        Raises:
            HomeInUse: another process has it; the message names its process id.
            LogUnavailable: the lock file cannot be written.
        """
        with explained(path, opening=True):
            descriptor = os.open(path.with_name(f"{path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
                os.close(descriptor)
                raise HomeInUse(
                    f"{path} is open for writing in process {holder}: stop that process, or wait for its end"
                ) from error
            try:
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
            except OSError:
                os.close(descriptor)
                raise
            return cls(descriptor)

    def release(self) -> None:
        """Let another process write; releasing twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
