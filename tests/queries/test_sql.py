"""Anybody's SQL: it reads, within bounds, and nothing else; the views for dashboards name nobody."""

import pytest

from domain.vocabulary import Action, Category, Topic
from projections.client import History
from projections.errors import QueryRefused, QueryTooLarge
from projections.sql import sql
from tests.history_fixture import SITE
from tests.queries.story import a_visit, event, fill, signal


def test_sql_reads(history: History) -> None:
    """A query's rows come by name; times are ISO 8601, numbers numbers, and an empty answer is empty."""
    fill(history, *a_visit("it's; -- a", 0, 0, 30))
    query = "SELECT person, position, occurred_at, late FROM events WHERE person = 'it''s; -- a'"
    assert sql(history, f"{query} ORDER BY offset LIMIT 1;") == [
        {"person": "it's; -- a", "position": 0, "occurred_at": "2023-11-14T07:00:00.000000Z", "late": False}
    ]
    assert sql(history, "SELECT 1 AS x WHERE 0") == []
    assert {"name": "events"} in sql(history, "SHOW TABLES")
    assert sql(history, "SELECT 1 AS format ORDER BY format DESC") == [{"format": 1}]
    assert sql(history, "SELECT unhex('ff41') AS x") == [{"x": "\ufffdA"}]
    assert {"explain": "QUERY id: 0"} in sql(history, "EXPLAIN QUERY TREE SELECT 1")


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("SELECT nothing_here FROM events", "nothing_here"),
        ("SELECT * FROM\n nowhere", "nowhere"),
        ("SELECT nothing_here(1)", "UNKNOWN_FUNCTION"),
        ("SELECT 1 + 'a'", "ILLEGAL_TYPE"),
        ("SELECT topic, count() FROM events", "NOT_AN_AGGREGATE"),
        ("SELECT toDate('x')", "CANNOT_PARSE"),
        ("SELECT 'TIMEOUT_EXCEEDED' + 1", "ILLEGAL_TYPE"),
        ("SELECT 1 SETTINGS nothing = 1", "UNKNOWN_SETTING"),
        ("SELECT now(", r"character 12 \(end of query\)\. .*'\(' at character 11 is never closed$"),
        (" SELECT 'é',\n now(", r"character 19 \(end of query\)\. .*'\(' at character 18 is never closed$"),
        ("SELECT 1 +", r"character 11 \(end of query\)$"),
        ("SELECT count(\n FROM events", r"character 21 \(events\)"),
        ("EXISTS", "whole"),
    ],
)  # fmt: skip
def test_sql_tells_a_mistake_where_it_is(history: History, query: str, told: str) -> None:
    """What is written wrongly is refused, in words about the very text that was given."""
    with pytest.raises(QueryRefused, match=told) as refused:
        sql(history, query)
    assert "FORMAT" not in str(refused.value)
    assert "JSONEachRow" not in str(refused.value)


@pytest.mark.parametrize(
    "query",
    [
        "SELECT number FROM numbers(1000000)",
        "SELECT arrayJoin(range(100001))",
        "SELECT groupArray(number) FROM numbers(1000000000)",
        "SELECT max(cityHash64(number, number)) FROM numbers(100000000000)",
    ],
)
def test_sql_has_bounds(history: History, query: str) -> None:
    """Too many rows, too much memory and too long a time are no mistakes: the query is to ask for less."""
    with pytest.raises(QueryTooLarge, match="ask for less"):
        sql(history, query, seconds=1)
    assert sql(history, "SELECT count() AS n FROM events") == [{"n": 0}]


@pytest.mark.parametrize(
    "query",
    [
        "",
        "SELECT 1; SELECT 2",
        "DROP TABLE events",
        "INSERT INTO events (offset) VALUES (1)",
        "SET readonly = 0",
        "SYSTEM SHUTDOWN",
        "KILL QUERY WHERE 1",
        "SELECT 1 SETTINGS readonly = 0",
        "SELECT * FROM file('/etc/passwd', 'LineAsString')",
        "SELECT file('/etc/passwd')",
        "SELECT `file`('/etc/passwd')",
        "SELECT \"fi\\x6ce\"('/etc/passwd')",
        "SELECT '/etc/passwd' AS x, COLUMNS('x') APPLY file",
        "SELECT * FROM url('http://127.0.0.1:1/', 'CSV')",
        "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'CSV')",
        "SELECT * FROM remote('127.0.0.1:1', system.one)",
        "SELECT * FROM executable('x', 'CSV', 'a Int8')",
        "SELECT 1 INTO OUTFILE '/tmp/never'",
        "SELECT 1 FORMAT JSON;",
        "EXPLAIN AST SELECT 1",
        "explain\n ast graph = 1 DROP TABLE events",
        "SELECT 1 /* */ ; DROP TABLE events",
        "SELECT 1 -- x",
        "SELECT $$ $$",
        "SELECT sleep(3)",
        "CREATE TABLE x (a Int8) ENGINE = Memory",
    ],
)
def test_sql_refuses(history: History, query: str) -> None:
    """Nothing writes, reaches outside of the tables, or hides a second statement."""
    with pytest.raises(QueryRefused):
        sql(history, query, seconds=1)
    assert sql(history, "SELECT count() AS n FROM events") == [{"n": 0}]


def test_views_for_dashboards(history: History) -> None:
    """Occupancy by the minute rolls up by the site as loaded; devices are summed; nobody is named."""
    load = {"kind": "site", "document": SITE.model_dump(mode="json")}
    control = {"device": "control", "point": None, "category": Category.CONTROL, "action": Action.LOADED}
    fill(
        history,
        signal(0, 0, data=load, **control),
        signal(1, 1, seq=5),
        *a_visit("a", 1, 1, 30),
        event(3, Topic.DEVICE_GAP, 3, device="reader", value=4),
        event(4, Topic.DEVICE_SILENT, 4, device="reader"),
        event(5, Topic.ALERT_RAISED, 5, rule="after_hours", alert="lab:x:5:a", person="a", zone="office"),
        event(6, Topic.ALERT_CLEARED, 6, rule="after_hours", alert="lab:x:5:a"),
    )
    query = "SELECT zone, minute, persons FROM pub.occupancy_per_minute WHERE zone IN ('house', 'lobby')"
    minutes = sql(history, f"{query} ORDER BY zone, minute")
    assert [(row["zone"], row["minute"][11:16], row["persons"]) for row in minutes] == [
        ("house", "07:01", 1),
        ("house", "07:30", 0),
        ("lobby", "07:01", 1),
        ("lobby", "07:06", 0),
    ]
    [device] = sql(history, "SELECT * FROM pub.device_health")
    assert (device["signals"], device["last_seq"], device["signals_lost"], device["silent"]) == (1, 5, 4, 1)
    [alert] = sql(history, "SELECT rule, zone, joined, cleared_at FROM pub.alerts")
    assert alert == {
        "rule": "after_hours",
        "zone": "office",
        "joined": 0,
        "cleared_at": "2023-11-14T07:06:00.000000Z",
    }
    assert [row["what"] for row in sql(history, "SELECT what FROM audit")] == ["control.loaded"]
    columns = sql(history, "SELECT name FROM system.columns WHERE database = 'pub'")
    assert columns
    assert not {row["name"] for row in columns} & {
        "person",
        "credential",
        "visit",
        "alert",
        "id",
        "detail",
        "data",
    }
    views = sql(history, "SELECT name FROM system.tables WHERE database = 'pub'")
    assert all(isinstance(sql(history, f"SELECT * FROM pub.{view['name']}"), list) for view in views)
