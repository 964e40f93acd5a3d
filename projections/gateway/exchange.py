"""One request and its answer, as the thread that does its work sees them: it reads and writes by blocking."""

import asyncio
import secrets
from collections.abc import Coroutine, Iterator
from typing import TYPE_CHECKING, Any, Final, TypeVar

from aiohttp import web

from projections.gateway.encodings import Encoder, decoder, encoder
from projections.gateway.errors import (
    ACCESS_DENIED,
    BAD_ARGUMENTS,
    CANCELLED,
    TOO_LARGE,
    GatewayError,
    refused,
)
from projections.gateway.limits import BODY_WAIT_SECONDS, MB, SQL_BYTES, WRITER_SQL_BYTES
from projections.gateway.native import HELLO, hello
from projections.gateway.session import Role, Session, Summary
from projections.gateway.statement import Insert, format_of, insert, reads, touches_files

if TYPE_CHECKING:
    from projections.gateway.server import Gateway

_T = TypeVar("_T")
_OURS: Final = frozenset(
    (
        "query",
        "database",
        "default_format",
        "query_id",
        "session_id",
        "session_timeout",
        "session_check",
        "user",
        "password",
        "quota_key",
        "role",
        "compress",
        "decompress",
        "client_protocol_version",
        "wait_end_of_query",
        "buffer_size",
        "stacktrace",
        "send_progress_in_http_headers",
        "http_headers_progress_interval_ms",
        "enable_http_compression",
        "http_zlib_compression_level",
        "http_native_compression_disable_checksumming_on_decompress",
        "cancel_http_readonly_queries_on_client_close",
        "add_http_cors_header",
        "readonly",
    )
)
"""What HTTP parameters say to a server's HTTP side; all others are settings, or `param_`s."""
_HEAD_BYTES: Final = 262_144
"""An INSERT's statement ends within so many bytes of its body."""


