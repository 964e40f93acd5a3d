"""Cases: what people decide about alerts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import ClassVar, Protocol

import msgspec
from eventsourcing.application import AggregateNotFoundError
from eventsourcing.persistence import Notification

from domain.commands.alert_case import AlertCase
from domain.errors import CommandRefused
from domain.signal import Signal, signal_id
from domain.vocabulary import Decision, Resolution
from infra.command_side.application import CommandApplication
from infra.command_side.errors import Outdated
from infra.command_side.storage import Storage
from infra.control import decision


class SiteOfAlert(Protocol):
    """Tells the site of an alert that was raised, or None when there is no such alert."""

    def __call__(self, alert: str, /) -> str | None:
        """Return it."""


class Cases(CommandApplication):
    """Takes what people decide about alerts.

    Every command takes the alert's id, `by` whom and `at` what time it is given, and returns the case as it
    then is. With `version`, the case must still stand at it; 0 is a case that has not begun. They raise:

    - `CommandRefused`: there is no such alert, or the rules of `AlertCase` do not allow it.
    - `Outdated`: the case stands at another version; `Overtaken`: somebody else decided at the same moment.
    - `CommandSideUnavailable`: the storage cannot be reached.

    Whatever is raised, nothing was decided.
    """

    name = "Cases"
    TOLD: ClassVar = tuple(event.TOPIC for event in AlertCase.DECISIONS)

    def __init__(self, storage: Storage, site_of: SiteOfAlert) -> None:
        """Open the storage; `site_of` is asked about alerts whose case has not begun."""
        self._site_of = site_of
        super().__init__(storage)

    def find(self, alert: str) -> AlertCase | None:
        """Return an alert's case, or None when nothing has been decided about it.

        Raises:
            CommandSideUnavailable: the storage cannot be reached.
        """
        self.storage.check()
        with self._explained():
            try:
                case: AlertCase = self.repository.get(AlertCase.create_id(alert))
            except AggregateNotFoundError:
                return None
        return case

    def acknowledge(
        self, alert: str, *, by: str, at: datetime, note: str | None = None, version: int | None = None
    ) -> AlertCase:
        """Say that somebody has seen it and looks after it."""
        with self._changed(alert, by, at, version) as case:
            case.acknowledge(by=by, at=at, note=note)
        return case

    def assign(
        self,
        alert: str,
        *,
        by: str,
        at: datetime,
        assignee: str,
        note: str | None = None,
        version: int | None = None,
    ) -> AlertCase:
        """Say who is to look after it."""
        with self._changed(alert, by, at, version) as case:
            case.assign(by=by, at=at, assignee=assignee, note=note)
        return case

    def add_note(
        self, alert: str, *, by: str, at: datetime, note: str, version: int | None = None
    ) -> AlertCase:
        """Write something down."""
        with self._changed(alert, by, at, version) as case:
            case.add_note(by=by, at=at, note=note)
        return case

    def close_case(
        self,
        alert: str,
        *,
        by: str,
        at: datetime,
        resolution: Resolution,
        note: str | None = None,
        version: int | None = None,
    ) -> AlertCase:
        """Say that it is done with, and why."""
        with self._changed(alert, by, at, version) as case:
            case.close(by=by, at=at, resolution=resolution, note=note)
        return case

    def reopen(
        self, alert: str, *, by: str, at: datetime, note: str | None = None, version: int | None = None
    ) -> AlertCase:
        """Say that it is not done with after all."""
        with self._changed(alert, by, at, version) as case:
            case.reopen(by=by, at=at, note=note)
        return case

    def decide(
        self,
        alert: str,
        decision: Decision,
        *,
        by: str,
        at: datetime,
        note: str | None = None,
        assignee: str | None = None,
        resolution: Resolution | None = None,
        version: int | None = None,
    ) -> AlertCase:
        """Do what a decision says; an assignee, note or resolution it needs and lacks is refused."""
        match decision:
            case Decision.ACKNOWLEDGED:
                return self.acknowledge(alert, by=by, at=at, note=note, version=version)
            case Decision.ASSIGNED:
                whom = assignee or ""
                return self.assign(alert, by=by, at=at, assignee=whom, note=note, version=version)
            case Decision.NOTED:
                return self.add_note(alert, by=by, at=at, note=note or "", version=version)
            case Decision.CLOSED:
                if resolution is None:
                    raise CommandRefused("resolution: there is none; say what it was")
                return self.close_case(alert, by=by, at=at, resolution=resolution, note=note, version=version)
            case Decision.REOPENED:
                return self.reopen(alert, by=by, at=at, note=note, version=version)

    def signal(self, notification: Notification) -> Signal:
        """Return the control signal that tells of a decision, happening when it was decided."""
        event = self.mapper.to_domain_event(notification)
        assert isinstance(event, AlertCase.Event)
        told = event.decision()
        return decision(
            signal_id("control", AlertCase.TOPIC, event.originator_id.hex, str(event.originator_version)),
            event.site,
            told.decided_at,
            msgspec.to_builtins(told),
        )

    @contextmanager
    def _changed(self, alert: str, by: str, at: datetime, version: int | None) -> Iterator[AlertCase]:
        """Give the case, made if need be, and save what was decided about it."""
        case = self.find(alert)
        if version is not None and version != (case.version if case else 0):
            raise Outdated(
                f"the case stands at version {case.version if case else 0}, not {version}: look at it again"
            )
        if case is None:
            site = self._site_of(alert)
            if site is None:
                raise CommandRefused(
                    f"there is no alert {alert}: see 'limen alerts --json' for their ids",
                    "there is no such alert",
                )
            case = AlertCase.begin(alert, site, by=by, at=at)
        yield case
        with self._explained():
            self.save(case)
