"""The history: ClickHouse, embedded in this process (chDB) or on a server, behind one client.

The embedded engine serves one process per folder, and one folder at a time per process: close a history
before opening another. It does not survive `fork`; start further processes by spawning them.
"""

import fcntl
import logging
import os
import re
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import urlsplit
from weakref import WeakSet

from projections.cluster import quoted
from projections.errors import HistoryError, HistoryInUse
from projections.schema import migrate

if TYPE_CHECKING:
    from clickhouse_connect.driver.client import Client

DATABASE: Final = "limen"
_ASKED_AT_ONCE: Final = 2
"""Questions that wait for nothing of each other, beside the one that the caller itself asks."""
_ENGINE: Final = Path(__file__).parent / "engine"
_SETTINGS: Final = {
    "max_partitions_per_insert_block": 0,  # one batch may hold signals of any number of months
    "min_insert_block_size_rows": 10_000_000,  # derived rows of a batch become one part
    "min_insert_block_size_bytes": 0,
}
_OF_A_SERVER: Final = {
    "async_insert": 0,  # an insert that is answered is on disk
    "insert_deduplicate": 0,  # what is written twice or not is for the offsets in the rows to say
}
_OF_A_CLUSTER: Final = {
    "distributed_foreground_insert": 1,  # an insert that is answered is on every shard it has rows for
    "distributed_product_mode": "global",
    "insert_quorum": "auto",
    "load_balancing": "in_order",  # what was written is read where it was written
}


