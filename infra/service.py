"""The process behind `limen run`: engine, sink and clock of one home, and answers to whoever asks.

One thread does everything that touches the home, one thing after the other; the control socket's
threads only hand requests to it. When the log or the history cannot be written, the service waits and
starts again from what is committed; when a decision itself fails, it stops, because going on would lose it.
"""

import os
import queue
import threading
import time
from collections.abc import Callable
from typing import Final

import structlog

from infra.answers.registry import answer
from infra.clock import tick
from infra.command_side.errors import CommandSideUnavailable
from infra.control import apply_settings
from infra.control_socket import ControlSocket, Request
from infra.failure import FAILED, Failure, explained, is_ours
from infra.home import PARTITION, OpenHome
from infra.observability.site_alerts import SiteAlerts
from projections.errors import HistoryError, HistoryIncomplete
from streams.backoff import Backoff
from streams.log import LogUnavailable

SINK_EVERY_SECONDS: Final = 5.0
"""A history is fast in large inserts; whoever asks has it brought up to date first anyway."""
_RELAY_EVERY_SECONDS: Final = 1.0
_FIRST_WAIT_SECONDS: Final = 1.0
_LONGEST_WAIT_SECONDS: Final = 60.0


class Service:
    """Runs a home until told to stop. `stop` may be called from any thread or a signal handler."""

    def __init__(self, home: OpenHome, clock: Callable[[], float] = time.time) -> None:
        self._home = home
        self._clock = clock
        self._requests: queue.Queue[Request | None] = queue.Queue()
        self._stopping = threading.Event()
        self._log = structlog.get_logger()
        self._alerts = SiteAlerts(PARTITION, clock)
        self._sink_due = 0.0
        self._relay_due = 0.0
        self._relay_backoff = Backoff(2 * _RELAY_EVERY_SECONDS, _LONGEST_WAIT_SECONDS)
        home.stopping = self._stopping.is_set
        home.running_pid = os.getpid()
        home.observer = self._alerts.decided

    def stop(self) -> None:
        """Drain: finish the batch in hand, commit, keep the state, bring the history up, end."""
        self._stopping.set()
        self._requests.put(None)

    def run(self, seconds: float | None = None) -> None:
        """Run until stopped, or so long after the start.

        Raises:
            Failure: the settings are not fit, or the state at the end could not be kept.
        """
        home = self._home
        apply_settings(home)
        if home.has_cases:
            home.relay.run()
        home.pipeline.advance()
        self._alerts.finish()
        socket = ControlSocket(home.paths.root, self._requests)
        try:
            home.lock.announce(str(socket.path))
            until = time.monotonic() + seconds if seconds is not None else None
            self._log.info("running", home=str(home.paths.root), socket=str(socket.path))
            while not self._stopping.is_set() and (until is None or time.monotonic() < until):
                self._turn()
        finally:
            home.lock.announce()
            socket.close()
            self._refuse_waiting()
        home.pipeline.advance()
        self._alerts.finish()
        home.pipeline.runner.take_snapshot()
        self._log.info("drained", position=home.log.position(PARTITION))

    def _turn(self) -> None:
        """Answer what is asked until the clock's next tick, then let time pass."""
        every = self._home.settings.clock_seconds
        wait = every - self._clock() % every
        until = time.monotonic() + wait
        while not self._stopping.is_set() and (left := until - time.monotonic()) > 0:
            try:
                request = self._requests.get(timeout=left)
            except queue.Empty:
                break
            if request is not None:
                self._answer(request)
        if not self._stopping.is_set():
            self._supervised(self._tick)

    def _bring_decisions(self) -> None:
        """Tell the log what was decided elsewhere; while the command side is away, ask it ever less often."""
        if not self._home.has_cases or time.monotonic() < self._relay_due:
            return
        try:
            self._home.relay.run()
        except CommandSideUnavailable as error:
            wait = self._relay_backoff.next_seconds()
            self._log.warning("command side away", error=str(error), next_try_seconds=wait)
        else:
            self._relay_backoff.reset()
            wait = _RELAY_EVERY_SECONDS
        self._relay_due = time.monotonic() + wait

    def _tick(self) -> None:
        self._bring_decisions()
        pipeline = self._home.pipeline
        pipeline.append([tick(self._home.site.id, self._clock(), self._home.settings.clock_seconds)])
        for _ in pipeline.decide():
            pass
        if time.monotonic() >= self._sink_due:
            pipeline.sink()
            self._sink_due = time.monotonic() + SINK_EVERY_SECONDS

    def _supervised(self, work: Callable[[], None]) -> None:
        """Do it; while storage refuses, wait ever longer, forget what was not committed, and try again."""
        backoff = Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
        while True:
            try:
                work()
            except HistoryIncomplete:
                raise  # waiting does not bring back a log that was lost
            except (LogUnavailable, HistoryError, OSError) as error:
                wait = backoff.next_seconds()
                self._log.error("storage refuses", error=str(error), next_try_seconds=wait)
                self._home.forget_pipeline()
                if self._stopping.wait(wait):
                    return
            else:
                return
            finally:
                self._alerts.finish()

    def _answer(self, request: Request) -> None:
        home = self._home
        home.progress = lambda doing, done, total: request.reply({"progress": [doing, done, total]})
        try:
            request.reply({"answer": answer(home, request.command, request.arguments)})
        except Exception as error:  # noqa: BLE001 - one asker's bad luck must not end the service
            failure = explained(error)
            if not is_ours(error):
                self._log.exception("answer failed", command=request.command)
            if not isinstance(error, Failure):
                home.forget_pipeline()  # it may be ahead of what could be committed
            request.reply({"error": str(failure), "exit_code": failure.exit_code})
        finally:
            self._alerts.finish()
            request.answered.set()

    def _refuse_waiting(self) -> None:
        while not self._requests.empty():
            request = self._requests.get()
            if request is not None:
                request.reply({"error": "stopping: do the same again", "exit_code": FAILED})
                request.answered.set()
