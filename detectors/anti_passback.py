"""Anti-passback, soft: an entry without an exit.

Idea: a reading that leads into a zone from outside of it, by somebody who is inside it already, means that
a card was handed back, or that an exit was missed. Soft: it is told, nobody is locked out.

Parameters: `zones`, the zones whose border is watched.

Example: the zone is the building; a card that came in at 08:00 and has not left comes in again at 08:01.

Source: soft anti-passback as in Genetec Security Center (log, do not deny). Rule 10.6.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from detectors.base import Context, Detector, Facts, Parameters, Rows, chosen
from domain.kernels import loop
from domain.output import Causes, Output, because, find
from domain.records import ANYWHERE, MANUAL, MOVED, NONE, NOWHERE, OF_PERSON, RAISE, REPEATED
from domain.stages.occupancy import holds


class BordersAsked(Parameters):
    """The zones whose border is watched; zones within them are not, unless named."""

    zones: tuple[str, ...] = ()


class AntiPassback(Detector[BordersAsked]):
    """Keeps nothing: the crossing says where the person was."""

    name = "anti_passback"
    order = 60
    Parameters = BordersAsked
    ROW: ClassVar = np.dtype([("watched", "i8")])

    def compile(self, parameters: BordersAsked, zone: int, context: Context) -> tuple[int, ...]:
        """Return which zones around this one are watched: bit 0 itself, bit 1 the one around it, ..."""
        watched = {context.zone_codes.get(name, NOWHERE) for name in parameters.zones}
        bits, bit = 0, 1
        while zone != NOWHERE:
            bits |= bit if zone in watched else 0
            zone, bit = context.parents[zone], bit << 1
        return (bits,)

    def names_used(self, parameters: BordersAsked) -> Mapping[str, tuple[str, ...]]:
        """Return the zones named."""
        return {"zones": parameters.zones}

    def room(self, facts: Facts) -> int:
        """One finding a crossing."""
        return len(facts.crossings)

    def detect(self, facts: Facts, rows: Rows, findings: Output, events: Output, causes: Causes) -> None:  # noqa: ARG002 - no marks
        """Raise."""
        causes.reserve(2 * len(facts.crossings))
        _detect(
            facts.crossings, facts.zones, rows.rows, rows.which, findings.rows, findings.size,
            causes.rows, causes.size,
        )  # fmt: skip


@loop
def _detect(
    crossings: Any, zones: Any, rows: Any, which: Any, findings: Any, findings_size: Any,
    causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    for k in range(len(crossings)):
        row = crossings[k]
        if row.kind != MOVED and row.kind != REPEATED:
            continue
        if row.point == 0 or row.late or row.basis == MANUAL or row.from_zone == NOWHERE:
            continue
        bits = rows[chosen(rows, which, row.group, row.to_zone)].watched
        zone = row.to_zone
        while bits != 0:
            from_outside = row.other_zone == ANYWHERE or not holds(zones, zone, row.other_zone)
            if bits & 1 and from_outside and holds(zones, zone, row.from_zone):
                finding = find(
                    findings, findings_size, RAISE, OF_PERSON, row.signal, row.occurred_at, row.known_at
                )
                finding.person = row.person
                finding.zone = row.to_zone
                finding.point = row.point
                finding.visit = row.visit
                because(finding, causes, causes_size, row.cause)
                if row.second_cause != NONE:
                    because(finding, causes, causes_size, row.second_cause)
                break
            zone = zones[zone].parent
            bits >>= 1
