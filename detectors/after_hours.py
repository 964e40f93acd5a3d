"""After hours: somebody enters when nobody works there.

Idea: an entry outside the working hours that apply to this person and zone is marked; the first in an
out-of-hours period raises an alert for the person, later ones in that period join its evidence.

Parameters: `calendar`, the name of one of the policy's calendars; null exempts.

Example: hours are Monday to Friday 07:00-19:00. Somebody moves about on Friday at 19:00, 19:20 and on
Sunday at 11:00: three marked entries, one alert with three pieces of evidence.

Source: R1.4 of the registration policy (time-of-day marks); NIST SP 800-53 PE-6 names access outside
normal hours as a pattern to review. Rule 10.1.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, Final

import numpy as np

from detectors.base import Context, Detector, Facts, Parameters, Rows, chosen
from domain.kernels import Table, inlined, loop
from domain.output import Causes, Output, because, emit, find
from domain.records import JOIN, MOVED, NONE, NOWHERE, OF_PERSON, RAISE, TOPIC
from domain.timers import NEVER
from domain.vocabulary import Topic

MARK: Final = TOPIC[Topic.ENTRY_AFTER_HOURS]
PERIOD: Final = np.dtype([("until", "i8")], align=True)
EXEMPT: Final = -1


class HoursAsked(Parameters):
    """Which working hours apply."""

    calendar: str | None = None


class AfterHours(Detector[HoursAsked]):
    """Keeps for every person the end of the period in which the last alert was raised."""

    name = "after_hours"
    order = 10
    Parameters = HoursAsked
    ROW: ClassVar = np.dtype([("calendar", "i4")], align=True)

    def __init__(self) -> None:
        super().__init__()
        self.periods = Table(PERIOD, 1)
        self.tables = {"periods": self.periods}

    def compile(self, parameters: HoursAsked, zone: int, context: Context) -> tuple[int, ...]:  # noqa: ARG002 - alike in every zone
        """Return the calendar's number."""
        return (EXEMPT if parameters.calendar is None else context.calendars[parameters.calendar],)

    def names_used(self, parameters: HoursAsked) -> Mapping[str, tuple[str, ...]]:
        """Return the calendar referred to."""
        return {"calendars": (parameters.calendar,) if parameters.calendar is not None else ()}

    def grow(self, counts: Mapping[str, int]) -> None:
        """Keep a period for every person."""
        self.periods.grow(counts["persons"])

    def room(self, facts: Facts) -> int:
        """One finding a crossing."""
        return len(facts.crossings)

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:
        """Mark entries, raise and join."""
        causes.reserve(2 * len(facts.crossings))
        hours = facts.hours
        _detect(
            facts.crossings, rows.rows, rows.which, hours.bounds, hours.starts, hours.ends,
            hours.last, self.periods.rows, findings.rows, findings.size, events.rows, events.size,
            causes.rows, causes.size,
        )  # fmt: skip


@inlined
def out_of_hours_until(at: int, calendar: int, bounds: Any, starts: Any, ends: Any, last: Any) -> int:
    """Return when work begins again if nobody works at this time, else 0; NEVER if it never does.

    `last` keeps, for each calendar, the interval that held the last time asked for: mostly it holds this one.
    """
    if starts[last[calendar]] <= at and at < ends[last[calendar]]:
        return 0
    low = bounds[calendar]
    high = bounds[calendar + 1]
    while low < high:  # the first interval that starts after `at`
        middle = (low + high) >> 1
        if starts[middle] <= at:
            low = middle + 1
        else:
            high = middle
    if low > bounds[calendar] and at < ends[low - 1]:
        last[calendar] = low - 1
        return 0
    return int(starts[low]) if low < bounds[calendar + 1] else NEVER


@loop
def _detect(
    crossings: Any, rows: Any, which: Any, bounds: Any, starts: Any, ends: Any, last: Any,
    periods: Any, findings: Any, findings_size: Any, events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    for k in range(len(crossings)):
        entry = crossings[k]
        if entry.kind != MOVED or entry.to_zone == NOWHERE or entry.late:
            continue
        calendar = rows[chosen(rows, which, entry.group, entry.to_zone)].calendar
        if calendar == EXEMPT:
            continue
        until = out_of_hours_until(entry.occurred_at, calendar, bounds, starts, ends, last)
        if until == 0:
            continue
        period = periods[entry.person]
        kind = JOIN if entry.occurred_at < period.until else RAISE
        finding = find(
            findings, findings_size, kind, OF_PERSON, entry.signal, entry.occurred_at, entry.known_at
        )
        if kind == RAISE:
            period.until = until
        mark = emit(events, size, MARK, entry.signal, entry.occurred_at, entry.known_at)
        because(mark, causes, causes_size, entry.cause)
        if entry.second_cause != NONE:
            because(mark, causes, causes_size, entry.second_cause)
        finding.first_cause = mark.first_cause
        finding.causes = mark.causes
        finding.person = entry.person
        finding.zone = entry.to_zone
        finding.point = entry.point
        finding.visit = entry.visit
        mark.person = entry.person
        mark.zone = entry.to_zone
        mark.point = entry.point
        mark.visit = entry.visit
