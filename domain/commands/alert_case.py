"""An alert's case: what people decided about an alert, who and when."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, ClassVar, Final, Self
from uuid import UUID, uuid5

from eventsourcing.domain import Aggregate

from domain.commands.alert_decision import LONGEST_NAME, LONGEST_NOTE, AlertDecision
from domain.errors import CommandRefused
from domain.times import microseconds
from domain.vocabulary import CaseStatus, Decision, Resolution

_NAMESPACE: Final = UUID("3bffb57a-6d21-54b4-97fe-1be241b96298")
"""Of the ids of cases: a storage format, never changed."""
_ALLOWED: Final[Mapping[Decision, frozenset[CaseStatus]]] = {
    Decision.ACKNOWLEDGED: frozenset({CaseStatus.OPEN}),
    Decision.ASSIGNED: frozenset({CaseStatus.OPEN, CaseStatus.ACKNOWLEDGED}),
    Decision.NOTED: frozenset({CaseStatus.OPEN, CaseStatus.ACKNOWLEDGED}),
    Decision.CLOSED: frozenset({CaseStatus.OPEN, CaseStatus.ACKNOWLEDGED}),
    Decision.REOPENED: frozenset({CaseStatus.CLOSED}),
}
"""The statuses in which each decision may be taken."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that was taken. Who it was assigned to, or why it was closed, where it is that decision."""

    decision: Decision
    by: str
    at: datetime
    note: str | None
    assignee: str | None
    resolution: Resolution | None


