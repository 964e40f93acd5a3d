"""Free SQL, read only, over the history's own tables.

Three fences, each enough for most of what must not pass: this module reads the text and refuses whatever
could reach beyond the tables; the handle is read-only, with bounds on time, memory and rows; and the
embedded engine's user has no grant for files, addresses or other servers.
"""

import re
from typing import Any, Final

import msgspec

from projections.client import DATABASE, History, explained
from projections.errors import HistoryError, QueryRefused, QueryTooLarge

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
_TREE: Final = re.compile(r"\s*explain\s+ast\b", re.IGNORECASE)
"""What explains a query together with the form we ask for, and answers in another."""
_FORBIDDEN_WORDS: Final = frozenset({"file", "outfile", "infile", "insert", "sleep", "sleepeachrow"})
_MISTAKE: Final = re.compile(
    r"SYNTAX_ERROR|READONLY|READONLY_SETTING|ACCESS_DENIED|SETTING_CONSTRAINT_VIOLATION|QUERY_IS_PROHIBITED"
    r"|UNKNOWN_(?:\w*FUNCTION|IDENTIFIER|TABLE|DATABASE|TYPE|STORAGE|FORMAT|SETTING|JOIN|UNION|QUERY_PARAMETER"
    r"|ELEMENT_OF_ENUM)"
    r"|(?:CANNOT_(?:PARSE|CONVERT|FORMAT_DATETIME|COMPILE_REGEXP|GET_CREATE_TABLE)|ILLEGAL|AMBIGUOUS|BAD_ARGUMENTS"
    r"|BAD_GET|BAD_TYPE|BAD_QUERY|INVALID_(?:LIMIT|JOIN|SETTING|WITH_FILL|IDENTIFIER)|UNSUPPORTED|EXPECTED_ALL"
    r"|INCORRECT_(?:QUERY|ELEMENT|RESULT)|THERE_IS_NO_COLUMN|NO_SUCH_COLUMN|NO_COMMON_TYPE|NOT_FOUND_COLUMN"
    r"|NOT_AN_AGGREGATE|NOT_IMPLEMENTED|NUMBER_OF|SIZES_OF_ARRAYS|SIZE_OF_FIXED|TOO_MANY_ARGUMENTS|TOO_FEW_ARGUMENTS"
    r"|PARAMETERS_TO|PARAMETER_OUT|ARGUMENT_OUT|INDEX_OF|POSITION_OUT|VALUE_IS_OUT|ZERO_ARRAY|DECIMAL_OVERFLOW"
    r"|FUNCTION_(?:CANNOT|NOT|IS|THROW)|AGGREGATE_FUNCTION|CYCLIC_ALIASES|MULTIPLE_EXPRESSIONS|UNEXPECTED_EXPRESSION"
    r"|DUPLICATE_COLUMN|EMPTY_(?:LIST|QUERY)|INCOMPATIBLE|ALIAS_REQUIRED|TYPE_MISMATCH|WITH_TIES|OFFSET_FETCH"
    r"|UNION_ALL|INTERSECT_OR)\w*"
)
"""What the engine calls a mistake in the query's text; all else but the bounds is the engine's trouble."""
_BOUND: Final = re.compile(
    r"(?:TIMEOUT|MEMORY_LIMIT|SET_SIZE_LIMIT|LIMIT)_EXCEEDED|TOO_SLOW|QUERY_IS_TOO_LARGE"
    r"|TOO_(?:MANY_(?:ROWS|BYTES|COLUMNS|TEMPORARY)|DEEP|BIG|LARGE_(?:ARRAY|STRING))\w*"
)
_NAME: Final = re.compile(r"\(([A-Z][A-Z0-9_]+)\)(?: \(version [^()]*(?:\([^()]*\))?[^()]*\))?\.?$")
"""The name of an error, at the end of what the engine says."""
_SYNTAX: Final = re.compile(r"Syntax error: failed at position (\d+) \((.*?)\)(?: \(line \d+, col \d+\))?: ")
_UNMATCHED: Final = re.compile(r"Unmatched parentheses: .*? never closed")
_POSITION: Final = re.compile(r"position (\d+)(?: \(line \d+, col \d+\))?")
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
        QueryRefused: more than one statement, not a reading one, something outside the history's tables, or a
            text with a mistake.
        QueryTooLarge: more than `seconds`, 2 GB or 100,000 rows.
        HistoryError: the engine failed.
    """
    query = text.rstrip().removesuffix(";").rstrip()
    _check(query, _table_functions(history))
    _check_syntax(history, query)
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
    rows = answer.count(b"\n")
    if rows > ROWS:  # those an arrayJoin makes where there is no FROM, the engine does not count
        raise QueryTooLarge(f"the answer has {rows:,} rows, not {ROWS:,} at most: ask for less, with a LIMIT")
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
    if _TREE.match(query):
        raise QueryRefused("EXPLAIN AST has a form of its own: ask EXPLAIN QUERY TREE, or EXPLAIN alone")
    if first not in _FIRST_WORDS:
        raise QueryRefused(
            "only queries that read are allowed: SELECT, WITH, SHOW, DESCRIBE, EXISTS, EXPLAIN"
        )


def _check_syntax(history: History, query: str) -> None:
    """Have the engine read the text alone: what runs ends in a FORMAT of ours, which errors would tell."""
    try:
        history.rows("SELECT formatQuerySingleLine({query:String}) AS wording", {"query": query})
    except HistoryError as error:
        wrong, unmatched = _SYNTAX.search(str(error)), _UNMATCHED.search(str(error))
        if wrong is None:
            raise _named(error) from error
        said = f"cannot read the query at character {_character(query, int(wrong[1]))} ({wrong[2]})"
        if unmatched:
            more = _POSITION.sub(lambda at: f"character {_character(query, int(at[1]))}", unmatched[0])
            said = f"{said}. {more}"
        raise QueryRefused(said) from error


def _character(query: str, position: int) -> int:
    """Return which character of the text a position in its bytes is, both counted from 1."""
    return len(query.encode()[: position - 1].decode(errors="ignore")) + 1


def _named(error: HistoryError) -> HistoryError:
    # The first line, which is all that is shown, may be the beginning of a query of several.
    name = _NAME.search(str(error.__cause__ or error).rstrip())
    if name is None:
        return error
    if _BOUND.fullmatch(name[1]):
        return QueryTooLarge(f"{error}: ask for less: a shorter span, fewer columns, or with a LIMIT")
    if name[1] == "SYNTAX_ERROR":  # of a text that can be read alone; where it stands is said of others
        return QueryRefused("cannot read the query: is it whole?")
    return QueryRefused(str(error)) if _MISTAKE.fullmatch(name[1]) else error
