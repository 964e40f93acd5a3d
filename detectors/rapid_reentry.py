"""Rapid re-entry: one person enters the same zone again and again in a short time.

Idea: the N-th entry of one person into the same zone within W, both ends included, raises an alert; then
that person and zone are silent until more than W has passed since it.

Parameters: `entries` N (2 or more), `within_minutes` W (24 hours at most).

Example: N = 3, W = 10 minutes. Entries at 10:00, 10:04, 10:10 alert; 10:12 and 10:20 do not; 10:21 does,
for 10:12, 10:20 and 10:21 lie within ten minutes and 10:10 is more than ten minutes ago.

Source: R1.4 of the registration policy (several entries of one person in a short time raise an alarm).
Rule 10.2.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np

from detectors.base import Context, Detector, Facts, Parameters, Rows, chosen
from detectors.recent import Needed, Recent, WithinMinutes, happened, within_us
from domain.kernels import AHEAD, loop, prefetch
from domain.output import Causes, Output, find
from domain.records import MOVED, NONE, NOWHERE, OF_PERSON, RAISE


class EntriesAsked(Parameters):
    """How many entries within how long."""

    entries: Needed = 3
    within_minutes: WithinMinutes = 10


class RapidReentry(Detector[EntriesAsked]):
    """Keeps everybody's entries of the last W."""

    name = "rapid_reentry"
    order = 20
    Parameters = EntriesAsked
    ROW: ClassVar = np.dtype([("entries", "i8"), ("within_us", "i8")], align=True)

    def __init__(self) -> None:
        super().__init__()
        self.recent = Recent()
        self.tables = {"recent": self.recent}
        self._most, self._widest_us = 2, 0

    def configure(self, parameters: Sequence[EntriesAsked]) -> None:
        """Note the largest N, for room, and the widest W, for memory."""
        self._most = max(given.entries for given in parameters)
        self._widest_us = max(within_us(given.within_minutes) for given in parameters)

    def compile(self, parameters: EntriesAsked, zone: int, context: Context) -> tuple[int, ...]:  # noqa: ARG002 - alike in every zone
        """Return N and W in microseconds."""
        return (parameters.entries, within_us(parameters.within_minutes))

    def grow(self, counts: Mapping[str, int]) -> None:
        """Keep a newest moment for every person."""
        self.recent.newest.grow(counts["persons"])

    def room(self, facts: Facts) -> int:
        """One finding a crossing."""
        return len(facts.crossings)

    def reserve(self, facts: Facts) -> None:
        """Every crossing may be an entry."""
        self.recent.reserve(len(facts.crossings))

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise."""
        causes.reserve(len(facts.crossings) * self._most)
        recent = self.recent
        _detect(
            facts.crossings, rows.rows, rows.which, recent.newest.rows, recent.older.rows,
            recent.used, self._widest_us, findings.rows, findings.size, causes.rows, causes.size,
        )  # fmt: skip


@loop
def _detect(
    crossings: Any, rows: Any, which: Any, newest: Any, older: Any, used: Any, widest_us: int,
    findings: Any, findings_size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    for k in range(len(crossings)):
        entry = crossings[k]
        if k + AHEAD < len(crossings):
            prefetch(newest, crossings[k + AHEAD].person)
        if k + AHEAD // 2 < len(crossings):
            prefetch(older, newest[crossings[k + AHEAD // 2].person].earlier)
        if entry.kind != MOVED or entry.to_zone == NOWHERE or entry.late:
            continue
        rule = rows[chosen(rows, which, entry.group, entry.to_zone)]
        position = entry.cause if entry.second_cause == NONE else entry.second_cause
        first_cause = causes_size[0]
        if happened(
            newest, older, used, entry.person, entry.to_zone, entry.occurred_at, position,
            widest_us, rule.within_us, rule.entries, causes, causes_size,
        ):  # fmt: skip
            finding = find(
                findings, findings_size, RAISE, OF_PERSON, entry.signal, entry.occurred_at, entry.known_at
            )
            finding.person = entry.person
            finding.zone = entry.to_zone
            finding.point = entry.point
            finding.visit = entry.visit
            finding.value = rule.entries
            finding.limit = rule.entries
            finding.first_cause = first_cause
            finding.causes = rule.entries
