"""What is answered about a case, wherever cases are kept."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.commands.alert_case import AlertCase
from domain.errors import CommandRefused
from domain.times import iso, microseconds
from domain.vocabulary import Decision, Resolution
from infra.command_side.cases import Cases
from infra.command_side.errors import Outdated


def decided(
    cases: Cases,
    zone: ZoneInfo,
    alert: str,
    decision: str,
    *,
    by: str,
    version: int | None,
    told: Mapping[str, str | None],
) -> dict[str, Any]:
    """Take a decision now; return `accepted`, `reason`, and the case as it then is.

    `told` are `note`, `assignee` and `resolution`, as the decision needs them. What is refused is nowhere.
    """
    why = told.get("resolution")
    try:
        case: AlertCase | None = cases.decide(
            alert,
            Decision(decision),
            by=by,
            at=datetime.now(UTC),
            note=told.get("note"),
            assignee=told.get("assignee"),
            resolution=None if why is None else Resolution(why),
            version=version,
        )
    except (CommandRefused, Outdated) as error:
        return {"accepted": False, "reason": str(error), **shown(alert, cases.find(alert), zone)}
    return {"accepted": True, "reason": None, **shown(alert, case, zone)}


def shown(alert: str, case: AlertCase | None, zone: ZoneInfo) -> dict[str, Any]:
    """Return a case as JSON shows it, its times in a zone; None is one that has not begun."""
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
                "decided_at": iso(microseconds(taken.at), zone),
                "note": taken.note,
                "assignee": taken.assignee,
                "resolution": taken.resolution,
            }
            for taken in (case.decisions if case else ())
        ],
    }
