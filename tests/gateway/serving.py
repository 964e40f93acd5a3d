"""A gateway in a process of its own, serving a new home, and the plainest client for it."""

import json
import os
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from projections.gateway.server import READER, WRITER
from tests.endpoint_client import Endpoint

ROOT: Final = Path(__file__).parents[2]
WRITERS: Final = "write it"
READERS: Final = "read it"


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        """The body, as text."""
        return self.body.decode()


@dataclass(frozen=True)
class Served:
    """A gateway that runs."""

    process: "subprocess.Popen[str]"
    port: int
    endpoint: Endpoint

    def dsn(self, user: str = WRITER, password: str = WRITERS) -> str:
        """Return the address for clickhouse-connect."""
        return f"http://{user}:{urllib.parse.quote(password)}@127.0.0.1:{self.port}"

    def ask(
        self,
        body: bytes | str = b"",
        *,
        user: str = WRITER,
        password: str | None = None,
        headers: Mapping[str, str] | None = None,
        path: str = "/",
        method: str = "POST",
        **query: Any,
    ) -> Reply:
        """Send a request as curl does, and return the reply, whatever its status."""
        known = {WRITER: WRITERS, READER: READERS}
        sent = {
            "X-ClickHouse-User": user,
            "X-ClickHouse-Key": known.get(user, "") if password is None else password,
        }
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}?{urllib.parse.urlencode(query)}",
            data=(body.encode() if isinstance(body, str) else body) if method == "POST" else None,
            headers={**sent, **(headers or {})},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as reply:
                return Reply(reply.status, dict(reply.headers), reply.read())
        except urllib.error.HTTPError as error:
            with error:
                return Reply(error.code, dict(error.headers), error.read())


@contextmanager
def serving(home: Path) -> Iterator[Served]:
    """Serve a home until the end of the block; then the process is dead, if it was not before."""
    process = subprocess.Popen(
        [sys.executable, "-m", "infra.cli", "gateway", "--home", str(home), "--port", "0"],
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={
            **os.environ,
            "LIMEN_GATEWAY_WRITER_PASSWORD": WRITERS,
            "LIMEN_GATEWAY_READER_PASSWORD": READERS,
            "LIMEN_METRICS_PORT": "0",
        },
    )
    try:
        assert process.stderr
        endpoint = Endpoint.told_in(process.stderr.readline())
        assert endpoint is not None
        said = process.stderr.readline()
        yield Served(process, json.loads(said)["port"], endpoint)
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()
