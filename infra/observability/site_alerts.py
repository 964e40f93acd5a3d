"""The log lines about what a running site decides, so few that a log stays readable.

What happens now is told alert by alert. Whoever imports a year brings a hundred thousand of them at once, all
long past: of those a line for each rule says how many there are and from when, and `limen alerts` shows them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import structlog

from domain.event import Event
from domain.times import SECOND_US, iso
from domain.vocabulary import Severity, Topic
from infra.observability.following import AlertLines
from streams.runner import Decided

LINES: Final = 100
"""Of one piece of work, such as a command or a tick, so many alerts are told one by one."""
RECENT_SECONDS: Final = 86_400
"""A reader that was offline over night tells in the morning what happened; what is older is history."""

_URGENCY: Final = tuple(Severity)


@dataclass(slots=True)
class _Tally:
    """How many alerts of one rule were not told one by one; the times are UTC microseconds."""

    site: str
    severity: Severity
    first_us: int
    last_us: int
    alerts: int = 0

    def add(self, event: Event) -> None:
        """Count one."""
        self.alerts += 1
        self.severity = max(self.severity, event.severity, key=_URGENCY.index)
        self.first_us = min(self.first_us, event.occurred_at)
        self.last_us = max(self.last_us, event.occurred_at)


class SiteAlerts:
    """Told of every batch that is decided; `finish`, after a piece of work, tells what was only counted."""

    def __init__(self, partition: int, clock: Callable[[], float]) -> None:
        """Tell of a partition of the signals log; `clock` returns the time in seconds since 1970."""
        self._partition, self._clock = partition, clock
        self._lines = AlertLines()
        self._log = structlog.get_logger()
        self._told = 0
        self._counted: dict[str | None, _Tally] = {}

    def decided(self, decided: Decided) -> None:
        """Tell or count the alerts of a batch that has just been committed."""
        recent_us = int((self._clock() - RECENT_SECONDS) * SECOND_US)
        for event in decided.events_of(Topic.ALERT_RAISED):
            if event.occurred_at >= recent_us and self._told < LINES:
                self._told += 1
                self._lines.raised(event, decided.signal_id(event.position), self._partition)
                continue
            at_us = event.occurred_at
            tally = _Tally(event.site, event.severity, at_us, at_us)
            self._counted.setdefault(event.rule, tally).add(event)

    def finish(self) -> None:
        """Tell what was counted, a line for each rule, and begin to count anew."""
        counted, self._counted, self._told = self._counted, {}, 0
        for rule, tally in counted.items():
            self._log.info(
                "alerts raised",
                alerts=tally.alerts,
                site=tally.site,
                rule=rule,
                severity=str(tally.severity),
                partition=self._partition,
                occurred_from=iso(tally.first_us),
                occurred_to=iso(tally.last_us),
            )
