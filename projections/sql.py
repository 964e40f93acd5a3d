"""Free SQL, read only, over the history's own tables.

Three fences, each enough for most of what must not pass: this module reads the text and refuses whatever
could reach beyond the tables; the handle is read-only, with bounds on time, memory and rows; and the
embedded engine's user has no grant for files, addresses or other servers.
"""

import re
from typing import Any, Final

import msgspec

from projections.client import DATABASE, History, explained
from projections.errors import HistoryError, QueryRefused

SECONDS: Final = 30
MEMORY_BYTES: Final = 2_000_000_000
ROWS: Final = 100_000

_FIRST_WORDS: Final = frozenset({"select", "with", "show", "describe", "desc", "exists", "explain", "("})
SAFE_TABLE_FUNCTIONS: Final = frozenset(
    {
        "numbers",
        "numbers_mt",
        "zeros",
        "zeros_mt",
        "generateseries",
        "generate_series",
        "values",
        "view",
        "null",
        "format",
    }
)
"""Table functions that reach nothing beyond what is written in the query."""
_FORMAT: Final = re.compile(r"\bformat\s+(?!(?:asc|desc|final)$)[a-z]\w*$", re.IGNORECASE)
_FORBIDDEN_WORDS: Final = frozenset({"file", "outfile", "infile", "insert", "sleep", "sleepeachrow"})
# What is not one of these (comments, semicolons, backslashes in names, heredocs, foreign quotes) is refused:
# the engine might read it otherwise than we do.
_TOKEN: Final = re.compile(
    r"""
    (?P<space>\s+)
    | (?P<text>'(?:[^'\\]|\\.|'')*')
    | (?P<name>"[^"\\]*"|`[^`\\]*`|[A-Za-z_][A-Za-z0-9_]*)
    | (?P<number>[0-9][0-9A-Za-z_.]*)
    | (?P<comment>--|/\*|\#)
    | (?P<sign>[-+*/%=<>!(),.\[\]{}:?|@^])
    """,
    re.VERBOSE | re.DOTALL,
)


def sql(history: History, text: str, *, seconds: int = SECONDS) -> list[dict[str, Any]]:
    """Return the rows of one query, by column name; times are ISO 8601 in UTC.

    Bytes that are no text become U+FFFD; `hex` in the query has them all.

    Raises:
        QueryRefused: more than one statement, not a reading one, something outside the history's tables, or
            more than `seconds`, 2 GB or 100,000 rows.
        HistoryError: the engine does not understand it.
    """
    query = text.strip().removesuffix(";").rstrip()
    _check(query, _table_functions(history))
    limits = {
        "max_execution_time": seconds,
        "max_memory_usage": MEMORY_BYTES,
        "max_result_rows": ROWS,
        "result_overflow_mode": "throw",
        "date_time_output_format": "iso",
        "output_format_json_quote_64bit_integers": 0,
        "readonly": 1,
    }
    client = history.connect(settings={})
    try:
        client.database = DATABASE
        with explained("the query failed"):
            client.command("SELECT 1")  # moves the handle into the database while it still may
            for name, value in limits.items():
                client.command(f"SET {name} = '{value}'")
            answer = client.raw_query(query, fmt="JSONEachRow")
    except HistoryError as error:
        raise _named(error) from error
    finally:
        client.close()
    text = b",".join(answer.splitlines()).decode(errors="replace")
    return msgspec.json.decode(f"[{text}]")  # type: ignore[no-any-return]


def _table_functions(history: History) -> frozenset[str]:
    rows = history.rows("SELECT lower(name) AS name FROM system.table_functions")
    return frozenset(row["name"] for row in rows) - SAFE_TABLE_FUNCTIONS


def _check(query: str, table_functions: frozenset[str]) -> None:
    first, place = "", 0
    while place < len(query):
        token = _TOKEN.match(query, place)
        if token is None or token.lastgroup == "comment":
            what = "one statement only, please" if query[place] == ";" else "leave it out"
            raise QueryRefused(f"cannot read the query at character {place + 1}, {query[place]!r}: {what}")
        if token.lastgroup not in ("space", None):
            first = first or token.group().lower()
        if token.lastgroup == "name":
            name = token.group().strip('"`').lower()
            if name in table_functions or name in _FORBIDDEN_WORDS:
                raise QueryRefused(
                    f"{token.group()} at character {place + 1} is not allowed: only the history's own tables"
                )
        place = token.end()
    if _FORMAT.search(query):
        raise QueryRefused("the answer has a form of its own: leave FORMAT out; use --json")
    if first not in _FIRST_WORDS:
        raise QueryRefused(
            "only queries that read are allowed: SELECT, WITH, SHOW, DESCRIBE, EXISTS, EXPLAIN"
        )


def _named(error: HistoryError) -> HistoryError:
    text = str(error)
    if any(
        code in text
        for code in ("TIMEOUT_EXCEEDED", "MEMORY_LIMIT", "TOO_MANY_ROWS", "READONLY", "ACCESS_DENIED")
    ):
        return QueryRefused(text)
    return error
