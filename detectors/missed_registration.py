"""Missed registration: somebody is inside who never came in.

Idea: a visit that begins neither in an entrance zone nor at a point from outside means that its first
reading was missed: a door held open, a tailgate, a reader that was silent.

Parameters: none.

Example: the first reading of the day is on the second floor: one alert.

Source: R1.2 and R3.2 of the registration policy (an entry without registration counts against the
department). Rule 10.4.
"""

from typing import Any

from detectors.base import Detector, Facts, Parameters, Rows
from domain.kernels import loop
from domain.output import Causes, Output, because, find
from domain.records import MOVED, NONE, OF_PERSON, RAISE


class MissedRegistration(Detector[Parameters]):
    """Keeps nothing: every such visit is an alert."""

    name = "missed_registration"
    order = 40

    def room(self, facts: Facts) -> int:
        """One finding a crossing."""
        return len(facts.crossings)

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise."""
        causes.reserve(2 * len(facts.crossings))
        _detect(facts.crossings, findings.rows, findings.size, causes.rows, causes.size)


@loop
def _detect(crossings: Any, findings: Any, findings_size: Any, causes: Any, causes_size: Any) -> None:
    for k in range(len(crossings)):
        entry = crossings[k]
        if entry.kind != MOVED or entry.proper or entry.late:
            continue
        finding = find(
            findings, findings_size, RAISE, OF_PERSON, entry.signal, entry.occurred_at, entry.known_at
        )
        finding.person = entry.person
        finding.zone = entry.to_zone
        finding.point = entry.point
        finding.visit = entry.visit
        because(finding, causes, causes_size, entry.cause)
        if entry.second_cause != NONE:
            because(finding, causes, causes_size, entry.second_cause)
