"""All stages, a part of the batch at a time: what one stage writes, the next finds in the cache."""

from typing import Any, Final

from domain.kernels import loop
from domain.stages.crossings import cross
from domain.stages.doors import watch_doors
from domain.stages.health import watch_devices
from domain.stages.occupancy import occupy
from domain.stages.resolve import resolve
from domain.stages.visits import tell_visits
from domain.timers import NEVER

PART: Final = 1_024
"""Signals a part: their rows and what follows from them are about 300 kB, less than a core's own cache."""


@loop
def run_stages(
    signals: Any, survey: Any, clock: Any, people: Any, zones: Any, points: Any, devices: Any,
    credentials: Any, holdings: Any, settings: Any, pending: Any, pending_used: Any, grants: Any,
    grants_span: Any, near: Any, near_size: Any, links: Any, marks: Any, passages: Any, passages_size: Any,
    silences: Any, silences_size: Any, helds: Any, helds_span: Any, watched: Any, denials: Any,
    denials_size: Any, crossings: Any, crossings_size: Any, levels: Any, levels_size: Any, doors: Any,
    doors_size: Any, events: Any, size: Any, causes: Any, causes_size: Any,
) -> None:  # fmt: skip
    """Run the stages 1 to 6 (docs/rules.md, section 2) over a batch. All outputs have room."""
    seen = survey[0]
    seen.first_at = NEVER
    seen.last_at = -NEVER
    seen.alarms = 0
    for first in range(0, len(signals), PART):
        last = min(first + PART, len(signals))
        resolve(
            signals, first, last, survey, clock, people, points, devices, credentials, holdings,
            denials, denials_size, events, size, causes, causes_size,
        )  # fmt: skip
        watch_devices(
            signals, first, last, devices, silences, silences_size, settings,
            events, size, causes, causes_size,
        )  # fmt: skip
        crossed = crossings_size[0]
        cross(
            signals, first, last, people, zones, points, pending, pending_used, grants, grants_span,
            near, near_size, links, marks, passages, passages_size, settings, crossings, crossings_size,
            events, size, causes, causes_size,
        )  # fmt: skip
        tell_visits(crossings, crossed, crossings_size[0], events, size, causes, causes_size)
        occupy(crossings, crossed, crossings_size[0], zones, levels, levels_size, watched)
        watch_doors(
            signals, first, last, points, helds, helds_span, settings, doors, doors_size,
            events, size, causes, causes_size,
        )  # fmt: skip
