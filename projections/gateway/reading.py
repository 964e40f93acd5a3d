"""What the reader may ask: the engine's grants say which tables; this says what no grant covers.

The engine itself keeps a reader's query from tables outside `pub`, from writing, from files and addresses by
table functions (role `reader` in `engine/users.xml`) and from lifting its bounds (`readonly=1`). Open to
anybody in an embedded engine are: `INTO OUTFILE`, `file()` as a plain function, `SET ROLE`, `KILL QUERY`, and
most of the tables in `system`. A query is therefore read here, not by us but by the engine's own parser: it
must be one statement, it is put into the parser's own wording, and every function and table in its syntax
tree is looked at. What then runs is that wording, so what was looked at and what runs are the same.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from projections.errors import HistoryError
from projections.gateway.errors import ACCESS_DENIED, READONLY, of_engine, refused
from projections.gateway.statement import without_format
from projections.sql import SAFE_TABLE_FUNCTIONS

DATABASE: Final = "pub"
_SYSTEM_TABLES: Final = frozenset(
    (
        "one",
        "numbers",
        "numbers_mt",
        "zeros",
        "columns",
        "tables",
        "databases",
        "functions",
        "settings",
        "formats",
        "data_type_families",
        "table_engines",
        "time_zones",
        "keywords",
        "build_options",
        "dictionaries",
    )
)
_NO_FUNCTIONS: Final = frozenset(
    (
        "file",
        "filesystemavailable",
        "filesystemcapacity",
        "filesystemunreserved",
        "sleep",
        "sleepeachrow",
        "getmacro",
        "getserversetting",
        "getserverport",
        "hostname",
        "fqdn",
        "fullhostname",
        "tcpport",
        "serveruuid",
        "getoskernelversion",
        "uptime",
        "queryid",
        "currentqueryid",
        "initialqueryid",
        "connectionid",
        "joinget",
        "joingetornull",
        "hascolumnintable",
        "evalmlmethod",
        "showcertificate",
        "isconnected",
        "runningaccumulate",
    )
)
_NO_CATEGORIES: Final = ("AI", "Introspection", "Machine Learning", "Embedded Dictionary")
_IDENTIFIER: Final = re.compile(r"\{\s*\w+\s*:\s*Identifier\s*\}", re.IGNORECASE)
_NAME: Final = r"(?:`[^`]*`|\w+)(?:\.(?:`[^`]*`|\w+))?"
_ABOUT_TABLES: Final = re.compile(
    rf"SHOW DATABASES|SHOW TABLES(?: FROM {_NAME})?(?: (?:NOT )?I?LIKE '(?:[^'\\]|\\.)*')?"
    rf"|(?:DESCRIBE|EXISTS|SHOW CREATE) TABLE {_NAME}"
)
_NODE: Final = re.compile(r"^ *(\w+) ?([^\n]*?)(?: \(alias .*?)?(?: \(children \d+\))?$", re.MULTILINE)
_KEPT: Final = 500
_ESCAPES: Final = str.maketrans({"\\": r"\\", "\n": r"\n", "\t": r"\t", "\0": r"\0"})


class Reading:
    """Looks at readers' queries; what it found of a text, it keeps. Threads may share it."""

    def __init__(self, handle: Any) -> None:
        """Ask an engine handle which functions there are.

        Raises:
            HistoryError: the engine does not answer.
        """
        categories = ", ".join(f"'{name}'" for name in _NO_CATEGORIES)
        try:
            answer = handle.query(
                "SELECT lower(name) FROM system.table_functions UNION ALL "
                "SELECT lower(name) FROM system.functions "
                f"WHERE hasAny(splitByChar(',', toString(categories)), [{categories}])",
                "TSVRaw",
            )
        except Exception as error:
            raise HistoryError(f"the engine does not list its functions: {error}") from error
        self._denied = frozenset(answer.bytes().decode().split()) - SAFE_TABLE_FUNCTIONS | _NO_FUNCTIONS
        self._checked: dict[str, tuple[str, str | None]] = {}

    def check(self, handle: Any, text: str, parameters: Mapping[str, str]) -> tuple[str, str | None]:
        """Return the query to run in the place of a reader's text, and the format it asks for.

        `parameters` stand for values only, so what is found holds for all of their values.

        `handle` must have every right: it parses, and runs nothing of the text.

        Raises:
            GatewayError: the text is no query, or asks for what readers must not have.
        """
        known = self._checked.get(text)
        if known is None:
            known = self._look(handle, text, parameters)
            if len(self._checked) >= _KEPT:
                self._checked.clear()
            self._checked[text] = known
        return known

    def _look(self, handle: Any, text: str, parameters: Mapping[str, str]) -> tuple[str, str | None]:
        worded = _ask(
            handle, "SELECT formatQuerySingleLine({text:String})", {"text": text.translate(_ESCAPES)}
        )
        query, asked_format = without_format(worded)
        if _IDENTIFIER.search(query):
            raise refused(ACCESS_DENIED, "a parameter of the type Identifier is not allowed here")
        if _ABOUT_TABLES.fullmatch(query):
            return query, asked_format
        if not query.startswith(("SELECT ", "WITH ", "(")):
            raise refused(
                READONLY, f"{query.split(' ')[0]} is not allowed here: only SELECT, SHOW and DESCRIBE"
            )
        # In brackets no INTO OUTFILE, FORMAT or further statement can follow: the parser says so.
        for kind, name in _NODE.findall(_ask(handle, f"SELECT * FROM (EXPLAIN AST {query})", parameters)):
            if kind == "Set":
                raise refused(READONLY, "Cannot modify settings in readonly mode: leave SETTINGS out")
            lower = name.replace("`", "").lower()
            if kind == "Function" and lower in self._denied:
                raise refused(ACCESS_DENIED, f"{name} is not allowed here: only tables of {DATABASE}")
            if kind in ("TableIdentifier", "Identifier"):
                database, _, table = lower.partition(".")
                if database == "system" and table and table not in _SYSTEM_TABLES:
                    raise refused(ACCESS_DENIED, f"{name} is not allowed here: only tables of {DATABASE}")
        return query, asked_format


def _ask(handle: Any, query: str, parameters: Mapping[str, str]) -> str:
    try:
        return handle.query(query, "TSVRaw", params=dict(parameters)).bytes().decode().strip()  # type: ignore[no-any-return]
    except Exception as error:
        raise of_engine(error) from error
