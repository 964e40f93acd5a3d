"""The history through a gateway: the same as embedded, whole after a kill, and drained when asked to end."""

import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import pytest

from infra.initialising import initialise
from projections.client import History, open_history
from projections.gateway.limits import Limits
from projections.gateway.server import READER
from projections.sink import Sink
from projections.verify import verify
from tests.gateway.recording import recording
from tests.gateway.serving import READERS, ROOT, serving
from tests.history.logs import a_log
from tests.history_fixture import ListLog, history

__all__ = ["history"]

ACKNOWLEDGED = 30


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a new home."""
    initialise(tmp_path / "home", "gastech")
    return tmp_path / "home"


def filled(history: History, log: ListLog) -> History:
    """Fill a history from a log, in batches, and return it."""
    Sink(history, log, 0, batch_rows=100).catch_up()
    return history


@pytest.mark.slow
def test_a_history_through_a_gateway_is_the_embedded_one(home: Path, history: History) -> None:
    """Schema, sink and every table: nothing differs from the engine in this process."""
    log = a_log(500)
    filled(history, log)
    with serving(home) as gateway, open_history(gateway.dsn()) as served:
        filled(served, log)
        heads = {"signals_head": len(log.signals), "events_head": len(log.events)}
        assert verify(served, log, 0, **heads)["ok"]
        for table in ("signals", "events", "moves", "visits", "alerts", "passages", "holdings", "committed"):
            query = f"SELECT * FROM {table} ORDER BY ALL"
            assert served.rows(query) == history.rows(query), table
        seen = "SELECT * FROM {}alerts ORDER BY ALL FORMAT JSONEachRow"
        embedded = history.client.raw_query(seen.format("pub."))
        assert gateway.ask(seen.format(""), user=READER).body == embedded
        assert served.rows("SELECT {a:String} AS a", {"a": "b"}) == [{"a": "b"}]
        Sink(served, log, 0).catch_up()  # goes on where it stands: nothing to do
        assert len(served.rows("SELECT offset FROM signals")) == len(log.signals)


@pytest.mark.slow
def test_no_insert_of_a_sink_is_left_to_the_server_to_make_later(home: Path) -> None:
    """Each INSERT of a sink says async_insert=0: what is answered is on disk, however the server is set."""
    log = a_log(60)
    with serving(home) as gateway, recording(gateway.port) as (port, asked):
        address = gateway.dsn().replace(f":{gateway.port}", f":{port}")
        with open_history(address) as served:
            filled(served, log)
    inserts = [
        (table[1], one.parameters)
        for one in asked
        if (table := re.match(r"\s*INSERT INTO (?:`?limen`?\.)?`?(\w+)", one.statement))
    ]
    assert {"signals_in", "events_in", "visits", "committed"} <= {table for table, _ in inserts}
    assert {parameters.get("async_insert") for _, parameters in inserts} == {"0"}
    assert {parameters.get("insert_deduplicate") for _, parameters in inserts} == {"0"}


@pytest.mark.slow
def test_what_was_acknowledged_survives_a_kill(home: Path) -> None:
    """SIGKILL between and within inserts: every batch that was answered is there, whole, once."""
    answered: list[int] = []
    with serving(home) as gateway:
        gateway.ask("CREATE TABLE limen.kept (batch UInt32, n UInt32) ENGINE = MergeTree ORDER BY batch")
        enough = threading.Event()

        def insert() -> None:
            for batch in range(100_000):
                rows = "".join(f"{batch}\t{n}\n" for n in range(500))
                try:
                    reply = gateway.ask(f"INSERT INTO limen.kept FORMAT TSV\n{rows}")
                except OSError:
                    return
                assert reply.status == 200
                answered.append(batch)
                if len(answered) == ACKNOWLEDGED:
                    enough.set()

        inserting = threading.Thread(target=insert)
        inserting.start()
        assert enough.wait(60)
        gateway.process.kill()
        inserting.join()
    with serving(home) as gateway:
        query = "SELECT batch FROM limen.kept GROUP BY batch HAVING count() = 500 ORDER BY batch"
        there = [int(batch) for batch in gateway.ask(query).text.split()]
        assert set(answered) <= set(there)
        assert len(there) <= len(answered) + 1


@pytest.mark.slow
def test_sigterm_lets_what_runs_end(home: Path) -> None:
    """A query that runs is answered, then the process ends well; the home is free again."""
    with serving(home) as gateway:
        taken = subprocess.run(
            [sys.executable, "-m", "infra.cli", "gateway", "--home", str(home), "--port", "0"],
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"LIMEN_GATEWAY_READER_PASSWORD": "x", "PATH": ""},
        )
        assert taken.returncode == 3
        assert f"in use by process {gateway.process.pid}" in taken.stderr
        replies: list[bytes] = []
        query = "SELECT sum(sleepEachRow(0.1)) FROM numbers(20) SETTINGS max_block_size = 1"
        asking = threading.Thread(target=lambda: replies.append(gateway.ask(query).body))
        asking.start()
        while (
            gateway.ask("SELECT count() FROM system.processes WHERE query ILIKE '%sleepEachRow%'").text < "2"
        ):
            pass
        gateway.process.send_signal(signal.SIGTERM)
        asking.join()
        assert replies == [b"0\n"]
        assert gateway.process.wait(30) == 0


@pytest.mark.slow
def test_clients_that_do_not_read_are_cut_off(home: Path) -> None:
    """They hold every place of a reader for a while, and no longer; then others are answered."""
    query = "SELECT number, toString(number) FROM numbers(900000)"
    head = f"POST /?user=dashboard&password={READERS.replace(' ', '+')} HTTP/1.1\r\nHost: x\r\n"
    request = f"{head}Content-Length: {len(query)}\r\n\r\n{query}".encode()
    with serving(home) as gateway, ExitStack() as sockets:
        places = Limits().running
        for _ in range(places):
            stuck = sockets.enter_context(socket.create_connection(("127.0.0.1", gateway.port)))
            stuck.sendall(request)
        asked = time.monotonic()
        statuses = []
        while (reply := gateway.ask("SELECT 1", user="dashboard")).status != 200:
            statuses.append(reply.status)
            assert time.monotonic() < asked + 60
        assert set(statuses) == {503}, "nobody was kept waiting: the test shows nothing"
        assert reply.body == b"1\n"


def test_a_gateway_without_users_does_not_start(home: Path) -> None:
    """Nobody is let in without a password."""
    done = subprocess.run(
        [sys.executable, "-m", "infra.cli", "gateway", "--home", str(home)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        env={"PATH": ""},
    )
    assert (done.returncode, "LIMEN_GATEWAY_WRITER_PASSWORD" in done.stderr) == (2, True)
