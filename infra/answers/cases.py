"""Answers about alerts' cases: a decision is taken, brought into the log, decided there, and answered."""

from typing import TYPE_CHECKING, Any

from infra.command_side.answer import decided, shown
from infra.control import apply_settings
from infra.failure import Failure, WrongUse
from infra.home import OpenHome
from projections.alerts import alert_exists, decisions_about
from streams.log import LogError

if TYPE_CHECKING:
    from domain.commands.alert_case import AlertCase


def case_decide(
    home: OpenHome, *, alert: str, decision: str, by: str, version: int | None, **told: str | None
) -> dict[str, Any]:
    """Take a decision about an alert; return what `infra.command_side.answer.decided` does.

    Raises:
        Failure: what keeps the cases lacks decisions that the log has, which would take a new one for one of
            these and leave it out.
    """
    apply_settings(home)
    home.pipeline.advance()
    _case(home, alert)
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
        Failure: what keeps the cases lacks decisions that the log has.
    """
    home.catch_up()
    case = _case(home, alert)
    if case is None and not alert_exists(home.history, home.site, alert):
        raise WrongUse(f"there is no alert {alert}: see 'limen alerts --json' for their ids")
    return shown(alert, case, home.site.zone_info)


def _case(home: OpenHome, alert: str) -> "AlertCase | None":
    case = home.cases.find(alert) if home.has_cases else None
    told, kept = decisions_about(home.history, home.site, alert), len(case.decisions) if case else 0
    if told > kept:
        where = home.paths.cases if home.settings.postgres.host is None else "PostgreSQL"
        raise Failure(
            f"{where}: of the {told} decisions about {alert} that the log has, {told - kept} are not there: "
            "they were lost, or older ones stand in their place. Restore them from the newest backup"
        )
    return case
