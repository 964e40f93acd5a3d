"""The protocol as clients speak it: requests, answers, encodings, errors, cancelling, load."""

import gzip
import http.client
import json
import socket
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import lz4.frame  # type: ignore[import-untyped]
import pyarrow
import pytest
from clickhouse_connect import get_client
from clickhouse_connect.driver.client import Client
from clickhouse_connect.driver.exceptions import ClickHouseError, DatabaseError

from projections.gateway.encodings import decoder, encoder
from tests.gateway.serving import WRITERS, Served

LONG = "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))"


@pytest.fixture
def client(gateway: Served) -> Iterator[Client]:
    """A clickhouse-connect client of the writer."""
    with get_client(dsn=gateway.dsn(), autogenerate_session_id=False) as opened:
        yield opened


@pytest.mark.parametrize("path", ["/ping", "/replicas_status"])
def test_it_says_that_it_lives(gateway: Served, path: str) -> None:
    """The health paths answer anybody."""
    reply = gateway.ask(path=path, method="GET", user="nobody")
    assert (reply.status, reply.body) == (200, b"Ok.\n")


def test_a_statement_comes_as_parameter_or_body_or_both(gateway: Served) -> None:
    """GET and POST, `?query=` before the body, and the headers of the answer."""
    for reply in (
        gateway.ask(method="GET", query="SELECT 1 AS a, {p:String}", param_p="x", query_id="q-1"),
        gateway.ask("SELECT 1 AS a, {p:String}", param_p="x", query_id="q-1", session_id="s"),
        gateway.ask(", {p:String}", query="SELECT 1 AS a", param_p="x", query_id="q-1"),
    ):
        assert (reply.status, reply.body) == (200, b"1\tx\n")
        assert reply.headers["X-ClickHouse-Format"] == "TabSeparated"
        assert reply.headers["X-ClickHouse-Query-Id"] == "q-1"
        assert reply.headers["X-ClickHouse-Server-Display-Name"]
        assert reply.headers["X-ClickHouse-Timezone"]
        assert "read_rows" in json.loads(reply.headers["X-ClickHouse-Summary"])


def test_who_is_not_known_stays_out(gateway: Served) -> None:
    """A wrong password, a user that is none, no password: 401 and 516; Basic works as the headers do."""
    for user, password in (("limen", "no"), ("limen", ""), ("default", ""), ("dashboard", WRITERS)):
        reply = gateway.ask("SELECT 1", user=user, password=password)
        assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (401, "516")
        assert "AUTHENTICATION_FAILED" in reply.text
    basic = {"Authorization": "Basic " + b64encode(f"limen:{WRITERS}".encode()).decode()}
    assert gateway.ask("SELECT 1", user="", headers=basic).body == b"1\n"
    assert gateway.ask("SELECT 1", headers={"Authorization": "Basic ???"}).status == 401


@pytest.mark.parametrize(
    ("query", "status", "code"),
    [
        ("SELECT", 400, 62),
        ("SELECT x", 400, 47),
        ("SELECT * FROM nothing", 404, 60),
        ("SELECT 1 FORMAT Nothing", 400, 73),
        ("SELECT throwIf(1)", 500, 395),
        ("SELECT 1; SELECT 2", 400, 62),
    ],
)
def test_errors_have_their_code(gateway: Served, query: str, status: int, code: int) -> None:
    """An error has a status, the engine's code in a header, and its text."""
    reply = gateway.ask(query)
    assert (
        reply.headers["X-ClickHouse-Exception-Code"],
        reply.text.startswith(f"Code: {code}. DB::Exc"),
    ) == (
        str(code),
        True,
    )
    assert reply.status == status


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "zstd"])
def test_bodies_are_compressed_both_ways(gateway: Served, encoding: str) -> None:
    """A compressed request is read, and an answer is compressed as the client accepts it."""
    made = encoder(encoding)
    assert made is not None
    query = b"SELECT number FROM numbers(200000)"
    body = made[1].compress(query) + made[1].flush()
    reply = gateway.ask(body, headers={"Content-Encoding": encoding, "Accept-Encoding": f"{encoding}, gzip"})
    assert reply.headers["Content-Encoding"] == encoding
    unpacked = decoder(encoding)
    assert unpacked is not None
    assert unpacked.decompress(reply.body) == b"".join(b"%d\n" % number for number in range(200_000))


def test_frames_of_others_are_read(gateway: Served) -> None:
    """What the usual libraries write at once is read, too; an unknown encoding or a torn body is refused."""
    for encoding, body in (("gzip", gzip.compress(b"SELECT 1")), ("lz4", lz4.frame.compress(b"SELECT 1"))):
        assert gateway.ask(body, headers={"Content-Encoding": encoding}).body == b"1\n"
    assert gateway.ask(b"SELECT 1", headers={"Content-Encoding": "br"}).status == 400
    assert gateway.ask(b"SELECT 1", headers={"Content-Encoding": "gzip"}).status == 400
    assert gateway.ask(b"SELECT 1", compress=1).status == 400


