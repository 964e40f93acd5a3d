"""The HTTP side: requests in, answers out, on one event loop; the engine's work is done by threads.

A reading statement takes one of a few places, a writing one waits for the one before it; who waits too long,
or finds too many waiting, is answered 503. An answer is sent as the engine yields it, no faster than the
client reads; a client that goes away takes its statement with it.
"""

import asyncio
import base64
import binascii
import hmac
import time
import uuid
from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import structlog
from aiohttp import web

from projections.client import DATABASE, History
from projections.errors import HistoryError
from projections.gateway import reading
from projections.gateway.errors import AUTHENTICATION_FAILED, TOO_MANY_QUERIES, UNKNOWN, GatewayError, refused
from projections.gateway.exchange import Exchange
from projections.gateway.limits import PIECE_BYTES, Limits
from projections.gateway.observer import Observer, Unobserved
from projections.gateway.reading import Reading
from projections.gateway.session import Role, Session, kill

WRITER: Final = "limen"
READER: Final = "dashboard"
_NAME: Final = "limen"
_CLIENT_GONE: Final = 499
_DRAIN_SECONDS: Final = 30.0


@dataclass(frozen=True, slots=True)
class Users:
    """The passwords of the users `limen` (writes) and `dashboard` (reads); None: there is no such user."""

    writer: str | None
    reader: str | None

    def role(self, user: str, password: str) -> Role:
        """Return what a user may do.

        Raises:
            GatewayError: there is no such user, or the password is another.
        """
        found: tuple[tuple[str, str | None, Role], ...] = (
            (WRITER, self.writer, "writer"),
            (READER, self.reader, "reader"),
        )
        for name, expected, role in found:
            if name == user and expected and hmac.compare_digest(expected.encode(), password.encode()):
                return role
        raise refused(
            AUTHENTICATION_FAILED,
            f"{user}: Authentication failed: password is incorrect, or there is no user with such name",
        )


