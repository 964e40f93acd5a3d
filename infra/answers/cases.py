"""Answers about alerts' cases: a decision is taken, brought into the log, decided there, and answered."""

from datetime import UTC, datetime
from typing import Any

from domain.commands.alert_case import AlertCase
from domain.errors import CommandRefused
from domain.vocabulary import Decision, Resolution
from infra.command_side.cases import Cases
from infra.command_side.errors import Outdated
from infra.control import apply_settings
from infra.failure import Failure
from infra.home import OpenHome
from infra.times import written
from projections.alerts import alert_exists
from streams.log import LogError


def case_decide(
    home: OpenHome, *, alert: str, decision: str, by: str, version: int | None, **told: str | None
) -> dict[str, Any]:
    """Take a decision about an alert; return `accepted`, `reason`, and the case as it now is.

    `told` are `note`, `assignee` and `resolution`, as the decision needs them. What is refused is nowhere.
    """
    apply_settings(home)
    home.pipeline.advance()
    at = datetime.now(UTC)
    try:
        case = _decided(home.cases, Decision(decision), alert, by, at, version, told)
    except (CommandRefused, Outdated) as error:
        return {"accepted": False, "reason": str(error), **_told(home, alert, home.cases.find(alert))}
    try:
        home.relay.run()
        home.pipeline.advance()
    except LogError as error:
        raise Failure(
            f"the decision is kept, but the log cannot be told now: {error}; it will be with the next one"
        ) from error
    return {"accepted": True, "reason": None, **_told(home, alert, case)}


def case_show(home: OpenHome, *, alert: str) -> dict[str, Any]:
    """Return an alert's case: how far it is, and every decision about it.

    Raises:
        Failure: there is no such alert.
    """
    home.catch_up()
    case = home.cases.find(alert) if home.has_cases else None
    if case is None and not alert_exists(home.history, home.site, alert):
        raise Failure(f"there is no alert {alert}: see 'limen alerts --json' for their ids")
    return _told(home, alert, case)


def _decided(
    cases: Cases,
    decision: Decision,
    alert: str,
    by: str,
    at: datetime,
    version: int | None,
    told: dict[str, str | None],
) -> AlertCase:
    note = told.get("note")
    match decision:
        case Decision.ACKNOWLEDGED:
            return cases.acknowledge(alert, by=by, at=at, note=note, version=version)
        case Decision.ASSIGNED:
            assignee = told.get("assignee") or ""
            return cases.assign(alert, by=by, at=at, assignee=assignee, note=note, version=version)
        case Decision.NOTED:
            return cases.add_note(alert, by=by, at=at, note=note or "", version=version)
        case Decision.CLOSED:
            why = Resolution(str(told["resolution"]))
            return cases.close_case(alert, by=by, at=at, resolution=why, note=note, version=version)
        case Decision.REOPENED:
            return cases.reopen(alert, by=by, at=at, note=note, version=version)


def _told(home: OpenHome, alert: str, case: AlertCase | None) -> dict[str, Any]:
    zone = home.site.zone_info
    return {
        "alert_id": alert,
        "status": str(case.status) if case else "open",
        "version": case.version if case else 0,
        "acknowledged_by": case.acknowledged_by if case else None,
        "assignee": case.assignee if case else None,
        "resolution": case.resolution if case else None,
        "decisions": [
            {
                "decision": str(taken.decision),
                "by": taken.by,
                "decided_at": written(round(taken.at.timestamp() * 1_000_000), zone),
                "note": taken.note,
                "assignee": taken.assignee,
                "resolution": taken.resolution,
            }
            for taken in (case.decisions if case else ())
        ],
    }
