"""What is found between sites as signals: one for each of the two, into its own log (rule 13.5)."""

from typing import Any, Final

from domain.signal import Signal, Time, signal_id
from domain.vocabulary import Action, Category, Delivery, Reason
from streams.cross_site.rules import Finding
from streams.cross_site.uses import Use

DEVICE: Final = "limen:cross-site"
"""No `site.yaml` has a device of this name, for identifiers there hold no colon. A signal of another
origin may name it all the same."""


def alarms(finding: Finding, known_at: int) -> tuple[Signal, Signal]:
    """Return the signals for the sites of the earlier and of the later use.

    The same finding gives the same ids. `known_at` is the persons' log's time when it was found, UTC
    microseconds.
    """
    earlier, later = finding.earlier, finding.later
    return _alarm(finding, earlier, later, known_at), _alarm(finding, later, earlier, known_at)


def _alarm(finding: Finding, here: Use, there: Use, known_at: int) -> Signal:
    data: dict[str, Any] = {
        "kind": finding.kind,
        "other_site": there.site,
        "other_point": there.point,
        "seconds": finding.seconds,
        "causes": [finding.earlier.id, finding.later.id],
    }
    if finding.distance_km is not None:
        hours = finding.seconds / 3600
        data["distance_km"] = round(finding.distance_km, 1)
        data["speed_kmh"] = round(finding.distance_km / hours) if hours else None
    return Signal(
        id=signal_id(DEVICE, *finding.name, here.site),
        site=here.site,
        device=DEVICE,
        category=Category.ALARM,
        action=Action(finding.kind),
        time=Time(finding.later.at, known_at),
        point=here.point,
        reason=Reason.OTHER,
        credential=here.credential,
        person=here.person,
        # It is told when the persons' log was read, not when it happened: nobody's clock has drifted, and
        # no actuator moves on second-hand knowledge.
        delivery=Delivery.POLL,
        data=data,
    )
