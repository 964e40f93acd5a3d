"""Decisions of people that the engine tells and does nothing about (rules 12.3)."""

from typing import Any

import msgspec

from domain.commands.alert_decision import read_alert_decision
from domain.errors import InvalidDocument
from domain.signal import Signal
from domain.vocabulary import Topic


def tell_decision(signal: Signal) -> tuple[Topic, dict[str, Any]]:
    """Return the topic of what a `decided` signal tells, and the fields of its event: rule, alert, detail.

    Raises:
        InvalidDocument: its data is no decision about an alert of its site.
    """
    told = read_alert_decision(signal.data)
    detail = msgspec.to_builtins(told)
    del detail["kind"], detail["alert"], detail["decision"]
    fields = {"rule": _rule_of(told.alert, signal.site), "alert": told.alert, "detail": detail}
    return Topic(f"alert.{told.decision}"), fields


def _rule_of(alert: str, site: str) -> str:
    """Return the rule in an alert's id (rules 11.1); the subject may hold colons itself."""
    head, _, rest = alert.partition(":")
    rule, _, rest = rest.partition(":")
    subject, _, number = rest.rpartition(":")
    if head != site or not rule or not subject or not (number.isascii() and number.isdigit()):
        raise InvalidDocument(f"decided: alert {alert!r} is no alert of {site}")
    return rule
