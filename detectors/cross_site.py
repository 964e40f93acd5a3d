"""Between sites: one card at two sites faster than anyone travels, and one person at two sites at once.

Idea: no site can see either by itself. The second stage (streams/cross_site) compares what the sites say of
one card and of one person, and tells each site concerned by an alarm signal; these two make alerts of it.

Parameters: none; speed, distances and overlap are asked where the sites are compared (`[cross_site]` in
`limen.toml`).

Example: a card is used in Berlin at 10:00 and refused in Lisbon at 10:40: `impossible_travel`, at both sites.
Ann goes from room to room in one building from 9:00 to 10:00, and in another one too: `two_sites`.

Source: impossible travel as in sign-in protection (Microsoft Entra ID Protection; MITRE ATT&CK T1078, valid
accounts). Rule 10.8.
"""

from typing import Any, ClassVar

from detectors.base import Detector, Facts, Parameters, Rows
from domain.kernels import loop
from domain.output import Causes, Output, because, find
from domain.records import ALARM, IMPOSSIBLE_TRAVEL, OF_PERSON, RAISE, TWO_SITES


class _BetweenSites(Detector[Parameters]):
    """What the two have in common: the alarm that raises; a late one does too, it is told afterwards."""

    raised_by: ClassVar[int]

    def room(self, facts: Facts) -> int:
        """One finding an alarm."""
        return facts.alarms

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise."""
        causes.reserve(facts.alarms)
        _detect(
            facts.signals,
            facts.points,
            self.raised_by,
            findings.rows,
            findings.size,
            causes.rows,
            causes.size,
        )


class ImpossibleTravel(_BetweenSites):
    """A card was used at two sites faster than anyone travels."""

    name = "impossible_travel"
    order = 90
    raised_by = IMPOSSIBLE_TRAVEL


class TwoSites(_BetweenSites):
    """A person was seen inside two sites at the same time."""

    name = "two_sites"
    order = 100
    raised_by = TWO_SITES


@loop
def _detect(
    signals: Any,
    points: Any,
    raised_by: int,
    findings: Any,
    findings_size: Any,
    causes: Any,
    causes_size: Any,
) -> None:
    for i in range(len(signals)):
        signal = signals[i]
        if signal.category != ALARM or signal.action != raised_by or signal.person == 0:
            continue
        point = points[signal.point]
        finding = find(findings, findings_size, RAISE, OF_PERSON, i, signal.occurred_at, signal.now)
        finding.person = signal.person
        finding.credential = signal.credential
        if point.declared:
            finding.point = signal.point
            finding.zone = point.to_zone
        because(finding, causes, causes_size, signal.position)
