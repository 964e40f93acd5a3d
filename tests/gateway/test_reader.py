"""What a dashboard's user may ask, and what no trick gets out of the gateway."""

import json
import time
from pathlib import Path

import pytest
from clickhouse_connect import get_client

from projections.gateway.server import READER
from tests.gateway.serving import READERS, Reply, Served


def asked(gateway: Served, query: str, **parameters: object) -> Reply:
    """Ask as a dashboard does."""
    return gateway.ask(query, user=READER, **parameters)  # type: ignore[arg-type]


ALLOWED = [
    "SELECT count() FROM pub.occupancy_per_minute",
    "SELECT * FROM alerts FORMAT JSON",
    "WITH x AS (SELECT zone FROM zones) SELECT count() FROM x -- all of them",
    "(SELECT 1) UNION ALL (SELECT 2)",
    "SELECT toStartOfInterval(occurred_at, INTERVAL 60 second) AS t, count() FROM doors GROUP BY t",
    "SELECT name, type FROM system.columns WHERE database = 'pub'",
    "SELECT name FROM system.functions",
    "SELECT 'file(/etc/passwd) INTO OUTFILE system.processes'",
    "SHOW TABLES",
    "SHOW DATABASES FORMAT TSV",
    "SHOW TABLES FROM pub LIKE 'o%'",
    "DESC TABLE pub.alerts",
    "DESCRIBE pub.alerts",
    "SELECT number FROM numbers(3);",
]


@pytest.mark.parametrize("query", ALLOWED)
def test_a_reader_may(gateway: Served, query: str) -> None:
    """What a dashboard and its editor ask is answered."""
    reply = asked(gateway, query)
    assert reply.status == 200, reply.text


REFUSED = [
    "SELECT * FROM limen.events",
    "SELECT * FROM limen.signals",
    "SELECT person FROM limen.holdings",
    "SELECT * FROM merge('limen', '.*')",
    "SELECT * FROM merge(REGEXP('limen'), 'events')",
    "SELECT * FROM view(SELECT * FROM limen.events)",
    "SELECT * FROM (SELECT * FROM (SELECT * FROM limen.events))",
    "WITH x AS (SELECT * FROM limen.events) SELECT count() FROM x",
    "SELECT 1 WHERE 1 IN (SELECT offset FROM limen.events)",
    "SELECT 1 WHERE 1 IN limen.events",
    "SELECT (SELECT count() FROM limen.events)",
    "SELECT * FROM pub.alerts UNION ALL SELECT * FROM limen.events",
    "SELECT * FROM loop('limen', 'events')",
    "SELECT * FROM mergeTreeIndex('limen', 'events')",
    "SELECT * FROM eval('SELECT * FROM limen.events')",
    "EXPLAIN SELECT * FROM limen.events",
    "DESCRIBE TABLE limen.events",
    "DESCRIBE (SELECT * FROM limen.events)",
    "SHOW CREATE TABLE limen.events",
    "SELECT file('/etc/hostname')",
    "SELECT FILE('/etc/hostname')",
    "SELECT `file`('/etc/hostname')",
    "SELECT/**/file/**/('/etc/hostname')",
    "SELECT arrayMap(x -> file(x), ['/etc/hostname'])",
    "SELECT 1 WHERE file('/etc/hostname') != ''",
    "SELECT * FROM numbers(1) LIMIT (SELECT length(file('/etc/hostname')))",
    "SELECT * FROM file('/etc/passwd', 'LineAsString')",
    "SELECT * FROM `/etc/passwd`",
    "SELECT * FROM '/etc/passwd'",
    "SELECT * FROM filesystem('/etc')",
    "SELECT * FROM url('http://127.0.0.1:1/', 'TSV', 'a String')",
    "SELECT * FROM s3('http://127.0.0.1:1/a', 'TSV', 'a String')",
    "SELECT * FROM remote('127.0.0.1', limen.events)",
    "SELECT * FROM remoteSecure('127.0.0.1', limen.events)",
    "SELECT * FROM cluster('default', limen.events)",
    "SELECT * FROM clusterAllReplicas('default', system.processes)",
    "SELECT * FROM executable('ls', 'TSV', 'a String')",
    "SELECT * FROM sqlite('/etc/passwd', 'x')",
    "SELECT * FROM python(os)",
    "SELECT * FROM Python(os)",
    "SELECT * FROM dictionary('limen.d')",
    "SELECT dictGet('limen.d', 'a', 1)",
    "SELECT joinGet('limen.t', 'a', 1)",
    "SELECT * FROM fuzzQuery('SELECT 1')",
    "SELECT sleep(3)",
    "SELECT getServerSetting('max_threads')",
    "SELECT aiClassify('x', ['a'])",
    "SELECT * FROM system.processes",
    "SELECT * FROM `system`.`processes`",
    "SELECT * FROM SYSTEM.processes",
    "SELECT 1 WHERE 'x' IN system.processes",
    "SELECT * FROM system.query_log",
    "SELECT * FROM system.parts",
    "SELECT * FROM system.users",
    "INSERT INTO limen.committed VALUES ('signals', 0, 1)",
    "INSERT INTO limen.committed SELECT 'signals', 0, 1",
    "INSERT INTO limen.committed FORMAT TSV\nsignals\t0\t1\n",
    "INSERT INTO FUNCTION file('/tmp/limen-out') SELECT 1",
    "CREATE TABLE pub.x (a UInt8) ENGINE = Memory",
    "CREATE TEMPORARY TABLE x (a UInt8)",
    "CREATE VIEW pub.x AS SELECT * FROM limen.events",
    "CREATE FUNCTION f AS (x) -> x",
    "CREATE USER me",
    "GRANT writer TO default",
    "ALTER TABLE limen.events DELETE WHERE 1",
    "DROP TABLE limen.events",
    "DROP DATABASE pub",
    "TRUNCATE TABLE limen.events",
    "RENAME TABLE limen.events TO pub.events",
    "OPTIMIZE TABLE limen.events",
    "SYSTEM SHUTDOWN",
    "KILL QUERY WHERE 1",
    "BACKUP TABLE limen.events TO File('/tmp/limen-backup')",
    "SET max_execution_time = 1000",
    "SET ROLE writer",
    "SET ROLE ALL",
    "SET ROLE writer; SELECT * FROM limen.events",
    "SELECT 1; SELECT * FROM limen.events",
    "SELECT 1;SET ROLE writer",
    "USE limen",
    "EXECUTE AS default SELECT 1",
    "SELECT 1 SETTINGS max_execution_time = 1000",
    "SELECT 1 SETTINGS readonly = 0",
    "SELECT * FROM (SELECT 1 SETTINGS max_memory_usage = 0)",
    "SELECT 1 SETTINGS readonly = 0 FORMAT TSV",
    "SELECT 1 FORMAT TSV SETTINGS readonly = 0",
    "EXPLAIN AST SELECT 1 INTO OUTFILE '/tmp/limen-out'",
    "exit",
    "",
    "-- nothing",
    "SELECT 1 FORMAT",
    "SELECT '",
    "\\q",
    "'; SET ROLE writer; --",
]


