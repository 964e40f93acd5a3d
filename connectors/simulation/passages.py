"""The doors: from what people mean to do to what they do, and what contacts and counters report of it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Final

from connectors.simulation.campus import OUTSIDE_CODE, Campus
from connectors.simulation.crossing import NO_INCIDENT, Crossing, Intent
from connectors.simulation.report import Denial, Outage, Report
from connectors.simulation.truth import Incident, Truth
from domain.policy import Policy
from domain.signal import Count, Credential
from domain.times import MILLISECOND_US, MINUTE_US, SECOND_US
from domain.vocabulary import Action, Reason

_REST_US: Final = 200 * MILLISECOND_US  # after a closing, before the next grant: the count lies between them
_COUNT_AFTER_US: Final = 100 * MILLISECOND_US
_JOIN_US: Final = 8 * SECOND_US  # so long others slip in on an open door; it then closes, far below "held"
_THROUGH_US: Final = 700 * MILLISECOND_US  # from a grant at an open door to the step through it
_APART_US: Final = 3 * SECOND_US
_PENDING_US: Final = 15 * SECOND_US  # longer than a grant can be pending
_DENIALS_APART_US: Final = 10 * MINUTE_US
CROWD_SIGNALS: Final = 5
"""So many entries above the limit show a crowd; one that does not come to that may go unnoticed."""


@dataclass(slots=True)
class _Opening:
    """One opening of a door, from the first grant to the closing. Nobody joins after `join_until`."""

    granted_at: int
    open_at: int
    close_at: int
    join_until: int
    incident: int = NO_INCIDENT
    count_incident: int = NO_INCIDENT
    passed: list[int] = field(default_factory=lambda: [0, 0])
    reported: bool = False


class Passages:
    """Lets everybody through in order of time, and keeps the state of doors and people from day to day.

    A person whom the readings show elsewhere than they are never hesitates at a door: a second grant not
    gone through would put them in two places of which neither is the true one.
    """

    def __init__(
        self, campus: Campus, policy: Policy, limits: dict[int, int], persons: int, truth: Truth
    ) -> None:
        self._campus, self._truth = campus, truth
        self._outage: Outage | None = None
        self._held_us = round(policy.doors.held_open_seconds * SECOND_US)
        within_ms = policy.presence.detect_within_seconds * 1_000
        self._opens_ms = (min(1_000, int(within_ms * 0.2)), min(2_000, int(within_ms * 0.5)))
        points = len(campus.point_ids)
        self._doors: list[_Opening | None] = [None] * points
        self._rest_until = [0] * points
        self._hesitated_at = [0] * points
        self._denied_at = [-_DENIALS_APART_US] * points
        self._passed_ever = [[0, 0] for _ in range(points)]
        self._free_at = [0] * persons
        self._misplaced = [False] * persons
        self._place = [OUTSIDE_CODE] * persons
        self._inside = [0] * (len(campus.zone_ids))
        self._limits = limits
        self._crowds: dict[int, tuple[int, int]] = {}
        self._moves: list[tuple[int, int, int]] = []
        self._reports: list[Report] = []

    def begin(
        self,
        rng: Random,
        carried: Sequence[Credential | None],
        denials: Sequence[Denial],
        outage: Outage | None,
    ) -> None:
        """Begin a day; `carried` is the credential of each person, `denials` what crossings number."""
        self._rng, self._carried, self._denials, self._outage = rng, carried, denials, outage

    def until(self, until_us: int, crossings: Iterable[Crossing]) -> list[Report]:
        """Return the reports of these crossings, some of them about times after `until_us`.

        `crossings` are in order, and all up to `until_us` (exclusive). The moves before it are added to
        the truth.
        """
        for crossing in crossings:
            self._cross(crossing)
        for point, opening in enumerate(self._doors):
            if opening is not None and opening.close_at < until_us:
                self._close(point, opening)
            elif opening is not None and opening.open_at < until_us:
                self._report_opened(point, opening)
        self._moves.sort()
        later = [move for move in self._moves if move[0] >= until_us]
        self._truth.extend(self._moves[: len(self._moves) - len(later)])
        reports, self._reports, self._moves = self._reports, [], later
        return reports

    def _cross(self, crossing: Crossing) -> None:
        at, intent, body, holder, point, out, extra, incident = crossing
        if body >= 0 and self._free_at[body] > at:
            at = self._free_at[body]
        if intent == Intent.DENIED:
            if incident != NO_INCIDENT or at - self._denied_at[point] >= _DENIALS_APART_US:
                self._denied_at[point] = at
                credential, reason = self._denials[extra]
                self._say(at, Action.DENIED, point, out, credential, incident, reason)
        elif intent == Intent.HESITATE:
            self._hesitate(at, body, holder, point, out)
        elif intent in (Intent.FORCED, Intent.REQUESTED):
            self._open_for_nobody(at, point, incident, intent == Intent.REQUESTED)
        elif self._campus.contact[point]:
            self._through_door(at, intent, body, holder, point, out, extra, incident)
        else:
            zone = self._campus.sides[point][out]
            offline = self._is_offline(point, at)
            if zone in self._limits and not offline:
                incident = self._crowd(zone, incident)
            self._say(at, Action.GRANTED, point, out, self._carried[holder], incident)
            self._misplaced[holder] = offline
            self._move(at, body, zone)

    def _is_offline(self, point: int, at: int) -> bool:
        return self._outage is not None and self._outage.holds(self._campus.device_of[point], at)

    def _hesitate(self, at: int, body: int, holder: int, point: int, out: int) -> None:
        opening = self._doors[point]
        offline = self._is_offline(point, at)
        busy = opening is not None and at < opening.close_at + _REST_US
        if offline or busy or self._misplaced[holder]:
            return
        self._say(at, Action.GRANTED, point, out, self._carried[holder])
        self._misplaced[holder] = True
        self._hesitated_at[point] = at
        self._free_at[body] = at + _PENDING_US

    def _open_for_nobody(self, at: int, point: int, incident: int, requested: bool) -> None:
        at = self._wait(point, max(at, self._hesitated_at[point] + _PENDING_US))
        if requested:
            self._say(at, Action.EXIT_REQUESTED, point)
        opens = at + self._opens_ms[0] * MILLISECOND_US
        closes = opens + 4 * SECOND_US + int(self._rng.random() * 4_000) * MILLISECOND_US
        self._doors[point] = _Opening(at, opens, closes, 0, incident)

    def _through_door(
        self, at: int, intent: Intent, body: int, holder: int, point: int, out: int, extra: int, incident: int
    ) -> None:
        opening = self._doors[point]
        if (
            opening is None
            or intent != Intent.PASS
            or at > opening.join_until
            or at > opening.close_at - _REST_US
        ):
            at = self._wait(point, at)
            opening = self._doors[point] = self._new_opening(at, intent, incident)
        else:
            at = max(at, opening.granted_at)
            if abs(at - opening.open_at) < _COUNT_AFTER_US:
                at = opening.open_at + _COUNT_AFTER_US
            if incident != NO_INCIDENT and at < opening.open_at:
                opening.incident = incident
        self._misplaced[holder] = False
        opening.passed[out] += 1
        moved = opening.open_at
        if at > opening.open_at:
            moved = at + _THROUGH_US
            opening.close_at = max(opening.close_at, moved + SECOND_US)
        shown = incident if intent == Intent.PASS else NO_INCIDENT
        self._say(at, Action.GRANTED, point, out, self._carried[holder], shown)
        zone = self._campus.sides[point][out]
        self._move(moved, body, zone)
        if intent == Intent.TAILGATED:
            opening.passed[out] += 1
            self._misplaced[extra] = True
            self._move(moved + 900 * MILLISECOND_US, extra, zone)

    def _new_opening(self, at: int, intent: Intent, incident: int) -> _Opening:
        random = self._rng.random
        least, more = self._opens_ms
        if intent == Intent.TAILGATED:  # nobody joins, and the count follows the step within 5 seconds
            opens = at + least * MILLISECOND_US
            return _Opening(at, opens, opens + 2_400 * MILLISECOND_US, 0, count_incident=incident)
        opens = at + (least + int(random() * more)) * MILLISECOND_US
        if intent == Intent.HELD:
            closes = opens + self._held_us + (20_000 + int(random() * 40_000)) * MILLISECOND_US
            return _Opening(at, opens, closes, closes - SECOND_US, incident)
        closes = opens + (2_500 + int(random() * 1_500)) * MILLISECOND_US
        return _Opening(at, opens, closes, opens + _JOIN_US, incident)

    def _wait(self, point: int, at: int) -> int:
        """Return the first time from `at` on at which the door is closed and counted."""
        opening = self._doors[point]
        if opening is not None:
            self._close(point, opening)
        return max(at, self._rest_until[point])

    def _report_opened(self, point: int, opening: _Opening) -> None:
        if not opening.reported:
            opening.reported = True
            self._say(opening.open_at, Action.OPENED, point, incident=opening.incident)

    def _close(self, point: int, opening: _Opening) -> None:
        self._report_opened(point, opening)
        self._say(opening.close_at, Action.CLOSED, point)
        if self._campus.counted[point]:
            for out, passed in enumerate(opening.passed):
                if passed:
                    self._passed_ever[point][out] += passed
                    count = Count(interval=passed, cumulative=self._passed_ever[point][out])
                    at = opening.close_at + _COUNT_AFTER_US
                    self._say(at, Action.COUNTED, point, out, None, opening.count_incident, count=count)
        self._rest_until[point] = opening.close_at + _REST_US
        self._doors[point] = None

    def _move(self, at: int, body: int, zone: int) -> None:
        self._moves.append((at, body, zone))
        self._free_at[body] = at + _APART_US
        self._inside[self._place[body]] -= 1
        self._inside[zone] += 1
        self._place[body] = zone

    def _crowd(self, zone: int, incident: int) -> int:
        """Return the incident that an entry into a zone with a limit shows: each new height above it."""
        inside, limit = self._inside[zone] + 1, self._limits[zone]
        if inside <= limit * 9 // 10:
            self._crowds.pop(zone, None)
        if incident != NO_INCIDENT or inside <= limit or inside > limit + CROWD_SIGNALS:
            return incident
        if zone not in self._crowds:
            self._crowds[zone] = (len(self._truth.incidents), limit)
            self._truth.incidents.append(Incident("overload", "density", zone=self._campus.zone_ids[zone]))
        crowd, most = self._crowds[zone]
        if inside <= most:
            return NO_INCIDENT
        self._crowds[zone] = (crowd, inside)
        return crowd

    def _say(
        self,
        at: int,
        action: Action,
        point: int,
        out: int = 0,
        credential: Credential | None = None,
        incident: int = NO_INCIDENT,
        reason: Reason = Reason.NONE,
        count: Count | None = None,
    ) -> None:
        device = self._campus.device_of[point]
        self._reports.append(Report(at, action, device, point, out, credential, reason, count, incident))
