"""Log lines by which an alert can be followed back to the signals it rests on.

A line about one decision carries `correlation`: the id of the signal whose processing decided it. The same
id stands in the signals log, in the history's `signals.id`, in the workers' lines about quarantine, and
in the connectors' about what they refused and, with `log_level` debug, about what they spooled.
"""

from collections.abc import Sequence

import structlog

from domain.event import Event
from domain.signal import Signal
from domain.vocabulary import Topic


class AlertLines:
    """Writes one line for each alert; says nothing of persons, for anybody may read a log."""

    def __init__(self) -> None:
        self._log = structlog.get_logger()

    def decided(
        self, partition: int, offsets: Sequence[int], signals: Sequence[Signal], events: Sequence[Event]
    ) -> None:
        """Tell the alerts of one committed batch.

        Args:
            partition: of the signals log.
            offsets: where each signal stands in it.
            signals: those that were decided.
            events: what followed from them.
        """
        raised = [event for event in events if event.topic is Topic.ALERT_RAISED]
        if not raised:
            return
        ids = dict(zip(offsets, (signal.id for signal in signals), strict=True))
        for event in raised:
            self.raised(event, ids.get(event.position), partition)

    def raised(self, event: Event, correlation: str | None, partition: int) -> None:
        """Tell one alert, whose signal has this id and stands in this partition."""
        self._log.info(
            "alert raised",
            correlation=correlation,
            decision=event.id,
            site=event.site,
            rule=event.rule,
            severity=str(event.severity),
            zone=event.zone,
            point=event.point,
            partition=partition,
            causes=list(event.causes),
        )