def test_texts_come_back_as_they_were_written(gateway: Served) -> None:
    """The parser's wording of a query means the same: quotes, backslashes, lines, parameters of any type."""
    query = (
        r"SELECT 'a\\b\n', 'it''s', '门', CAST(1, 'UInt8'), 'two"
        "\nlines', '\ttab', -- and\n {n:UInt8}, {t:DateTime64(3, 'UTC')}, {a:Array(String)}\n"
        "\tFORMAT JSONCompact\n"
    )
    reply = asked(gateway, query, param_n=7, param_t="2024-02-29 12:00:00.5", param_a="['x','y']")
    expected = ["a\\b\n", "it's", "门", 1, "two\nlines", "\ttab", 7, "2024-02-29 12:00:00.500", ["x", "y"]]
    assert json.loads(reply.text)["data"] == [expected]


def test_clickhouse_connect_works_for_a_reader(gateway: Served) -> None:
    """What it asks at the start is answered, and what cannot be set is not sent."""
    with get_client(dsn=gateway.dsn(READER, READERS), autogenerate_session_id=False) as client:
        assert client.query("SELECT {n:UInt8} AS n", parameters={"n": 3}).result_rows == [(3,)]
        assert client.query("SELECT site FROM doors WHERE 0").column_names == ("site",)
        assert "alerts" in client.query("SHOW TABLES").result_columns[0]


@pytest.mark.parametrize("query", REFUSED)
def test_a_reader_may_not(gateway: Served, query: str) -> None:
    """Whatever is written, no way leads to other tables, files, addresses or rights."""
    reply = asked(gateway, query)
    assert reply.status >= 400, reply.text
    assert reply.text.startswith("Code: ")
    assert f"Code: {reply.headers['X-ClickHouse-Exception-Code']}." in reply.text


