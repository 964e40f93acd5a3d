"""Alerts (rules.md 11)."""

from dataclasses import dataclass

from domain.vocabulary import Topic

from .detectors import Finding
from .world import SECOND, World, span


@dataclass
class Alert:
    """The last alert raised for a subject of a rule."""

    id: str
    number: int
    raised_at: int
    open: bool = True


class Alerts:
    """The last alert of every rule and subject."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], Alert] = {}

    def look(self, world: World, found: list[Finding]) -> None:
        """Turn findings into events."""
        for finding in found:
            rule = world.policy.rules[finding.rule]
            last = self._last.get((finding.rule, finding.subject))
            cool_down = span(rule.cool_down_seconds, SECOND)
            # rules.md 11.3: "at most c after" also holds of what happened before the last raised alert.
            cooling = last is not None and finding.occurred_at - last.raised_at <= cool_down
            if finding.kind == "clear":
                # 11.4; rules.md 10.3: an alert that was cleared is no longer there to be cleared.
                if last is not None and last.open:
                    last.open = False
                    self._say(world, Topic.ALERT_CLEARED, last.id, finding, {})
            elif finding.kind == "join" or (cool_down > 0 and cooling):  # 11.3
                if last is not None:  # 11.4
                    # rules.md 11.3: whoever joins a cleared alert opens it again, so that it can be cleared.
                    last.open = True
                    self._say(world, Topic.ALERT_JOINED, last.id, finding, {"person": finding.person})
            else:
                number = last.number + 1 if last is not None else 1  # 11.1
                alert = f"{world.site_id}:{finding.rule}:{finding.subject}:{number}"
                self._last[finding.rule, finding.subject] = Alert(alert, number, finding.occurred_at)
                fields: dict[str, object] = {
                    "severity": rule.severity,
                    "person": finding.person,
                    "credential": finding.credential,
                    "visit": finding.visit,
                    "value": finding.value,
                    "limit": finding.limit,
                }
                self._say(world, Topic.ALERT_RAISED, alert, finding, fields)

    @staticmethod
    def _say(world: World, topic: Topic, alert: str, finding: Finding, fields: dict[str, object]) -> None:
        """11.2."""
        world.emit(
            topic,
            occurred_at=finding.occurred_at,
            known_at=finding.known_at,
            causes=finding.causes,
            rule=finding.rule,
            alert=alert,
            zone=finding.zone,
            point=finding.point,
            **fields,
        )