class History:
    """An open history. Threads may share it: each gets a handle of its own.

    `at` is the folder of an embedded history, or a server's address for clickhouse-connect, such as
    `http://user:password@host:8123`. `cluster` is the cluster's name where that server is one of several.

    Raises:
        HistoryInUse: another process, or another history of this process, has the engine.
        HistoryError: the engine could not be opened.
    """

    def __init__(self, at: Path | str, cluster: str | None = None) -> None:
        self.at = without_password(at)
        self.cluster = cluster
        self._at = at
        self._folder = at.absolute() if isinstance(at, Path) else None
        self._local = threading.local()
        self._lock = threading.Lock()
        self._asking = ThreadPoolExecutor(_ASKED_AT_ONCE, "history")
        self._opened: WeakSet[Any] = WeakSet()  # a thread's handles go with the thread
        if self._folder is not None:
            with explained(f"cannot open the history {self._folder}"):
                self._folder.mkdir(parents=True, exist_ok=True)
                _check_folder(self._folder)
        on_cluster = "" if cluster is None else f" ON CLUSTER {quoted(cluster)}"
        with explained(f"cannot open the history {self.at}"):
            self.client.command(f"CREATE DATABASE IF NOT EXISTS {DATABASE}{on_cluster}")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def connect(self, settings: Mapping[str, Any] = _SETTINGS) -> "Client":
        """Return a new handle; the caller closes it."""
        with explained(f"cannot open the history {self.at}"):
            import clickhouse_connect

            if self._folder is None:
                logging.getLogger("clickhouse_connect").setLevel(logging.CRITICAL)  # it raises what it logs
                all_settings = {**settings, **_OF_A_SERVER, **(_OF_A_CLUSTER if self.cluster else {})}
                return clickhouse_connect.get_client(
                    dsn=str(self._at),
                    interface=urlsplit(str(self._at)).scheme,  # by itself it goes by the port alone
                    settings=all_settings,
                    autogenerate_session_id=False,
                )
            os.environ["LIMEN_ENGINE_USERS"] = str(_ENGINE / "users.xml")
            return clickhouse_connect.get_client(
                dsn=f"chdb://{self._folder}",
                settings=dict(settings),
                chdb_options={"config-file": str(_ENGINE / "config.xml")},
            )

    @property
    def processes(self) -> str:
        """The table of the statements that run now, on every server of a cluster."""
        if self.cluster is None:
            return "system.processes"
        return f"clusterAllReplicas({quoted(self.cluster)}, system.processes)"

    @property
    def client(self) -> "Client":
        """This thread's handle."""
        client: Client | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.connect()
            with self._lock:
                self._opened.add(client)
        return client

    def run(self, statement: str, parameters: Mapping[str, Any] | None = None) -> None:
        """Run a statement that answers nothing.

        Raises:
            HistoryError: the engine refused it.
        """
        with explained("the history refused a statement"):
            self._in_database().command(statement, parameters=dict(parameters or {}))

    def rows(self, query: str, parameters: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query, each by its columns' names.

        Raises:
            HistoryError: the engine refused it.
        """
        with explained("the history could not answer a query"):
            result = self._in_database().query(query, parameters=dict(parameters or {}))
            return list(result.named_results())

    def ask(self, query: str, parameters: Mapping[str, Any] | None = None) -> Future[list[dict[str, Any]]]:
        """Begin a query beside others; the future gives what `rows` returns, or raises what it raises."""
        return self._asking.submit(self.rows, query, parameters)

    def arrow(
        self,
        query: str,
        parameters: Mapping[str, Any] | None = None,
        settings: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the answer to a query as a `pyarrow.Table`.

        Raises:
            HistoryError: the engine refused it.
        """
        with explained("the history could not answer a query"):
            return self._in_database().query_arrow(
                query, parameters=dict(parameters or {}), settings=dict(settings or {}), use_strings=True
            )

    def insert(self, table: str, rows: Any) -> None:
        """Insert a `pyarrow.Table` by its columns' names; on return it is on disk.

        Raises:
            HistoryError: the engine refused it, or the disk is full. Some of the rows may have been written.
        """
        with explained(f"the history could not take {rows.num_rows} rows into {table}"):
            if self._folder is None:
                # A body that is made while it is sent is never sent twice; the client repeats any other one
                # whose connection broke, although the server may have written it.
                body = (piece for piece in [_ipc(rows, "lz4")])
                self._in_database().raw_insert(
                    f"{DATABASE}.{table}", rows.column_names, body, fmt="ArrowStream"
                )
                return
            columns = ", ".join(f"`{name}`" for name in rows.column_names)
            # clickhouse-connect's own inserts pass through a plain-text temporary file; this one does not.
            with self._writer().send_insert(
                f"INSERT INTO {DATABASE}.{table} ({columns})", "ArrowStream"
            ) as stream:
                stream.append(_ipc(rows))
                stream.finish()

    def close(self) -> None:
        """Let go of the engine; closing twice is harmless. No other thread may be using it any more."""
        self._asking.shutdown()
        with self._lock:
            while self._opened:
                self._opened.pop().close()
        self._local = threading.local()

    def _in_database(self) -> "Client":
        client = self.client
        if client.database != DATABASE:
            client.database = DATABASE
        return client

    def _writer(self) -> Any:
        writer = getattr(self._local, "writer", None)
        if writer is None:
            import chdb

            writer = self._local.writer = chdb.connect(str(self._folder))  # type: ignore[no-untyped-call]
            for name, value in _SETTINGS.items():
                writer.query(f"SET {name} = {value}")
            with self._lock:
                self._opened.add(writer)
        return writer


def open_history(at: Path | str, cluster: str | None = None) -> History:
    """Open the history, create it where there is none, and bring its schema up to date.

    Raises:
        HistoryInUse: another process, or another history of this process, has the engine.
        HistoryError: it cannot be opened, or its schema is not one this version made.
    """
    history = History(at, cluster)
    try:
        migrate(history)
    except BaseException:
        history.close()
        raise
    return history


def _check_folder(folder: Path) -> None:
    """Say plainly what the engine would say on standard error in its own words."""
    if not os.access(folder, os.W_OK | os.X_OK):
        raise HistoryError(
            f"cannot open the history {folder}: the folder cannot be written; change its permissions"
        )
    status = folder / "status"
    if not status.exists():
        return
    with status.open() as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = lock.readline().removeprefix("PID:").strip()
            if owner != str(os.getpid()):
                raise HistoryInUse(
                    f"cannot open the history {folder}: process {owner} has it open; stop that one, or ask it"
                ) from None


def without_password(at: Path | str) -> Path | str:
    """Return an address fit to be shown.

    >>> without_password("http://sink:secret@ch:8123/?compress=0")
    'http://sink:***@ch:8123/?compress=0'
    """
    return at if isinstance(at, Path) else re.sub(r"(?<=://)([^:@/]*):[^@]*@", r"\1:***@", at)


def _ipc(rows: Any, compression: str | None = None) -> bytes:
    import pyarrow

    buffer = pyarrow.BufferOutputStream()
    options = pyarrow.ipc.IpcWriteOptions(compression=compression)
    with pyarrow.ipc.new_stream(buffer, rows.schema, options=options) as writer:
        writer.write_table(rows)
    return bytes(buffer.getvalue().to_pybytes())


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the engine raises, three families of errors and bare RuntimeErrors, into an error of ours."""
    try:
        yield
    except HistoryError:
        raise
    except ImportError as error:
        raise HistoryError(f"{what}: the engine is not installed ({error}); install chdb") from error
    except Exception as error:
        reason = str(error).partition("\n")[0]
        if "initializing EmbeddedServer" in reason:
            raise HistoryInUse(
                f"{what}: another process has just opened it, or the disk is full or its files are damaged; "
                "stop the other process, make room, or rebuild it from the log"
            ) from error
        if "already initialized with path" in reason:
            raise HistoryInUse(
                f"{what}: this process has another history open; close that one first"
            ) from error
        raise HistoryError(f"{what}: {reason}") from error