@pytest.mark.parametrize(
    "query",
    [
        "SELECT 1 INTO OUTFILE '{}'",
        "SELECT 1 INTO/**/OUTFILE '{}' TRUNCATE FORMAT CSV",
        "SELECT 1 into outfile '{}' FORMAT TSV",
        "SHOW TABLES INTO OUTFILE '{}'",
        "DESCRIBE TABLE pub.alerts INTO OUTFILE '{}'",
        "EXPLAIN AST SELECT 1 INTO OUTFILE '{}'",
        "(SELECT 1) INTO OUTFILE '{}'",
        "SELECT 1) INTO OUTFILE '{}' --",
    ],
)
@pytest.mark.parametrize("user", [READER, "limen"])
def test_nobody_writes_files(gateway: Served, tmp_path: Path, query: str, user: str) -> None:
    """An answer goes to the client and nowhere else."""
    path = tmp_path / "out"
    assert gateway.ask(query.format(path), user=user).status >= 400
    assert not path.exists()


def test_names_cannot_be_given_as_parameters(gateway: Served) -> None:
    """A parameter stands for a value; as a table's name it would not have been looked at."""
    query = "SELECT * FROM {d:Identifier}.processes"
    assert asked(gateway, query, param_d="system").status == 403
    assert asked(gateway, "SELECT {d:String}", param_d="system.processes").text == "system.processes\n"


@pytest.mark.parametrize("name", ["system", "limen", "information_schema"])
def test_a_reader_is_in_pub(gateway: Served, name: str) -> None:
    """Another database cannot be entered, so no bare name is a table of it."""
    assert asked(gateway, "SELECT 1", database=name).status >= 400


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("readonly", "0"),
        ("allow_ddl", "1"),
        ("max_threads", "64"),
        ("dialect", "prql"),
        ("role", "writer"),
        ("allow_introspection_functions", "1"),
        ("additional_table_filters", "{}"),
        ("x = 1, readonly", "0"),
    ],
)
def test_no_parameter_lifts_a_bound(gateway: Served, setting: str, value: str) -> None:
    """A parameter of the request is refused, or changes nothing."""
    reply = asked(gateway, "SELECT currentRoles(), getSetting('readonly')", **{setting: value})
    assert reply.status >= 400 or reply.text == "['reader']\t1\n"


def test_time_may_only_be_lowered(gateway: Served) -> None:
    """A query has at most the gateway's seconds, and less if the client says so; it is really ended."""
    seconds = "SELECT getSetting('max_execution_time')"
    assert [asked(gateway, seconds, max_execution_time=n).text for n in (5, 0, 100_000)] == [
        "5\n",
        "30\n",
        "30\n",
    ]
    begin = time.monotonic()
    reply = asked(
        gateway,
        "SELECT count() FROM numbers(100000000000) WHERE NOT ignore(sipHash64(number))",
        max_execution_time=1,
    )
    assert (reply.status, reply.headers["X-ClickHouse-Exception-Code"]) == (408, "159")
    assert time.monotonic() - begin < 10


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("SELECT number FROM numbers(1000001) FORMAT JSON", "396"),
        ("SELECT repeat('x', 200) FROM numbers(520000) FORMAT JSON", "396"),
        ("SELECT uniqExact(sipHash128(number)) FROM numbers(200000000)", "241"),
    ],
)
def test_an_answer_is_bounded(gateway: Served, query: str, code: str) -> None:
    """Rows, bytes and memory of a reader's query have an end, and the answer says which."""
    reply = asked(gateway, query, **({"max_memory_usage": 50_000_000} if code == "241" else {}))
    assert reply.headers["X-ClickHouse-Exception-Code"] == code


def test_an_answer_in_pieces_is_bounded_too(gateway: Served) -> None:
    """What has begun to be sent ends with the error, where clients look for it."""
    reply = asked(gateway, "SELECT number FROM numbers(1000001)")
    end = reply.text[-1_000:]
    assert "Code: 396" in end


def test_a_reader_sees_pub_filled_from_tables_it_may_not_read(gateway: Served) -> None:
    """The views read with their maker's rights."""
    document = {"kind": "site", "document": {"zones": [{"id": "hall", "label": {"en": "Hall"}}]}}
    row = {"offset": 900, "site": "s-reader", "category": "control", "action": "loaded"}
    body = json.dumps({**row, "data": json.dumps(document)})
    assert gateway.ask(f"INSERT INTO limen.signals FORMAT JSONEachRow {body}").status == 200
    assert asked(gateway, "SELECT label FROM zones WHERE site = 's-reader'").text == "Hall\n"
