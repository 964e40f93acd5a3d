"""`/metrics`, `/livez` and `/readyz` of a process, on a port of their own."""

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final, Self

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

STUCK_SECONDS: Final = 60.0
"""A process that did not beat for so long is taken for stuck, and should be restarted."""


class Health:
    """Whether a process is alive (its loop beats) and ready (it may be counted on). For any thread."""

    def __init__(
        self, stuck_seconds: float = STUCK_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._stuck_seconds = stuck_seconds
        self._clock = clock
        self._beaten = clock()
        self._waiting: dict[str, str] = {"start": "starting"}
        self._changing = threading.Lock()

    def beat(self) -> None:
        """Say that the loop goes round, even when there is nothing to do."""
        self._beaten = self._clock()

    def started(self) -> None:
        """Say that the start is over."""
        self.fulfil("start")

    def want(self, what: str, reason: str) -> None:
        """Be not ready, for this reason, until `fulfil(what)`."""
        with self._changing:
            self._waiting = {**self._waiting, what: reason}

    def fulfil(self, what: str) -> None:
        """Take back `want`."""
        with self._changing:
            self._waiting = {name: reason for name, reason in self._waiting.items() if name != what}

    def in_group(self, now: bool) -> None:
        """Be ready only while the consumer group has shared out its partitions and we are a member."""
        if now:
            self.fulfil("group")
        else:
            self.want("group", "the partitions have not been shared out yet")

    @property
    def silent_seconds(self) -> float:
        """Seconds since the loop last went round."""
        return self._clock() - self._beaten

    def live(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the process goes on, and what to show of it."""
        silent = self.silent_seconds
        return silent < self._stuck_seconds, {"silent_seconds": round(silent, 1)}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Return whether the process does its work, and what it waits for."""
        waiting = self._waiting
        return not waiting, {"waiting_for": waiting}


class Endpoints:
    """Serves a process's endpoints until closed. Port 0 takes a free one; `port` tells which."""

    def __init__(self, host: str, port: int, registry: CollectorRegistry, health: Health) -> None:
        """Begin to serve.

        Raises:
            OSError: the port is taken.
        """

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            timeout = 30

            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == "/metrics":
                    self._answer(200, CONTENT_TYPE_LATEST, generate_latest(registry))
                elif path in ("/livez", "/readyz"):
                    ok, told = health.live() if path == "/livez" else health.ready()
                    body = json.dumps({"ok": ok, **told}).encode()
                    self._answer(200 if ok else 503, "application/json", body)
                else:
                    self._answer(404, "text/plain", b"here are /metrics, /livez and /readyz\n")

            def _answer(self, status: int, kind: str, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                """Say nothing: a probe every second is no news."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        self.port = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="endpoints", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Serve no more; closing twice is harmless."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
