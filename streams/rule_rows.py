"""Rules compiled: which parameters hold for which person and zone, and the calendars' working intervals."""

from datetime import UTC, date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from detectors.base import Context, Detector, Hours, Rows
from domain.kernels import records
from domain.policy import Rule
from domain.records import NOWHERE, SEVERITY
from domain.times import LATEST_US
from streams.state import State


class ActiveRule:
    """A detector that the policy has switched on, with its compiled parameters."""

    def __init__(self, number: int, detector: Detector[Any], rule: Rule, rows: Rows) -> None:
        self.number = number
        self.detector = detector
        self.rows = rows
        self.severity = SEVERITY[rule.severity]
        self.cool_down_us = round(rule.cool_down_seconds * 1_000_000)


def compile_rules(state: State) -> list[ActiveRule]:
    """Return the rules that are on, in the registry's order."""
    context = Context(
        zone_codes={state.zone_names.name(code): code for code in range(2, len(state.zone_names))},
        parents=state.zones.rows["parent"][: state.zones.count].tolist(),
        areas_m2=dict(enumerate(state.zones.rows["area_m2"][: state.zones.count].tolist())),
        calendars={name: number for number, name in enumerate(state.policy.calendars)},
    )
    active = []
    for number, (name, detector) in enumerate(state.detectors.items()):
        rule = state.policy.rules.get(name)
        if rule is not None and rule.enabled:
            active.append(ActiveRule(number, detector, rule, _rows(state, detector, rule, context)))
    return active


def _rows(state: State, detector: Detector[Any], rule: Rule, context: Context) -> Rows:
    given_by = [rule.parameters, *({**rule.parameters, **override.set} for override in rule.overrides)]
    detector.configure([detector.Parameters.model_validate(given) for given in given_by])
    zones = len(state.zone_names)
    fits_of_group = [
        tuple(
            detector.by_zone_alone
            or (
                (override.roles is None or role in override.roles)
                and (override.departments is None or department in override.departments)
            )
            for override in rule.overrides
        )
        for role, department in state.groups
    ]
    alike = {fits: number for number, fits in enumerate(dict.fromkeys(fits_of_group))}
    fitting: list[tuple[int, ...]] = [()]  # the sets of overrides that fit some group and zone together
    sets = np.zeros((len(alike), zones), np.int64)  # which of them, by groups that are alike and zone
    for number, override in enumerate(rule.overrides):
        fits_group = [fits[number] for fits in alike]
        named = (
            None if override.zones is None else {context.zone_codes.get(zone, -1) for zone in override.zones}
        )
        fits_zone = [named is None or _within(state, zone, named) for zone in range(zones)]
        found, sets = np.unique(2 * sets + np.outer(fits_group, fits_zone), return_inverse=True)
        fitting = [
            (*fitting[code // 2], number) if code % 2 else fitting[code // 2] for code in found.tolist()
        ]
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
    if (which == which[0]).all():
        which = which[:1].copy()  # small, so that it stays in the cache
    else:
        which = which[[alike[fits] for fits in fits_of_group]]
    rows = records(len(compiled), detector.ROW)
    for row, place in compiled.items():
        rows[place] = row
    return Rows(rows, which)


def _within(state: State, zone: int, named: set[int]) -> bool:
    while zone != NOWHERE:
        if zone in named:
            return True
        zone = int(state.zones.rows[zone]["parent"])
    return False


class WorkingHours:
    """The working intervals of the policy's calendars, computed for the years that are asked for.

    Derived from the policy, so no part of the state: any span that covers the question gives one answer. When
    work begins next must not depend on the span either. So it goes up to two years after the question and
    after the last date that a calendar names: some week has shown by then whether there are hours at all.
    """

    def __init__(self, state: State) -> None:
        self._calendars = list(state.policy.calendars.values())
        named = [day.year for calendar in self._calendars for day in (*calendar.closed, *calendar.special)]
        self._last_named = min(max(named, default=0), _year(LATEST_US - 1))
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
        first, last = _year(first_us), max(_year(last_us), self._last_named)
        if self._years is not None:
            first, last = min(first, self._years[0]), max(last, self._years[1])
        bounds, spans = [0], []
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


def _year(at_us: int) -> int:
    return datetime.fromtimestamp(at_us / 1_000_000, UTC).year


def _start_us(year: int) -> int:
    return round(datetime(year, 1, 1, tzinfo=UTC).timestamp()) * 1_000_000
