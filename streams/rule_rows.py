"""Rules compiled: which parameters hold for which person and zone, and the calendars' working intervals."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from detectors.base import Context, Detector, Hours, Rows
from domain.kernels import records
from domain.policy import Override, Rule
from domain.records import FIRST_ZONE, NOWHERE, SEVERITY
from domain.times import LATEST_US, SECOND_US, microseconds, utc
from streams.state import State


class ActiveRule:
    """A detector that the policy has switched on, with its compiled parameters."""

    def __init__(self, number: int, detector: Detector[Any], rule: Rule, rows: Rows) -> None:
        self.number = number
        self.detector = detector
        self.rows = rows
        self.severity = SEVERITY[rule.severity]
        self.cool_down_us = round(rule.cool_down_seconds * SECOND_US)


def compile_rules(state: State) -> list[ActiveRule]:
    """Return the rules that are on, in the registry's order."""
    context = Context(
        zone_codes={state.zone_names.name(code): code for code in range(FIRST_ZONE, len(state.zone_names))},
        parents=state.zones.rows["parent"][: state.zones.count].tolist(),
        areas_m2=dict(enumerate(state.zones.rows["area_m2"][: state.zones.count].tolist())),
        calendars={name: number for number, name in enumerate(state.policy.calendars)},
    )
    within = _zones_within(context.parents)
    active = []
    for number, (name, detector) in enumerate(state.detectors.items()):
        rule = state.policy.rules.get(name)
        if rule is not None and rule.enabled:
            active.append(ActiveRule(number, detector, rule, _rows(state, detector, rule, context, within)))
    return active


def _rows(
    state: State, detector: Detector[Any], rule: Rule, context: Context, within: Sequence[Sequence[int]]
) -> Rows:
    given_by = [rule.parameters, *({**rule.parameters, **override.set} for override in rule.overrides)]
    detector.configure([detector.Parameters.model_validate(given) for given in given_by])
    fits = [
        tuple(detector.by_zone_alone or _fits(override, *group) for override in rule.overrides)
        for group in (state.groups[:1] if detector.by_zone_alone else state.groups)
    ]
    alike = {one: number for number, one in enumerate(dict.fromkeys(fits))}
    fitting, sets = _fitting_sets(rule, list(alike), context, within)
    compiled: dict[tuple[int, ...], int] = {}
    which = np.zeros(sets.shape, np.uint32)
    for code, overrides in enumerate(fitting):
        given = dict(rule.parameters)
        for number in overrides:
            given |= rule.overrides[number].set
        parameters = detector.Parameters.model_validate(given)
        for zone in np.flatnonzero((sets == code).any(axis=0)):
            row = detector.compile(parameters, int(zone), context)
            which[sets[:, zone] == code, zone] = compiled.setdefault(row, len(compiled))
    is_one = bool((which == which[0]).all())  # one row for all groups stays in the cache
    which = which[[0] if is_one else [alike[one] for one in fits]]
    rows = records(len(compiled), detector.ROW)
    for row, place in compiled.items():
        rows[place] = row
    return Rows(rows, which)


def _fits(override: Override, role: str, department: str | None) -> bool:
    return (override.roles is None or role in override.roles) and (
        override.departments is None or department in override.departments
    )


def _fitting_sets(
    rule: Rule, groups: Sequence[Sequence[bool]], context: Context, within: Sequence[Sequence[int]]
) -> tuple[list[tuple[int, ...]], Any]:
    """Return the sets of overrides that hold together somewhere, and where each does, shape (groups, zones).

    `groups` says of groups that are not alike which overrides fit them.
    """
    fitting: list[tuple[int, ...]] = [()]
    sets = np.zeros((len(groups), len(within)), np.int64)
    for number, override in enumerate(rule.overrides):
        fits_group = [fits[number] for fits in groups]
        fits_zone = np.full(len(within), override.zones is None)
        for zone in override.zones or ():
            if zone in context.zone_codes:
                fits_zone[within[context.zone_codes[zone]]] = True
        found, sets = np.unique(2 * sets + np.outer(fits_group, fits_zone), return_inverse=True)
        fitting = [
            (*fitting[code // 2], number) if code % 2 else fitting[code // 2] for code in found.tolist()
        ]
    return fitting, sets


def _zones_within(parents: Sequence[int]) -> list[list[int]]:
    """Return the zones within each one, itself included; outside is within nothing."""
    within: list[list[int]] = [[] for _ in parents]
    for zone in range(len(parents)):
        around = zone
        while around != NOWHERE:
            within[around].append(zone)
            around = parents[around]
    return within


class WorkingHours:
    """The working intervals of the policy's calendars, computed for the years that are asked for.

    Derived from the policy, so no part of the state: any span that covers the question gives one answer. When
    work begins next must not depend on the span either. So it goes up to two years after the question and
    after the last date that a calendar names: some week has shown by then whether there are hours at all.
    """

    def __init__(self, state: State) -> None:
        self._calendars = list(state.policy.calendars.values())
        named = [day.year for calendar in self._calendars for day in (*calendar.closed, *calendar.special)]
        self._last_named = min(max(named, default=0), utc(LATEST_US - 1).year)
        self._zone = state.site.zone_info if state.site else ZoneInfo("UTC")
        self._years: tuple[int, int] | None = None
        self._covered = range(0)
        none = np.zeros(1, np.int64)
        self.hours = Hours(none, none, none, none)

    def cover(self, first_us: int, last_us: int) -> Hours:
        """Return the intervals of at least a year before the first time to a year after the last.

        Nobody works before 1969 or after 2201: no source gives such a time, but an order may.
        """
        if not self._calendars or first_us > last_us:
            return self.hours
        first_us, last_us = (min(max(at_us, 0), LATEST_US - 1) for at_us in (first_us, last_us))
        if first_us in self._covered and last_us in self._covered:
            return self.hours
        first, last = utc(first_us).year, max(utc(last_us).year, self._last_named)
        if self._years is not None:
            first, last = min(first, self._years[0]), max(last, self._years[1])
        bounds, spans = [0], list[tuple[int, int]]()
        for calendar in self._calendars:
            spans += calendar.intervals(date(first - 1, 1, 1), date(last + 2, 12, 31), self._zone)
            bounds.append(len(spans))
        self._years = first, last
        self._covered = range(_start_us(first), _start_us(last + 1))
        both = np.array([*spans, (0, 0)], np.int64)
        edges = np.array(bounds, np.int64)
        # A calendar without any interval begins at the empty one, not at the next calendar's first.
        hint = np.where(edges[:-1] < edges[1:], edges[:-1], len(spans))
        self.hours = Hours(edges, both[:, 0].copy(), both[:, 1].copy(), hint)
        return self.hours


def _start_us(year: int) -> int:
    return microseconds(datetime(year, 1, 1, tzinfo=UTC))
