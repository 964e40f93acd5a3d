"""`limen sql` only reads, and shows values as they are, however narrow the terminal."""

from datetime import datetime
from pathlib import Path

from tests.command_line.calling import answer, limen, on_terminal


def test_sql_reads_only(home: Path) -> None:
    """A question is answered in rows; an order and a mistake are wrong use; one too large is a failure."""
    assert (
        answer("sql", "SELECT count() AS n FROM events WHERE topic = 'visit.started'", home=home)[0]["n"] > 0
    )
    limen("sql", "DROP TABLE events", home=home, exit_code=2)
    assert "nowhere" in limen("sql", "SELECT * FROM nowhere", home=home, exit_code=2).stderr
    assert "character 12" in limen("sql", "SELECT now(", home=home, exit_code=2).stderr
    assert "ask for less" in limen("sql", "SELECT * FROM numbers(100001)", home=home, exit_code=3).stderr


def test_sql_shows_values_as_they_are(home: Path) -> None:
    """Years and ids have no separators; times keep their offset and what they have of a second."""
    query = (
        "SELECT 2016 AS year, toInt64(12345678) AS id, toDateTime64('2016-05-31 08:00:00{}', 6, 'UTC') AS at"
    )
    for part in ("", ".25"):
        shown = limen("sql", query.format(part), home=home).stdout.splitlines()
        wanted = f"2016  12345678  2016-05-31 08:00:00{part}"
        assert len(shown) == 2
        assert shown[1].startswith(wanted)
        assert shown[1].endswith("Z")
    told, _, moment = limen("sql", "SELECT min(occurred_at) AS at FROM visits", home=home).stdout.partition(
        "\n"
    )
    assert told == "at"
    first = min(visit["started_at"] for visit in answer("visits", home=home))
    assert datetime.fromisoformat(moment.strip()) == datetime.fromisoformat(first)


def test_sql_shows_rows_one_by_one_where_there_is_no_room(home: Path) -> None:
    """Too many columns for a terminal are a line each, with all of the value; few are a table."""
    query = "SELECT * FROM events WHERE topic = 'visit.started' ORDER BY offset LIMIT 2"
    rows = answer("sql", query, home=home)
    shown = on_terminal("sql", query, home=home, columns=80)
    blocks = [dict(line.split(maxsplit=1) for line in block.splitlines() if len(line.split()) > 1)
              for block in shown.split("\n\n")]  # fmt: skip
    assert len(blocks) == len(rows) == 2
    for row, block in zip(rows, blocks, strict=True):
        for name in ("id", "topic", "visit", "person", "zone"):
            assert block[name].strip() == row[name]
    few = on_terminal("sql", query.replace("*", "id, topic"), home=home, columns=80)
    assert [line.split() for line in few.splitlines()] == [
        ["id", "topic"], *([row["id"], row["topic"]] for row in rows),
    ]  # fmt: skip
