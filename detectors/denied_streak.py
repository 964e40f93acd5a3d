"""Denied streak: refused again and again.

Idea: the N-th refusal of one credential, or at one point, within W raises an alert; then that credential or
point is silent until more than W has passed since it. Somebody tries doors, or a card has gone wrong.

Parameters: `denials` N (2 or more), `within_minutes` W (24 hours at most).

Example: N = 5, W = 5 minutes. One card refused at five doors within five minutes: one alert for the card.

Source: GB 50396-2007 asks for an alarm after at most five wrong attempts in a row. Rule 10.5.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from detectors.base import Context, Detector, Facts, Parameters, Rows, chosen
from detectors.recent import Needed, Recent, WithinMinutes, happened, within_us
from domain.kernels import loop
from domain.output import Causes, Output, find
from domain.records import OF_CREDENTIAL, OF_POINT, RAISE


class DenialsAsked(Parameters):
    """How many denials within how long."""

    denials: Needed = 5
    within_minutes: WithinMinutes = 5


class DeniedStreak(Detector[DenialsAsked]):
    """Keeps the denials of the last W, by credential and by point."""

    name = "denied_streak"
    order = 50
    mixed_subjects = True
    Parameters = DenialsAsked
    ROW: ClassVar = np.dtype([("denials", "i8"), ("within_us", "i8")], align=True)

    def __init__(self) -> None:
        super().__init__()
        self.by_credential = Recent()
        self.by_point = Recent()
        self.tables = {"by_credential": self.by_credential, "by_point": self.by_point}
        self._most, self._widest_us = 2, 0

    def configure(self, parameters: Sequence[DenialsAsked]) -> None:
        """Note the largest N, for room, and the widest W, for memory."""
        self._most = max(given.denials for given in parameters)
        self._widest_us = max(within_us(given.within_minutes) for given in parameters)

    def compile(self, parameters: DenialsAsked, zone: int, context: Context) -> tuple[int, ...]:  # noqa: ARG002 - alike in every zone
        """Return N and W in microseconds."""
        return (parameters.denials, within_us(parameters.within_minutes))

    def grow(self, counts: Mapping[str, int]) -> None:
        """Keep a newest moment for every credential and point."""
        self.by_credential.newest.grow(counts["credentials"])
        self.by_point.newest.grow(counts["points"])

    def room(self, facts: Facts) -> int:
        """Two findings a denial."""
        return 2 * len(facts.denials)

    def reserve(self, facts: Facts) -> None:
        """Every denial counts for a credential and a point."""
        self.by_credential.reserve(len(facts.denials))
        self.by_point.reserve(len(facts.denials))

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise."""
        causes.reserve(self.room(facts) * self._most)
        cards, places = self.by_credential, self.by_point
        _detect(
            facts.signals, facts.denials, facts.people, facts.points, rows.rows, rows.which,
            cards.newest.rows, cards.older.rows, cards.used, places.newest.rows, places.older.rows,
            places.used, self._widest_us, findings.rows, findings.size, causes.rows, causes.size,
        )  # fmt: skip


@loop
def _detect(
    signals: Any, denials: Any, people: Any, points: Any, rows: Any, which: Any, card_newest: Any,
    card_older: Any, card_used: Any, point_newest: Any, point_older: Any, point_used: Any, widest_us: int,
    findings: Any, findings_size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    for k in range(len(denials)):
        i = denials[k].signal
        signal = signals[i]
        if signal.late or not signal.resolved:
            continue
        at = signal.occurred_at
        zone = points[signal.point].to_zone
        rule = rows[chosen(rows, which, people[signal.person].group, zone)]
        for of in (OF_CREDENTIAL, OF_POINT):
            first_cause = causes_size[0]
            alarming = False
            if of == OF_POINT:
                alarming = happened(
                    point_newest, point_older, point_used, signal.point, 0, at, signal.position,
                    widest_us, rule.within_us, rule.denials, causes, causes_size,
                )  # fmt: skip
            elif signal.credential != 0:
                alarming = happened(
                    card_newest, card_older, card_used, signal.credential, 0, at, signal.position,
                    widest_us, rule.within_us, rule.denials, causes, causes_size,
                )  # fmt: skip
            if alarming:
                finding = find(findings, findings_size, RAISE, of, i, at, signal.now)
                if of == OF_CREDENTIAL:
                    finding.person = signal.person
                    finding.credential = signal.credential
                finding.point = signal.point
                finding.zone = zone
                finding.value = rule.denials
                finding.limit = rule.denials
                finding.first_cause = first_cause
                finding.causes = rule.denials