@pytest.mark.parametrize("encoding", ["gzip", "lz4", "zstd"])
def test_rows_that_are_torn_are_not_taken(gateway: Served, encoding: str) -> None:
    """A compressed body without its end, or with more behind it, is refused: no part of it is kept."""
    table = f"limen.torn_{encoding}"
    gateway.ask(f"CREATE TABLE {table} (a UInt32) ENGINE = MergeTree ORDER BY a")
    made = encoder(encoding)
    assert made is not None
    rows = "".join(f"{number}\n" for number in range(1_000)).encode()
    packed = made[1].compress(rows) + made[1].flush()
    insert: dict[str, Any] = {
        "query": f"INSERT INTO {table} FORMAT TSV",
        "headers": {"Content-Encoding": encoding},
    }
    for body in (packed[:-9], packed + packed):
        assert gateway.ask(body, **insert).status == 400
    assert gateway.ask(f"SELECT count() FROM {table}").text == "0\n"
    assert gateway.ask(packed, **insert).status == 200
    assert gateway.ask(f"SELECT count() FROM {table}").text == "1000\n"


def test_rows_are_inserted_however_they_come(gateway: Served) -> None:
    """The statement in the body or beside it, in pieces that end anywhere, in any format."""
    gateway.ask("CREATE TABLE limen.ways (a UInt32, `b (c)` String) ENGINE = MergeTree ORDER BY a")
    insert = "INSERT INTO limen.ways (a, `b (c)`) FORMAT TSV"
    assert gateway.ask(f"{insert}\n1\tx\n").status == 200
    assert gateway.ask("2\tx\n", query=insert).status == 200
    assert gateway.ask('INSERT INTO limen.ways FORMAT JSONEachRow {"a": 3, "b (c)": "x"}').status == 200
    assert gateway.ask("INSERT INTO limen.ways VALUES (4, 'x')").status == 200
    assert gateway.ask("(5, 'x')", query="INSERT INTO limen.ways VALUES").status == 200
    assert gateway.ask("INSERT INTO limen.ways SELECT 6, 'x'").status == 200
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port)
    body = f"{insert}\n7\tx\n8\tx\n".encode()
    headers = {"X-ClickHouse-User": "limen", "X-ClickHouse-Key": WRITERS}
    for size in (1, 3, 1000):
        pieces = (body[at : at + size] for at in range(0, len(body), size))
        connection.request("POST", "/", body=pieces, headers=headers, encode_chunked=True)
        reply = connection.getresponse()
        assert (reply.status, reply.read()) == (200, b"")
        assert json.loads(reply.headers["X-ClickHouse-Summary"])["written_rows"] == "2"
    connection.close()  # one connection has served all three
    found = gateway.ask("SELECT a, count() FROM limen.ways GROUP BY a ORDER BY a").text.split()
    assert " ".join(found) == "1 1 2 1 3 1 4 1 5 1 6 1 7 3 8 3"
    refused = gateway.ask(f"{insert}\nno number\tx\n")
    assert refused.status >= 400
    assert "Code: " in refused.text


def test_an_empty_answer_keeps_its_columns(client: Client) -> None:
    """Names and types are there without rows, for SELECT and SHOW."""
    empty = client.query("SELECT 1 AS a, toLowCardinality('x') AS b, toDateTime64(0, 6, 'UTC') AS c WHERE 0")
    assert empty.column_names == ("a", "b", "c")
    assert [column.name for column in empty.column_types] == [
        "UInt8",
        "LowCardinality(String)",
        "DateTime64(6, 'UTC')",
    ]
    assert client.query("SHOW TABLES FROM system LIKE 'none%'").column_names == ("name",)
    assert client.query_arrow("SELECT 1 AS a WHERE 0").column_names == ["a"]
    assert client.query_df("SELECT 1 AS a WHERE 0").empty


ROW: dict[str, Any] = {
    "id": 2**64 - 1,
    "name": None,
    "code": "门",
    "maybe_code": None,
    "tags": ["a", ""],
    "at": datetime(2024, 2, 29, 12, 30, 15, 123456, UTC),
    "amount": Decimal("12.3456"),
    "uuid": uuid.UUID("01234567-89ab-cdef-0123-456789abcdef"),
    "pair": {"k": -1},
    "day": date(2024, 2, 29),
    "real": 1.5,
}
TABLE = """
CREATE TABLE limen.{} (id UInt64, name Nullable(String), code LowCardinality(String),
maybe_code LowCardinality(Nullable(String)), tags Array(String), at DateTime64(6, 'UTC'),
amount Decimal(18, 4), uuid UUID, pair Map(String, Int32), day Date, real Float64)
ENGINE = MergeTree ORDER BY id
"""


