"""The process behind `limen connect`: reads files, keeps what they say in the spool, moves it into Kafka.

Two threads, with the spool between them. The reader goes on while Kafka is away, until the spool is full:
then it reads no further, says so, and goes on when there is room. The forwarder goes on with what waits,
whatever the reader does. Killed at any place, the next start loses and repeats nothing.
"""

import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from domain.signal import write_signal
from infra.clock import tick
from infra.observability.endpoints import Health
from infra.observability.metrics import SpoolMetrics
from infra.signal_lines import Begun, read_lines
from infra.troubles import Trouble
from streams.backoff import Backoff
from streams.forwarder import Forwarder, Refuse
from streams.log import Draft, LogUnavailable
from streams.quarantine import Quarantine, Rejection, RejectionReason
from streams.spool import Spool, Waiting

_IDLE_SECONDS: Final = 0.01
_FIRST_WAIT_SECONDS: Final = 0.2
_LONGEST_WAIT_SECONDS: Final = 5.0
_DRAIN_SECONDS: Final = 20.0
_ASK_SECONDS: Final = 2.0


class Connecting:
    """Reads files of signals in JSON lines into a spool, and forwards it. `run` returns when all is in Kafka.

    Args:
        files: read one after another, each from where it was left.
        follow: at the end of the last file wait for more lines, until stopped.
        spool, quarantine, forwarder: where signals wait, what cannot be read goes, and who moves them.
        stopping: set when the process is to end; what waits then goes on waiting, for the next start.
        clock_seconds: how often the sites are told the time while a followed file says nothing; None: never.
    """

    def __init__(
        self,
        files: list[Path],
        *,
        follow: bool,
        spool: Spool,
        quarantine: Quarantine,
        forwarder: Callable[[Refuse], Forwarder],
        stopping: threading.Event,
        health: Health,
        metrics: SpoolMetrics,
        clock_seconds: float | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._files, self._follow = files, follow
        self._spool, self._quarantine = spool, quarantine
        self._forwarder = forwarder(self._refuse)
        self._stopping, self._health, self._metrics, self._clock = stopping, health, metrics, clock
        self._clock_seconds, self._tick_due = clock_seconds, 0.0
        self._ask_due = 0.0
        self._kafka_trouble = Trouble("kafka", health, metrics.log_away)
        self._spool_trouble = Trouble("spool", health, metrics.refuses)
        self._all_read = threading.Event()
        self._failure: Exception | None = None
        self._log = structlog.get_logger()

    def run(self) -> int:
        """Read and forward; return how many signals still wait: 0 unless stopped.

        Raises:
            UnusableFile: a file cannot be read. What was read before is forwarded first.
        """
        reader = threading.Thread(target=self._read_all, name="reader")
        reader.start()
        self._health.started()
        try:
            self._forward()
        except BaseException:
            self._stopping.set()  # or the reader would wait for room for ever
            raise
        finally:
            reader.join()
        if self._failure is not None:
            raise self._failure
        return self._spool.count

    def _forward(self) -> None:
        backoff, drain_until = _backoff(), float("inf")
        while True:
            self._health.beat()
            try:
                moved = self._forwarder.step()
                is_over = self._all_read.is_set() and not moved and not self._spool.count
                if not moved and not is_over and not self._stopping.is_set():
                    self._ask()
            except LogUnavailable as error:
                self._kafka_trouble.tell(str(error))
                self._tell_waiting()
                if self._stopping.wait(backoff.next_seconds()):
                    return
                continue
            if moved:
                self._answered()
            backoff.reset()
            self._metrics.moved(moved)
            self._tell_waiting()
            if self._stopping.is_set():
                drain_until = min(drain_until, time.monotonic() + _DRAIN_SECONDS)
                if not moved or time.monotonic() > drain_until:
                    return
            elif not moved:
                if is_over:
                    return
                time.sleep(_IDLE_SECONDS)

    def _ask(self) -> None:
        """Where nothing waits, ask Kafka now and then whether it is there: else nobody would know.

        Raises:
            LogUnavailable: it does not answer.
        """
        if time.monotonic() >= self._ask_due:
            self._forwarder.ask()
            self._answered()

    def _answered(self) -> None:
        self._kafka_trouble.tell(None)
        self._ask_due = time.monotonic() + _ASK_SECONDS

    def _tell_waiting(self) -> None:
        self._metrics.waiting(self._spool.count, self._spool.bytes, self._spool.limit_bytes)

    def _read_all(self) -> None:
        try:
            for path in self._files:
                is_last = path == self._files[-1]
                self._read_file(path, follow=self._follow and is_last)
        except Exception as error:  # noqa: BLE001 - raised again when what was read has been moved
            self._failure = error
        finally:
            self._all_read.set()

    def _read_file(self, path: Path, *, follow: bool) -> None:
        source = str(path.absolute())
        for read in read_lines(
            path,
            self._spool.place(source),
            self._spool.mark(source),
            room_bytes=self._spool.limit_bytes,
            follow=follow,
            stopping=self._stopping,
        ):
            if read.rejections:
                self._keep(partial(self._quarantine.add, read.rejections))
                self._log.warning("in quarantine", lines=len(read.rejections), file=str(path))
            if read.begun is not None:
                self._tell_begun(path, read.begun)
            keep = partial(self._spool.append, read.drafts, source, read.place, read.mark)
            if (read.begun is not None or not read.is_empty) and not self._keep(keep):
                return
            if not read.is_empty:
                self._log.debug("spooled", file=str(path), correlation=[draft.id for draft in read.drafts])
            if read.at_end and follow:
                self._let_time_pass()

    def _tell_begun(self, path: Path, begun: Begun) -> None:
        """Say that another file is begun; aloud where something that nobody has read may be lost."""
        if begun.is_cut:
            self._metrics.cut(begun.unread_bytes)
            tell = self._log.warning if begun.unread_bytes == 0 else self._log.error
            tell("file cut", file=str(path), read_bytes=begun.read_bytes, unread_bytes=begun.unread_bytes)
            return
        self._log.info("file renamed", file=str(path), read_bytes=begun.read_bytes)
        if begun.passed_over:
            self._metrics.cut(None)
            self._log.error("files passed over", file=str(path), others=list(begun.passed_over))

    def _let_time_pass(self) -> None:
        """Tell the time to every site we have spoken for, behind all that they have said.

        Not while the log is away: the time would have to be told again, and the spool is for signals.
        """
        every, now = self._clock_seconds, self._clock()
        if every is None or now < self._tick_due or self._kafka_trouble.is_away:
            return
        self._tick_due = (now // every + 1) * every
        ticks = (tick(site, now, every) for site in sorted(self._spool.sites))
        drafts = [Draft(signal.id, signal.site, write_signal(signal)) for signal in ticks]
        self._keep(partial(self._spool.append, drafts))

    def _keep(self, keep: Callable[[], object]) -> bool:
        """Do it; while disk or spool have no room, say so and wait. False if stopped before it was done."""
        backoff = _backoff()
        while True:
            try:
                keep()
            except LogUnavailable as error:
                self._spool_trouble.tell(str(error))
                if self._stopping.wait(backoff.next_seconds()):
                    return False
            else:
                self._spool_trouble.tell(None)
                return True

    def _refuse(self, refused: Waiting, reason: RejectionReason, detail: str) -> None:
        now_us = round(self._clock() * 1_000_000)
        self._quarantine.add([Rejection("kafka", refused.site, None, reason, detail, refused.wire, now_us)])
        self._metrics.refused()
        self._log.warning("in quarantine", correlation=refused.id, site=refused.site, reason=detail)


def _backoff() -> Backoff:
    return Backoff(_FIRST_WAIT_SECONDS, _LONGEST_WAIT_SECONDS)
