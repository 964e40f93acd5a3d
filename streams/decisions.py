"""Decisions of people that the engine tells and does nothing about (rules 12.3)."""

from typing import Any

import msgspec

from domain.commands.alert_decision import read_alert_decision, rule_in
from domain.errors import InvalidDocument
from domain.signal import Signal
from domain.vocabulary import Topic


def tell_decision(signal: Signal) -> tuple[Topic, dict[str, Any]]:
    """Return the topic of what a `decided` signal tells, and the fields of its event: rule, alert, detail.

    Raises:
        InvalidDocument: its data is no decision about an alert of its site.
    """
    told = read_alert_decision(signal.data)
    rule = rule_in(told.alert, signal.site)
    if rule is None:
        raise InvalidDocument(f"decided: alert {told.alert!r} is no alert of {signal.site}")
    detail = msgspec.to_builtins(told)
    del detail["kind"], detail["alert"], detail["decision"]
    fields = {"rule": rule, "alert": told.alert, "detail": detail}
    return Topic(f"alert.{told.decision}"), fields
