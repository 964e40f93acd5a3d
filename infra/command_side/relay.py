"""The relay: from an application's notifications into the signals log, each decision exactly once.

A log may refuse a signal it has, as SQLite does, or not, as Kafka; the relay relies on neither. Before it
appends, it remembers in the application's own storage how long the log is (`from`) and up to which
notification it is about to tell (`begun`); afterwards, how long the log has become (`end`), and that this was
done (`told`). When it finds something begun and not done, it was killed in between: what it had appended by
then stands in the log at `from` or above, and is left out. So it may be killed anywhere.
"""

from collections.abc import Callable, Sequence
from typing import Final, Protocol

import msgspec
from eventsourcing.persistence import Notification

from domain.signal import Signal, write_signal
from infra.command_side.application import CommandApplication
from streams.log import Appended, Draft, Stored

BATCH: Final = 200
"""Notifications told in one append."""
_PAGE_SIGNALS: Final = 10_000


class ToldLog(Protocol):
    """What a relay needs of a log; see `streams.log.Log`."""

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append signals."""

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return signals."""

    def head(self, partition: int) -> int:
        """Return the offset that the next signal will get."""


class Relay:
    """Tells one partition of a log what an application decided about its sites.

    Args:
        application: whose decisions they are.
        log: the signals log.
        partition: of the log.
        name: under which it remembers how far it has come; one relay at a time has it.
        concerns: whether a site is of this partition.
        log_time: the log's time of a site, in UTC microseconds: when its signals happen. So a decision of
            today about an old recording does not carry the recording's time to today.
    """

    def __init__(
        self,
        application: CommandApplication,
        log: ToldLog,
        partition: int,
        *,
        name: str,
        concerns: Callable[[str], bool],
        log_time: Callable[[str], int],
    ) -> None:
        self._application, self._log, self._partition = application, log, partition
        self._told, self._begun = f"{name}/told", f"{name}/begun"
        self._from, self._end = f"{name}/from", f"{name}/end"
        self._concerns, self._log_time = concerns, log_time
        self._is_checked = False

    def run(self) -> int:
        """Tell the log whatever is new; return how many signals were appended.

        Raises:
            CommandSideUnavailable: the storage cannot be reached; nothing is lost, run again later.
            LogUnavailable: the log cannot be written; likewise.
        """
        application = self._application
        application.storage.check()
        told, begun = application.tracked(self._told), application.tracked(self._begun)
        search_from = application.tracked(self._from)
        if not self._is_checked and self._log.head(self._partition) < application.tracked(self._end):
            # Shorter than it was: it is from an older backup, and hears again whatever it does not have.
            told, begun, search_from = 0, max(told, begun), 0
        self._is_checked = True
        appended = 0
        while batch := application.told_after(told, BATCH):
            if told < begun:
                batch = [notification for notification in batch if notification.id <= begun]
            if signals := self._signals(batch):
                if told < begun:
                    known = self._ids_since(search_from)
                else:
                    application.track(self._from, self._log.head(self._partition))
                    application.track(self._begun, batch[-1].id)
                    known = frozenset()
                appended += self._append([one for one in signals if one.id not in known])
                application.track(self._end, self._log.head(self._partition))
            told = batch[-1].id
            application.track(self._told, told)
        return appended

    def _signals(self, batch: Sequence[Notification]) -> Sequence[Signal]:
        signals = map(self._application.signal, batch)
        return [self._at_log_time(signal) for signal in signals if self._concerns(signal.site)]

    def _at_log_time(self, signal: Signal) -> Signal:
        time = msgspec.structs.replace(signal.time, occurred_at=self._log_time(signal.site))
        return msgspec.structs.replace(signal, time=time)

    def _append(self, signals: Sequence[Signal]) -> int:
        if not signals:
            return 0
        drafts = [Draft(signal.id, signal.site, write_signal(signal)) for signal in signals]
        return self._log.append(self._partition, drafts).accepted

    def _ids_since(self, offset: int) -> frozenset[str]:
        found: set[str] = set()
        while page := self._log.read(self._partition, offset, _PAGE_SIGNALS):
            found.update(stored.id for stored in page)
            offset = page[-1].offset + 1
        return frozenset(found)