def test_every_type_comes_back_through_clickhouse_connect(client: Client) -> None:
    """Rows inserted by `insert` are read as they were, as rows and as Arrow."""
    client.command(TABLE.format("rows"))
    summary = client.insert("limen.rows", [list(ROW.values())] * 3, column_names=list(ROW))
    assert summary.written_rows == 3
    result = client.query("SELECT * FROM limen.rows WHERE id = {id:UInt64}", parameters={"id": ROW["id"]})
    rows = list(result.named_results())
    assert [row | {"at": row["at"].replace(tzinfo=UTC)} for row in rows] == [ROW] * 3
    table = client.query_arrow("SELECT id, code, at, tags FROM limen.rows", use_strings=True)
    assert table.column("tags").to_pylist() == [ROW["tags"]] * 3
    assert table.column("at").to_pylist() == [ROW["at"]] * 3


def test_arrow_tables_are_inserted(client: Client) -> None:
    """`insert_arrow` takes what the sink gives it, compressed or not."""
    client.command(
        "CREATE TABLE limen.arrows (a UInt64, b LowCardinality(String)) ENGINE = MergeTree ORDER BY a"
    )
    table = pyarrow.table({"a": range(100_000), "b": ["x", "y"] * 50_000})
    client.insert_arrow("limen.arrows", table)
    client.insert_arrow("limen.arrows", table)
    assert client.query("SELECT count(), sum(a), uniqExact(b) FROM limen.arrows").result_rows == [
        (200_000, 9_999_900_000, 2)
    ]


def test_clickhouse_connect_hears_of_errors(client: Client) -> None:
    """Before the answer and within it."""
    with pytest.raises(DatabaseError, match="UNKNOWN_TABLE"):
        client.query("SELECT * FROM nothing")
    with pytest.raises(ClickHouseError, match="throwIf"):
        client.query("SELECT throwIf(number = 3000000) FROM numbers(5000000)")
    assert client.query("SELECT 1").result_rows == [(1,)]


def test_waiting_for_the_end_makes_an_error_a_status(gateway: Served) -> None:
    """With wait_end_of_query=1 nothing is sent before it is known to be right."""
    query = "SELECT throwIf(number = 3000000) FROM numbers(5000000)"
    assert gateway.ask(query, wait_end_of_query=1).status == 500
    within = gateway.ask(query)
    assert within.status == 200
    assert within.headers["X-ClickHouse-Exception-Tag"] in within.text[-500:]


def test_settings_are_a_requests_own(gateway: Served) -> None:
    """A setting holds for its request, a name that is none is refused."""
    query = "SELECT getSetting('max_threads')"
    before = gateway.ask(query).text
    assert gateway.ask(query, max_threads=3).text == "3\n"
    assert gateway.ask(query).text == before
    assert gateway.ask(query, no_such_setting=1).headers["X-ClickHouse-Exception-Code"] == "115"
    odd: dict[str, Any] = {"max_threads = 1, max_memory_usage": 1}
    assert gateway.ask(query, **odd).status == 400


def processes(gateway: Served, text: str) -> int:
    """Return how many statements with this text run."""
    query = "SELECT count() FROM system.processes WHERE startsWith(query, {t:String})"
    return int(gateway.ask(query, param_t=text).text)


def wait_for(count: int, gateway: Served, text: str) -> None:
    """Wait until so many statements with this text run."""
    until = time.monotonic() + 20
    while processes(gateway, text) != count:
        assert time.monotonic() < until
        time.sleep(0.05)


@pytest.mark.parametrize("query", [LONG, "SELECT sipHash64(number) FROM numbers(100000000000)"])
def test_a_client_that_goes_takes_its_query_with_it(gateway: Served, query: str) -> None:
    """Whether it waits for an answer or has stopped reading one, the engine ends it."""
    with socket.create_connection(("127.0.0.1", gateway.port)) as gone:
        text = f"POST /?user=limen&password={WRITERS.replace(' ', '+')} HTTP/1.1\r\nHost: x\r\n"
        gone.sendall(f"{text}Content-Length: {len(query)}\r\n\r\n{query}".encode())
        wait_for(1, gateway, query)
    wait_for(0, gateway, query)


def test_too_many_at_once_are_told_to_come_again(gateway: Served) -> None:
    """Beyond the places for running and waiting, a request is answered 503 at once."""
    statuses: list[tuple[int, str | None]] = []

    def ask() -> None:
        reply = gateway.ask(LONG, user="dashboard", max_execution_time=0.5)
        statuses.append((reply.status, reply.headers.get("Retry-After")))

    threads = [threading.Thread(target=ask) for _ in range(120)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (503, "1") in statuses
    assert {status for status, _ in statuses} == {408, 503}
    assert gateway.ask("SELECT 1").body == b"1\n"