class Exchange:
    """A request, its statement found; `run` does it and answers. Not for use by two threads at once."""

    def __init__(
        self,
        gateway: "Gateway",
        request: web.Request,
        response: web.StreamResponse,
        role: Role,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        self.tag = ""
        self.writes = False
        self.broke_off: GatewayError | None = None
        """What the client was told within the answer."""
        self._gateway = gateway
        self._request = request
        self._response = response
        self._role = role
        self._loop = loop
        self._abandoned = False
        self._text = ""
        self._insert: Insert | None = None
        self._begun = b""  # of an INSERT's rows
        self._decoder = decoder(request.headers.get("Content-Encoding", ""))
        self._packed = False  # whether the decoder was given anything
        self._encoder: Encoder | None = None
        self._written = 0
        self._exception_tag = secrets.token_hex(8)

    async def read_statement(self) -> None:
        """Read the body as far as the statement goes: an INSERT's rows stay where they are.

        Raises:
            GatewayError: the body cannot be read, is too long, or asks for what is not here.
        """
        query = self._request.query
        if query.get("compress") == "1" or query.get("decompress") == "1":
            raise refused(
                BAD_ARGUMENTS, "compress=1 and decompress=1 are not served: use gzip, or no compression"
            )
        if self._request.content_type == "multipart/form-data":
            raise refused(BAD_ARGUMENTS, "external tables and forms are not served: send the SQL as the body")
        asked = query.get("query", "")
        await self._read_text(f"{asked}\n".encode() if asked.strip() else b"")
        self.writes = self._insert is not None or not reads(self._text)

    async def _read_text(self, begun: bytes) -> None:
        data = bytearray(begun)
        longest = WRITER_SQL_BYTES if self._role == "writer" else SQL_BYTES
        piece: bytes | None = b""
        while piece is not None:
            piece = await self._next_piece()
            data += piece or b""
            if self._role == "writer" and (piece is None or len(data) - len(piece) <= _HEAD_BYTES):
                found = insert(bytes(data[:_HEAD_BYTES]))
                # Where all of this is the statement, its last word, or its line, may still go on.
                if found is not None and (piece is None or len(data) > found.data_at):
                    self._insert, self._text, self._begun = found, found.head, bytes(data[found.data_at :])
                    return
            if len(data) > longest:
                raise refused(BAD_ARGUMENTS, f"the statement is longer than {longest // MB} MB")
        try:
            self._text = data.decode().strip()
        except UnicodeDecodeError:
            raise refused(BAD_ARGUMENTS, "the statement is not UTF-8") from None
        if not self._text:
            raise refused(BAD_ARGUMENTS, "there is no statement, neither in ?query= nor in the body")

    async def _next_piece(self) -> bytes | None:
        try:
            async with asyncio.timeout(BODY_WAIT_SECONDS):
                raw = await self._request.content.readany()
        except TimeoutError:
            raise refused(CANCELLED, f"no data came for {BODY_WAIT_SECONDS:.0f} seconds") from None
        except web.HTTPException:
            raise
        except Exception as error:
            raise refused(CANCELLED, f"the request's body broke off: {error}") from error
        if not raw and self._request.content.at_eof():
            if self._decoder is not None and self._packed and not self._decoder.eof:
                raise refused(BAD_ARGUMENTS, "the compressed body ends too early")
            return None
        if self._decoder is None:
            return raw
        self._packed = True
        try:
            piece = self._decoder.decompress(raw)
        except Exception as error:
            encoding = self._request.headers.get("Content-Encoding")
            raise refused(BAD_ARGUMENTS, f"the body is not what Content-Encoding {encoding} says") from error
        if self._decoder.unused_data:
            raise refused(
                BAD_ARGUMENTS, "the compressed body goes on after its end: send one member or frame"
            )
        return piece

    def abandon(self) -> None:
        """The client is gone, or cut off now: what would be written is thrown away. Call it in the loop."""
        self._abandoned = True
        if self._request.transport is not None:
            self._request.transport.abort()  # else a write waits for as long as nobody reads

    def run(self) -> None:
        """Do the statement and answer it; call this from a thread.

        Raises:
            GatewayError: it failed; if the answer has begun, the client was told within it.
        """
        query = self._request.query
        form = (
            query.get("default_format") or self._request.headers.get("X-ClickHouse-Format") or "TabSeparated"
        )
        if self._text.rstrip("; \n") == HELLO and form.lower() == "native":
            revision = (
                int(version) if (version := query.get("client_protocol_version", "")).isdecimal() else 0
            )
            gateway = self._gateway
            self._answer(form, Summary(), hello(revision, "limen", gateway.version, gateway.timezone))
            self._end()
            return
        parameters = {key[6:]: value for key, value in query.items() if key.startswith("param_")}
        settings = {k: v for k, v in query.items() if k not in _OURS and not k.startswith("param_")}
        if "clickhouse-go" in self._request.headers.get("User-Agent", ""):
            # It reads no other form of revision 0.
            settings["output_format_native_write_json_as_string"] = "1"
        with Session(self._gateway.folder) as session:
            self.tag = session.tag
            text = self._text
            if self._role == "reader":
                text, asked_form = self._gateway.reading.check(session.handle, text, parameters)
                form = asked_form or form
            elif self._insert is None:
                if touches_files(text):
                    raise refused(ACCESS_DENIED, "files of the server are not read or written over HTTP")
                form = format_of(text) or form
            database = self._gateway.database(self._role, query.get("database", ""))
            session.prepare(self._role, database, settings, self._gateway.limits)
            if self._abandoned:
                return
            if self._insert is not None:
                summary = session.insert(self._insert.head, self._insert.format, self._rows())
                self._answer("", summary, b"")
            else:
                self._query(session, text, form, parameters)
        self._end()

    def _query(self, session: Session, text: str, form: str, parameters: dict[str, str]) -> None:
        whole = self._request.query.get("wait_end_of_query") == "1" or self.writes
        answer = session.pieces(text, form, parameters, whole)
        try:
            self._check_length(len(answer.first))
            self._answer(form if answer.first or not self.writes else "", answer.summary, answer.first)
            for piece in answer.rest():
                self._write(piece)
        except GatewayError as error:
            if self._response.prepared and not self._abandoned:
                self._tell_within(error)
            raise
        finally:
            answer.close()

    def _rows(self) -> Iterator[bytes]:
        if self._begun:
            yield self._begun
        while (piece := self._blocking(self._next_piece())) is not None:
            if piece:
                yield piece

    def _answer(self, form: str, summary: Summary, first: bytes) -> None:
        self._written = len(first)
        headers = self._response.headers
        if form:
            headers["X-ClickHouse-Format"] = form
        headers["X-ClickHouse-Summary"] = summary.header()
        headers["X-ClickHouse-Exception-Tag"] = self._exception_tag
        headers["Content-Type"] = "text/plain; charset=UTF-8" if not form else "application/octet-stream"
        chosen = encoder(self._request.headers.get("Accept-Encoding", ""))
        if chosen is not None and first and self._request.query.get("enable_http_compression", "1") != "0":
            headers["Content-Encoding"], self._encoder = chosen
        self._sent(self._prepare(first))

    async def _prepare(self, first: bytes) -> None:
        await self._response.prepare(self._request)
        if first := self._encoder.compress(first) if self._encoder is not None else first:
            await self._response.write(first)

    def _write(self, piece: bytes) -> None:
        self._written += len(piece)
        self._check_length(self._written)
        if self._encoder is not None:
            piece = self._encoder.compress(piece)
        if piece:
            self._sent(self._response.write(piece))

    def _check_length(self, count: int) -> None:
        longest = self._gateway.limits.bytes
        if self._role == "reader" and count > longest:  # the engine counts a constant column as one value
            raise refused(TOO_LARGE, f"Limit for result exceeded: it is longer than {longest // MB} MB")

    def _end(self) -> None:
        if self._encoder is not None and not self._abandoned:
            self._sent(self._response.write(self._encoder.flush()))

    def _tell_within(self, error: GatewayError) -> None:
        """Say within an answer what broke it off, in the form that clients look for."""
        tag, text = self._exception_tag, f"{error.text}\n"
        block = f"\r\n__exception__\r\n{tag}\r\n{text}{len(text.encode())} {tag}\r\n__exception__\r\n"
        self._written = 0
        self.broke_off = error
        self._write(block.encode())
        self._end()
        self._sent(self._response.write_eof())

    def _sent(self, work: Coroutine[Any, Any, None]) -> None:
        self._blocking(self._within_time(work))

    async def _within_time(self, work: Coroutine[Any, Any, None]) -> None:
        seconds = self._gateway.limits.send_seconds
        try:
            async with asyncio.timeout(seconds):
                await work
        except TimeoutError:
            self.abandon()
            raise refused(CANCELLED, f"nothing of the answer was taken for {seconds:.0f} s") from None

    def _blocking(self, work: Coroutine[Any, Any, _T]) -> _T:
        if self._abandoned:
            work.close()
            raise refused(CANCELLED, "the client has gone")
        try:
            return asyncio.run_coroutine_threadsafe(work, self._loop).result()
        except (ConnectionError, asyncio.CancelledError) as error:
            self._abandoned = True
            raise refused(CANCELLED, "the client has gone") from error
