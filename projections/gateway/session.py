"""One request's handle of the engine: its user's role and bounds, its settings, and its answer in pieces."""

import json
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Literal, Self

from projections.cluster import quoted
from projections.gateway.errors import BAD_ARGUMENTS, READONLY, GatewayError, of_engine, refused
from projections.gateway.limits import WHOLE_BYTES, Limits
from projections.gateway.native import no_rows
from projections.gateway.statement import streams, without_format

Role = Literal["writer", "reader"]
_SETTING: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_PIECEWISE: Final = {  # formats whose pieces, one after the other, are the whole
    name.lower(): name
    for name in (
        *("Native", "RowBinary", "JSONEachRow", "JSONLines", "NDJSON", "JSONCompactEachRow", "CSV"),
        *("TabSeparated", "TSV", "TabSeparatedRaw", "TSVRaw"),
    )
}
_READERS_SETTINGS: Final = frozenset(
    (
        "session_timezone",
        "date_time_output_format",
        "join_use_nulls",
        "log_comment",
        "max_block_size",
        "cancel_http_readonly_queries_on_client_close",
        "output_format_native_write_json_as_string",
        "output_format_json_quote_64bit_integers",
        "output_format_json_quote_denormals",
        "output_format_arrow_string_as_string",
        "output_format_arrow_compression_method",
    )
)
_LOWERED: Final = frozenset(("max_execution_time", "max_memory_usage", "max_result_rows", "max_result_bytes"))


@dataclass(frozen=True, slots=True)
class Summary:
    """What a statement did, for X-ClickHouse-Summary."""

    read_rows: int = 0
    read_bytes: int = 0
    written_rows: int = 0
    written_bytes: int = 0
    result_rows: int = 0
    seconds: float = 0.0

    def header(self) -> str:
        """Return the header's value: JSON, its numbers as text."""
        names = ("read_rows", "read_bytes", "written_rows", "written_bytes", "result_rows")
        numbers = {name: str(getattr(self, name)) for name in names}
        return json.dumps({**numbers, "elapsed_ns": str(round(self.seconds * 1e9))}, separators=(",", ":"))


