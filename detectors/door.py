"""Doors: a door forced open, and a door held open too long.

Idea: the doors stage decides what a door did; these two make alerts of it. A held door's alert is cleared
when it closes; a forced door's stays until somebody has looked.

Parameters: none; how long a door may stand open is the policy's `doors.held_open_seconds`.

Example: a contact opens without a grant or a request to exit: forced. It is still open 30 s later: held.

Source: IEC 60839-11-1 (forced open, held open, at least 10 s open time recommended). Rule 10.7.
"""

from typing import Any, ClassVar

from detectors.base import Detector, Facts, Parameters, Rows
from domain.kernels import loop
from domain.output import Causes, Output, because, find
from domain.records import CLEAR, CLOSED, FORCED, HELD, NO_VALUE, OF_POINT, RAISE


class _Door(Detector[Parameters]):
    """What the two have in common: which change of a door raises, and which clears."""

    raised_by: ClassVar[int]
    cleared_by: ClassVar[int]

    def room(self, facts: Facts) -> int:
        """One finding a change of a door."""
        return len(facts.doors)

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise and clear."""
        causes.reserve(len(facts.doors))
        _detect(
            facts.doors,
            self.raised_by,
            self.cleared_by,
            findings.rows,
            findings.size,
            causes.rows,
            causes.size,
        )


class DoorForced(_Door):
    """A door was opened without leave."""

    name = "door_forced"
    order = 70
    raised_by = FORCED
    cleared_by = 0


class DoorHeld(_Door):
    """A door stands open."""

    name = "door_held"
    order = 80
    raised_by = HELD
    cleared_by = CLOSED


@loop
def _detect(
    doors: Any,
    raised_by: int,
    cleared_by: int,
    findings: Any,
    findings_size: Any,
    causes: Any,
    causes_size: Any,
) -> None:
    for k in range(len(doors)):
        change = doors[k]
        if change.action != raised_by and (cleared_by == 0 or change.action != cleared_by):
            continue
        kind = RAISE if change.action == raised_by else CLEAR
        finding = find(
            findings, findings_size, kind, OF_POINT, change.signal, change.occurred_at, change.known_at
        )
        finding.point = change.point
        if kind == RAISE and change.value != NO_VALUE:
            finding.value = change.value
            finding.limit = change.value
        because(finding, causes, causes_size, change.cause)
