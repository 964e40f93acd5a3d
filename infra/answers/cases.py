"""Answers about alerts' cases: a decision is taken, brought into the log, decided there, and answered."""

from typing import Any

from infra.command_side.answer import decided, shown
from infra.control import apply_settings
from infra.failure import Failure, WrongUse
from infra.home import OpenHome
from projections.alerts import alert_exists
from streams.log import LogError


def case_decide(
    home: OpenHome, *, alert: str, decision: str, by: str, version: int | None, **told: str | None
) -> dict[str, Any]:
    """Take a decision about an alert; return what `infra.command_side.answer.decided` does."""
    apply_settings(home)
    home.pipeline.advance()
    answer = decided(home.cases, home.site.zone_info, alert, decision, by=by, version=version, told=told)
    if answer["accepted"]:
        try:
            home.relay.run()
            home.pipeline.advance()
        except LogError as error:
            raise Failure(
                f"the decision is kept, but the log cannot be told now: {error}; it will be with the next one"
            ) from error
    return answer


def case_show(home: OpenHome, *, alert: str) -> dict[str, Any]:
    """Return an alert's case: how far it is, and every decision about it.

    Raises:
        WrongUse: there is no such alert.
    """
    home.catch_up()
    case = home.cases.find(alert) if home.has_cases else None
    if case is None and not alert_exists(home.history, home.site, alert):
        raise WrongUse(f"there is no alert {alert}: see 'limen alerts --json' for their ids")
    return shown(alert, case, home.site.zone_info)