class AlertCase(Aggregate):
    """The case of one alert; it begins with the first decision about it, and is open then.

    `assignee` stays when the case is reopened; `acknowledged_by` and `resolution` do not. Commands take the
    time at which they are given, with its time zone.
    """

    TOPIC: ClassVar = "alert_case"

    class Event(Aggregate.Event):
        """What every event tells, so that it can be understood alone: the alert, its site, and by whom."""

        DECISION: ClassVar[Decision]

        alert: str
        site: str
        by: str
        note: str | None

        def decision(self) -> AlertDecision:
            """Return what the signals log is told."""
            return AlertDecision(
                kind="alert_case",
                alert=self.alert,
                decision=self.DECISION,
                by=self.by,
                decided_at=microseconds(self.timestamp),
                note=self.note,
                assignee=getattr(self, "assignee", None),
                resolution=None if (why := getattr(self, "resolution", None)) is None else Resolution(why),
            )

        def apply(self, aggregate: Any) -> None:
            """Remember it."""
            told = self.decision()
            aggregate.decisions.append(
                Decided(told.decision, told.by, self.timestamp, told.note, told.assignee, told.resolution)
            )

    class Created(Event, Aggregate.Created):
        """Somebody is about to decide something for the first time; nobody but this aggregate is told."""

        TOPIC: ClassVar = "alert_case.created"

        def apply(self, aggregate: Any) -> None:
            """Nothing: the first decision follows."""

    class Acknowledged(Event):
        """Somebody has seen the alert and looks after it."""

        TOPIC: ClassVar = "alert_case.acknowledged"
        DECISION: ClassVar = Decision.ACKNOWLEDGED

        def apply(self, aggregate: "AlertCase") -> None:
            """Note who."""
            super().apply(aggregate)
            aggregate.status = CaseStatus.ACKNOWLEDGED
            aggregate.acknowledged_by = self.by

    class Assigned(Event):
        """Somebody is to look after it."""

        TOPIC: ClassVar = "alert_case.assigned"
        DECISION: ClassVar = Decision.ASSIGNED

        assignee: str

        def apply(self, aggregate: "AlertCase") -> None:
            """Note to whom."""
            super().apply(aggregate)
            aggregate.assignee = self.assignee

    class Noted(Event):
        """Somebody wrote something down."""

        TOPIC: ClassVar = "alert_case.noted"
        DECISION: ClassVar = Decision.NOTED

    class Closed(Event):
        """It is done with."""

        TOPIC: ClassVar = "alert_case.closed"
        DECISION: ClassVar = Decision.CLOSED

        resolution: str

        def apply(self, aggregate: "AlertCase") -> None:
            """Note why."""
            super().apply(aggregate)
            aggregate.status = CaseStatus.CLOSED
            aggregate.resolution = Resolution(self.resolution)

    class Reopened(Event):
        """It was not done with after all."""

        TOPIC: ClassVar = "alert_case.reopened"
        DECISION: ClassVar = Decision.REOPENED

        def apply(self, aggregate: "AlertCase") -> None:
            """Begin again."""
            super().apply(aggregate)
            aggregate.status = CaseStatus.OPEN
            aggregate.acknowledged_by = None
            aggregate.resolution = None

    DECISIONS: ClassVar = (Acknowledged, Assigned, Noted, Closed, Reopened)
    """The events that the signals log is told of."""

    def __init__(self, alert: str, site: str) -> None:
        self.alert = alert
        self.site = site
        self.status = CaseStatus.OPEN
        self.acknowledged_by: str | None = None
        self.assignee: str | None = None
        self.resolution: Resolution | None = None
        self.decisions: list[Decided] = []

    @staticmethod
    def create_id(alert: str) -> UUID:
        """Return the id of an alert's case: the same alert always has the same."""
        return uuid5(_NAMESPACE, alert)

    @classmethod
    def begin(cls, alert: str, site: str, *, by: str, at: datetime) -> Self:
        """Return the case of an alert about which nothing has been decided.

        Raises:
            CommandRefused: the name of who decides first is not fit.
        """
        return cls._create(
            cls.Created, timestamp=at, alert=alert, site=site, by=_text("by", by, LONGEST_NAME), note=None
        )

    def acknowledge(self, *, by: str, at: datetime, note: str | None = None) -> None:
        """Say that somebody has seen it.

        Raises:
            CommandRefused: it is acknowledged already, or closed, or a text is not fit.
        """
        self._decide(self.Acknowledged, by, at, note)

    def assign(self, *, by: str, at: datetime, assignee: str, note: str | None = None) -> None:
        """Say who is to look after it.

        Raises:
            CommandRefused: it is assigned to them already, or closed, or a text is not fit.
        """
        whom = _text("assignee", assignee, LONGEST_NAME)
        if self.status is not CaseStatus.CLOSED and whom == self.assignee:
            raise CommandRefused(
                f"{self.alert} is assigned to {whom} already", "it is assigned to them already"
            )
        self._decide(self.Assigned, by, at, note, assignee=whom)

    def add_note(self, *, by: str, at: datetime, note: str) -> None:
        """Write something down.

        Raises:
            CommandRefused: it is closed, or a text is not fit.
        """
        self._decide(self.Noted, by, at, note)

    def close(self, *, by: str, at: datetime, resolution: Resolution, note: str | None = None) -> None:
        """Say that it is done with, and why.

        Raises:
            CommandRefused: it is closed already, or a text is not fit.
        """
        self._decide(self.Closed, by, at, note, resolution=str(Resolution(resolution)))

    def reopen(self, *, by: str, at: datetime, note: str | None = None) -> None:
        """Say that it is not done with after all.

        Raises:
            CommandRefused: it is not closed, or a text is not fit.
        """
        self._decide(self.Reopened, by, at, note)

    def _decide(self, event: type[Event], by: str, at: datetime, note: str | None, **fields: str) -> None:
        if self.status not in _ALLOWED[event.DECISION]:
            raise self._refusal(event.DECISION)
        self.trigger_event(
            event,
            timestamp=at,
            alert=self.alert,
            site=self.site,
            by=_text("by", by, LONGEST_NAME),
            note=None if note is None else _text("note", note, LONGEST_NOTE),
            **fields,
        )

    def _refusal(self, decision: Decision) -> CommandRefused:
        if decision is Decision.REOPENED:
            why = "only what is closed can be reopened"
            return CommandRefused(f"{self.alert} is {self.status}: {why}", why)
        if self.status is CaseStatus.CLOSED:
            closed = next(one for one in reversed(self.decisions) if one.decision is Decision.CLOSED)
            return CommandRefused(
                f"{self.alert} was closed by {closed.by} ({closed.resolution}): reopen it first",
                "it is closed: reopen it first",
            )
        return CommandRefused(
            f"{self.alert} was acknowledged by {self.acknowledged_by} already", "it is acknowledged already"
        )


def _text(what: str, text: str, longest: int) -> str:
    """Return a text without the space around it."""
    text = text.strip()
    if not text:
        raise CommandRefused(f"{what}: it is empty; write something")
    if len(text) > longest:
        raise CommandRefused(f"{what}: it is {len(text):,} characters long; {longest:,} is the most")
    if not text.isascii() and any("\ud800" <= character <= "\udfff" for character in text):
        raise CommandRefused(f"{what}: it is not written in UTF-8; write it again")
    return text