class Session:
    """A handle for one request, closed with it. `tag` marks its statement among those that run."""

    def __init__(self, folder: str) -> None:
        import chdb

        self.tag = secrets.token_hex(16)
        self.handle: Any = chdb.connect(folder)  # type: ignore[no-untyped-call]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.handle.close()

    def prepare(self, role: Role, database: str, settings: Mapping[str, str], limits: Limits) -> None:
        """Take a role, a database and settings on; a reader's cannot be changed by its statement any more.

        Raises:
            GatewayError: there is no such database or setting, or the reader must not have it.
        """
        chosen = _bound(settings, limits) if role == "reader" else dict(settings)
        chosen["log_comment"] = self.tag
        for name in chosen:
            if not _SETTING.fullmatch(name):
                raise refused(BAD_ARGUMENTS, f"{name!r} is no name of a setting")
        if role == "reader":  # a handle has all roles at first, and reader is part of writer
            self._run("SET ROLE reader")
        self._run(f"USE {_identifier(database)}")
        if role == "reader":
            chosen["readonly"] = "1"
        self._run("SET " + ", ".join(f"{name} = {quoted(value)}" for name, value in chosen.items()))

    def pieces(self, query: str, form: str, parameters: Mapping[str, str], whole: bool) -> "Answer":
        """Run a statement and return its answer, in pieces where the format allows it and `whole` is false.

        Raises:
            GatewayError: the engine refused it, or it failed before its first piece.
        """
        piecewise = None if whole or not streams(query) else _PIECEWISE.get(form.lower())
        try:
            if piecewise is None:
                result = self.handle.query(query, form, params=dict(parameters))
                return Answer(self, query, form, parameters, iter([result]), _summary(result))
            return Answer(
                self,
                query,
                form,
                parameters,
                self.handle.send_query(query, piecewise, params=dict(parameters)),
            )
        except Exception as error:
            raise of_engine(error) from error

    def insert(self, head: str, form: str, pieces: Iterator[bytes]) -> Summary:
        """Insert rows that come in pieces; on return they are on disk.

        Raises:
            GatewayError: the engine refused them. Some may have been written.
        """
        try:
            inserter = self.handle.send_insert(head, form)
        except Exception as error:
            raise of_engine(error) from error
        try:
            for piece in pieces:
                inserter.append(piece)
            done = inserter.finish()
        except GatewayError:
            raise
        except Exception as error:
            raise of_engine(error) from error
        finally:
            with suppress(Exception):
                inserter.cancel()  # nothing, if it is finished
        return Summary(written_rows=done.rows_written, written_bytes=done.bytes_written, seconds=done.elapsed)

    def columns(self, query: str, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
        """Return the names and types of a query's columns, empty for a statement that has none."""
        query, _ = without_format(query)
        for asked in (f"DESCRIBE ({query})", query):
            try:
                answer = self.handle.query(asked, "JSONCompact", params=dict(parameters))
            except Exception:  # noqa: BLE001 - SHOW cannot be described; it is asked itself
                continue
            found = json.loads(answer.bytes() or b"{}")
            if asked is query:
                return [(column["name"], column["type"]) for column in found.get("meta", ())]
            return [(row[0], row[1]) for row in found["data"]]
        return []

    def _run(self, statement: str) -> None:
        try:
            self.handle.query(statement, "TSV")
        except Exception as error:
            raise of_engine(error) from error


class Answer:
    """An answer: `first` is there at once, so that what fails early fails before anything is sent."""

    def __init__(
        self,
        session: Session,
        query: str,
        form: str,
        parameters: Mapping[str, str],
        results: Any,
        summary: Summary | None = None,
    ) -> None:
        self._results = results
        self.summary = summary or Summary()
        self.first = self._next()
        if not self.first and form.lower() == "native":
            columns = session.columns(query, parameters)
            self.first = no_rows(columns) if columns else b""

    def rest(self) -> Iterator[bytes]:
        """Yield the pieces after the first.

        Raises:
            GatewayError: the query failed meanwhile.
        """
        while piece := self._next():
            yield piece

    def close(self) -> None:
        """Let go of what is not wanted any more."""
        close = getattr(self._results, "close", None)
        if close is not None:
            with suppress(Exception):
                close()

    def _next(self) -> bytes:
        try:
            result = next(self._results, None)
            return b"" if result is None else bytes(result.bytes() or b"")
        except Exception as error:
            raise of_engine(error) from error


def kill(folder: str, tag: str) -> None:
    """End the statement of a session, if it still runs; return at once."""
    with suppress(Exception), Session(folder) as session:
        session.handle.query(f"KILL QUERY WHERE Settings['log_comment'] = '{tag}' ASYNC", "TSV")


def _bound(settings: Mapping[str, str], limits: Limits) -> dict[str, str]:
    bounds = {
        "max_execution_time": limits.seconds,
        "max_memory_usage": float(limits.memory_bytes),
        "max_result_rows": float(limits.rows),
        "max_result_bytes": float(min(limits.bytes, WHOLE_BYTES)),
    }
    chosen = {name: _number(bound) for name, bound in bounds.items()}
    for name, value in settings.items():
        if name in _LOWERED:
            chosen[name] = _number(_lower(name, value, bounds[name]))
        elif name in _READERS_SETTINGS:
            chosen[name] = value
        elif name != "readonly":
            raise refused(READONLY, f"Cannot modify '{name}' setting in readonly mode")
    fixed = {"result_overflow_mode": "throw", "timeout_overflow_mode": "throw", "max_threads": "2"}
    return {**chosen, **fixed, "max_ast_elements": "50000", "max_memory_usage_for_user": "0"}


def _lower(name: str, value: str, bound: float) -> float:
    try:
        asked = float(value)
    except ValueError:
        raise refused(BAD_ARGUMENTS, f"{name} is a number, not {value!r}") from None
    return min(asked, bound) if asked > 0 else bound  # 0 is the engine's word for no bound


def _number(value: float) -> str:
    return str(int(value)) if value == int(value) else str(value)


def _identifier(name: str) -> str:
    escaped = name.replace("\\", "\\\\").replace("`", "\\`")
    return f"`{escaped}`"


def _summary(result: Any) -> Summary:
    return Summary(
        read_rows=result.storage_rows_read(),
        read_bytes=result.storage_bytes_read(),
        result_rows=result.rows_read(),
        seconds=result.elapsed(),
    )
