"""Density: more people in a zone than it may hold.

Idea: the limit *reached* is told, the limit *exceeded* raises an alert, and only when the count has fallen
to `clear_percent` of the limit is it *cleared*, so that people at the threshold do not make it flutter.

Parameters: `limit` (persons), `limit_per_m2` (with the zone's area; the smaller counts), `clear_percent`.

Example: limit 30, 90 %. 30 people: reached. 31: exceeded, alert. 28: nothing. 27: cleared.

Source: R2.2 of the registration policy (a zone over its density limit); the states are those of Genetec's
occupancy limits (reached, exceeded, below) and BACnet's access zones. Rule 10.3.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Final

import numpy as np
from pydantic import Field

from detectors.base import Context, Detector, Facts, Parameters, Rows, chosen
from domain.kernels import Table, loop
from domain.output import Causes, Output, because, emit, find
from domain.records import CLEAR, NONE, OF_ZONE, RAISE, SITE, TOPIC
from domain.site import persons_in
from domain.vocabulary import Topic

REACHED: Final = TOPIC[Topic.DENSITY_REACHED]
EXCEEDED: Final = TOPIC[Topic.DENSITY_EXCEEDED]
CLEARED: Final = TOPIC[Topic.DENSITY_CLEARED]
NORMAL, AT_LIMIT, OVER = 0, 1, 2
STATE: Final = np.dtype([("state", "u1")], align=True)


class LimitAsked(Parameters):
    """How many may be in the zone. No limit at all where neither is given."""

    limit: Annotated[int, Field(ge=1, le=1_000_000_000)] | None = None
    limit_per_m2: Annotated[float, Field(gt=0, le=1_000)] | None = None
    clear_percent: Annotated[int, Field(ge=0, le=100)] = 90


class Density(Detector[LimitAsked]):
    """Keeps the state of every zone. Roles and departments do not select: a zone has one limit."""

    name = "density"
    order = 30
    Parameters = LimitAsked
    ROW: ClassVar = np.dtype([("limit", "i8"), ("clear_percent", "i8")], align=True)
    needs_levels = True
    by_zone_alone = True

    def __init__(self) -> None:
        super().__init__()
        self.states = Table(STATE, 1)
        self.tables = {"states": self.states}

    def compile(self, parameters: LimitAsked, zone: int, context: Context) -> tuple[int, ...]:
        """Return the limit in persons (NONE if there is none) and the percentage that clears."""
        if zone == SITE:
            return (NONE, 0)  # the site as a whole is no zone that a policy could name
        limits = [] if parameters.limit is None else [parameters.limit]
        if parameters.limit_per_m2 is not None and context.areas_m2[zone] > 0:
            limits.append(persons_in(context.areas_m2[zone], parameters.limit_per_m2))
        return (min(limits, default=NONE), parameters.clear_percent)

    def grow(self, counts: Mapping[str, int]) -> None:
        """Keep a state for every zone."""
        self.states.grow(counts["zones"])

    def room(self, facts: Facts) -> int:
        """One finding a level."""
        return len(facts.levels)

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:
        """Tell what changed, raise and clear."""
        causes.reserve(2 * len(facts.levels))
        _detect(
            facts.levels, facts.crossings, rows.rows, rows.which, self.states.rows, findings.rows,
            findings.size, events.rows, events.size, causes.rows, causes.size,
        )  # fmt: skip


@loop
def _detect(
    levels: Any, crossings: Any, rows: Any, which: Any, states: Any, findings: Any, findings_size: Any,
    events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    for k in range(len(levels)):
        level = levels[k]
        rule = rows[chosen(rows, which, 0, level.zone)]
        if rule.limit == NONE:
            continue
        zone = states[level.zone]
        before = zone.state
        if level.count > rule.limit:
            zone.state = OVER
        elif level.count == rule.limit and before == NORMAL:
            zone.state = AT_LIMIT
        elif before != NORMAL and level.count * 100 <= rule.limit * rule.clear_percent:
            zone.state = NORMAL
        if zone.state == before:
            continue
        moved = crossings[level.crossing]
        topic = EXCEEDED if zone.state == OVER else REACHED if zone.state == AT_LIMIT else CLEARED
        event = emit(events, size, topic, moved.signal, moved.occurred_at, moved.known_at)
        because(event, causes, causes_size, moved.cause)
        if moved.second_cause != NONE:
            because(event, causes, causes_size, moved.second_cause)
        event.zone = level.zone
        event.value = level.count
        event.limit = rule.limit
        if zone.state != AT_LIMIT:
            kind = RAISE if zone.state == OVER else CLEAR
            if kind == CLEAR and before != OVER:
                continue
            finding = find(
                findings, findings_size, kind, OF_ZONE, moved.signal, moved.occurred_at, moved.known_at
            )
            finding.zone = level.zone
            finding.value = level.count
            finding.limit = rule.limit
            finding.first_cause = event.first_cause
            finding.causes = event.causes
