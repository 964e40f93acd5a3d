"""Cases of sites on Kafka: decided in PostgreSQL at once, or ordered through the commands topic."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final
from zoneinfo import ZoneInfo

from domain.commands.alert_decision import site_in
from domain.commands.case_command import CaseCommand
from domain.vocabulary import Decision, Resolution
from infra.command_side.answer import decided, shown
from infra.command_side.cases import Cases
from infra.command_side.storage import PostgresStorage
from infra.failure import Failure, WrongUse
from infra.settings import Settings
from streams.kafka.commands import send_commands

_UTC: Final = ZoneInfo("UTC")


def shared_storage(settings: Settings) -> PostgresStorage:
    """Return where the decisions of all sites are kept.

    Raises:
        Failure: the settings do not name it.
    """
    if settings.postgres.host is None:
        raise Failure(
            "[postgres] host is not set: what people decide about sites on Kafka is kept in PostgreSQL; "
            "set it in limen.toml or LIMEN_POSTGRES_HOST"
        )
    return PostgresStorage(settings.postgres)


def case_decide(
    settings: Settings, *, alert: str, decision: str, by: str, version: int | None, **told: str | None
) -> dict[str, Any]:
    """Take a decision about an alert; `limen relay` tells the log. Times are UTC.

    Returns:
        What `infra.command_side.answer.decided` does.
    """
    with _cases(settings, alert) as cases:
        return decided(cases, _UTC, alert, decision, by=by, version=version, told=told)


def case_show(settings: Settings, *, alert: str) -> dict[str, Any]:
    """Return an alert's case; its times are UTC."""
    with _cases(settings, alert) as cases:
        return shown(alert, cases.find(alert), _UTC)


def case_send(
    settings: Settings, *, alert: str, decision: str, by: str, version: int | None, **told: str | None
) -> dict[str, Any]:
    """Order a decision through the commands topic; return the command's `id`, `partition` and `offset`.

    Raises:
        LogUnavailable: the broker does not take it; nobody knows whether it is there.
    """
    why = told.get("resolution")
    command = CaseCommand(
        kind="alert_case",
        id=secrets.token_hex(16),
        site=_site(alert),
        alert=alert,
        decision=Decision(decision),
        by=by,
        note=told.get("note"),
        assignee=told.get("assignee"),
        resolution=None if why is None else Resolution(why),
        if_version=version,
    )
    (sent,) = send_commands(settings.kafka.client_settings(), [command])
    return {"id": command.id, "partition": sent.partition, "offset": sent.offset}


def _site(alert: str) -> str:
    site = site_in(alert)
    if site is None:
        raise WrongUse(f"{alert!r} is no alert's id: it is SITE:RULE:SUBJECT:NUMBER, as the history shows it")
    return site


@contextmanager
def _cases(settings: Settings, alert: str) -> Iterator[Cases]:
    _site(alert)
    with Cases(shared_storage(settings), site_in) as cases:
        yield cases