class Gateway:
    """Serves an open embedded history until it is stopped."""

    def __init__(
        self, history: History, users: Users, limits: Limits | None = None, observer: Observer | None = None
    ) -> None:
        """Serve this history, whose schema is up to date.

        Raises:
            HistoryError: the engine does not answer.
        """
        if not isinstance(history.at, Path):
            raise TypeError("the gateway serves an embedded history; a server serves itself")
        self.folder = str(history.at.absolute())
        self.limits = limits or Limits()
        self._users = users
        self._observer: Observer = observer or Unobserved()
        [row] = history.rows("SELECT version() AS version, timezone() AS timezone")
        self.version, self.timezone = row["version"], row["timezone"]
        with Session(self.folder) as session:
            self.reading = Reading(session.handle)
        places = self.limits.running + 3  # the writer's, one to end what is not wanted, one to be asked
        self._threads = ThreadPoolExecutor(places, thread_name_prefix="gateway")
        self._readers = asyncio.Semaphore(self.limits.running)
        self._writer = asyncio.Semaphore(1)
        self._running = self._waiting = 0
        self._log = structlog.get_logger()

    async def serve(
        self, host: str, port: int, stopping: asyncio.Event, serving: asyncio.Event | None = None
    ) -> None:
        """Serve until `stopping` is set, then answer what has begun, and return. Port 0: any free one.

        `serving` is set once requests are taken.
        """
        app = web.Application(client_max_size=2**62)
        app.add_routes(
            [
                web.get("/ping", self._ping),
                web.get("/replicas_status", self._ping),
                web.get("/{path:.*}", self._statement),
                web.post("/{path:.*}", self._statement),
            ]
        )
        runner = web.AppRunner(
            app,
            auto_decompress=False,
            read_bufsize=PIECE_BYTES,
            handler_cancellation=True,
            access_log=None,
            shutdown_timeout=_DRAIN_SECONDS,
            max_line_size=1_048_576,
            max_field_size=65_536,
        )
        await runner.setup()
        try:
            await web.TCPSite(runner, host, port).start()
            address = runner.addresses[0]
            self._log.info("serving", host=address[0], port=address[1])
            if serving is not None:
                serving.set()
            await stopping.wait()
        finally:
            await runner.cleanup()
            self._threads.shutdown()

    async def ask(self) -> None:
        """Return when the engine has answered.

        Raises:
            HistoryError: it refused.
        """
        await asyncio.get_running_loop().run_in_executor(self._threads, self._ask)

    def _ask(self) -> None:
        try:
            with Session(self.folder) as session:
                session.handle.query("SELECT 1", "TSV")
        except Exception as error:
            raise HistoryError(f"the engine refused SELECT 1: {error}") from error

    async def _ping(self, _: web.Request) -> web.Response:
        return web.Response(text="Ok.\n")

    async def _statement(self, request: web.Request) -> web.StreamResponse:
        began, told = time.monotonic(), _Told()
        try:
            return await self._answered(request, told)
        finally:
            self._observer.answered(told.role, told.status, time.monotonic() - began)

    async def _answered(self, request: web.Request, told: "_Told") -> web.StreamResponse:
        query_id = request.query.get("query_id") or str(uuid.uuid4())
        response = web.StreamResponse(
            headers={
                "X-ClickHouse-Query-Id": query_id,
                "X-ClickHouse-Server-Display-Name": _NAME,
                "X-ClickHouse-Timezone": self.timezone,
            }
        )
        try:
            told.role = role = self._users.role(*_credentials(request))
            exchange = Exchange(self, request, response, role, asyncio.get_running_loop())
            try:
                await exchange.read_statement()
                async with self._place(exchange.writes):
                    await self._run(exchange)
            finally:  # told how its answer broke off, a client may go at once
                told.status = exchange.broke_off.status if exchange.broke_off else told.status
        except GatewayError as error:
            told.status = error.status
            if response.prepared:  # then the client was told within the answer, or has gone
                return response
            response.set_status(error.status)
            response.headers["X-ClickHouse-Exception-Code"] = str(error.code)
            response.headers["Content-Type"] = "text/plain; charset=UTF-8"
            if error.code == AUTHENTICATION_FAILED:
                response.headers["WWW-Authenticate"] = 'Basic realm="Limen"'
            if error.code == TOO_MANY_QUERIES:
                response.headers["Retry-After"] = "1"
            if not request.content.at_eof():
                response.force_close()  # what is left of the body is not read
            await response.prepare(request)
            await response.write(f"{error.text}\n".encode())
        else:
            told.status = response.status
        await response.write_eof()
        return response

    async def _run(self, exchange: Exchange) -> None:
        loop = asyncio.get_running_loop()
        work = loop.run_in_executor(self._threads, exchange.run)
        try:
            await asyncio.shield(work)
        except GatewayError:
            raise
        except asyncio.CancelledError:
            exchange.abandon()
            while not work.done():  # a statement may not have begun when it is first told to end
                if exchange.tag:
                    await loop.run_in_executor(self._threads, kill, self.folder, exchange.tag)
                await asyncio.wait([work], timeout=0.2)
            work.exception()
            raise
        except Exception as error:
            self._log.exception("request failed")
            raise refused(UNKNOWN, f"unexpected {type(error).__name__}: please report it") from error

    @asynccontextmanager
    async def _place(self, writes: bool) -> AsyncIterator[None]:
        """Wait for one of the places."""
        places = self._writer if writes else self._readers
        if self._waiting >= self.limits.waiting:
            raise refused(TOO_MANY_QUERIES, f"{self._waiting} requests wait already: come again later")
        self._loaded(waiting=1)
        try:
            await asyncio.wait_for(places.acquire(), None if writes else self.limits.wait_seconds)
        except TimeoutError:
            raise refused(
                TOO_MANY_QUERIES, f"{self.limits.running} queries have run for a while: come again later"
            ) from None
        finally:
            self._loaded(waiting=-1)
        self._loaded(running=1)
        try:
            yield
        finally:
            self._loaded(running=-1)
            places.release()

    def _loaded(self, running: int = 0, waiting: int = 0) -> None:
        self._running += running
        self._waiting += waiting
        self._observer.load(self._running, self._waiting)

    def database(self, role: Role, asked: str) -> str:
        """Return the database a request is in."""
        if asked not in ("", "default"):  # in an embedded engine `default` is the folder's files
            return asked
        return reading.DATABASE if role == "reader" else DATABASE


@dataclass(slots=True)
class _Told:
    """What the observer hears of a request; a client that goes away has seen nothing else."""

    role: Role | Literal["nobody"] = "nobody"
    status: int = _CLIENT_GONE


def _credentials(request: web.Request) -> tuple[str, str]:
    headers: Mapping[str, str] = request.headers
    kind, _, value = headers.get("Authorization", "").partition(" ")
    if kind.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            raise refused(AUTHENTICATION_FAILED, "the header Authorization cannot be read") from None
        return user, password
    return (
        headers.get("X-ClickHouse-User") or request.query.get("user", "default"),
        headers.get("X-ClickHouse-Key") or request.query.get("password", ""),
    )
