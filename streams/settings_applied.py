"""Control: site, policy and directory documents become the tables the stages read (rules 12).

A document is checked whole before anything is changed; one that does not fit changes nothing.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from pydantic import ValidationError

from detectors.registry import DETECTORS
from domain.directory import Directory, HeldCredential, Person
from domain.errors import InvalidDocument
from domain.kernels import Records
from domain.names import Names
from domain.policy import Policy
from domain.records import ANYWHERE, FIRST_ZONE, HOLDING, LONG_AGO, NOWHERE, SITE
from domain.signal import Signal
from domain.site import Site
from domain.stages.occupancy import count_everybody
from domain.timers import NEVER
from domain.times import MINUTE_US, SECOND_US, microseconds
from domain.vocabulary import OUTSIDE
from streams.state import State

GROUPS: Final = 2**15
"""A person's row has 16 bits for the group."""
NAMES_AT_ONCE: Final = 10_000
"""Arrow keeps what an array has freed: one array of a million names left 37 MB behind."""


def apply_document(state: State, signal: Signal) -> tuple[str, int | None]:
    """Apply what a `loaded` signal carries; return the document's kind and, for a directory, its size.

    Raises:
        InvalidDocument: it does not fit its model, or contradicts the site; the state is unchanged.
    """
    data = signal.data or {}
    kind, document = data.get("kind"), data.get("document")
    apply: Callable[[State, Any, bool], int | None] | None = _KINDS.get(str(kind))
    if apply is None:
        raise InvalidDocument(f"data.kind is {kind!r}; it must be one of {', '.join(_KINDS)}")
    try:
        return str(kind), apply(state, document, bool(data.get("replace", False)))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise InvalidDocument(f"{kind}: {where + ': ' if where else ''}{first['msg']}") from error


def _apply_site(state: State, document: Any, _replace: bool) -> None:
    site = Site.model_validate(document)
    if site.id != state.site_id:
        raise InvalidDocument(f"site: id is {site.id!r}, but this log is of {state.site_id!r}")
    zones = {zone.id: state.zone_names.code(zone.id) for zone in site.zones}
    zones[OUTSIDE] = NOWHERE
    for device in site.devices:
        state.device_names.code(device.id)
    for point in site.points:
        state.point_names.code(point.id)
    state.grow()
    state.site = site
    rows = state.zones.rows
    rows["declared"][: state.zones.count] = False
    rows["parent"][FIRST_ZONE : state.zones.count] = SITE  # also of those gone: nesting stays bounded
    for zone in site.zones:
        row = rows[zones[zone.id]]
        row["declared"] = True
        row["parent"] = SITE if zone.parent is None else zones[zone.parent]
        row["entrance"] = zone.entrance
        row["area_m2"] = zone.area_m2 or 0
    _number_zones(state)
    _count_again(state)
    state.devices.rows["silent_after_us"][: state.devices.count] = 0
    for device in site.devices:
        minutes = device.silent_after_minutes
        device_row = state.devices.rows[state.device_names.code(device.id)]
        device_row["silent_after_us"] = round((minutes or 0) * MINUTE_US)
    state.points.rows["declared"][: state.points.count] = False
    for point in site.points:
        point_row = state.points.rows[state.point_names.code(point.id)]
        point_row["declared"] = True
        point_row["contact"] = point.contact
        point_row["to_zone"] = zones[point.to_zone]
        point_row["from_zone"] = ANYWHERE if point.from_zone is None else zones[point.from_zone]


def _number_zones(state: State) -> None:
    """Number the zones so that those within one another follow it (`first`, `last`)."""
    rows = state.zones.rows
    below: dict[int, list[int]] = {}
    for code in range(FIRST_ZONE, state.zones.count):
        below.setdefault(int(rows[code]["parent"]), []).append(code)
    number = 0
    walk: list[tuple[int, bool]] = [(SITE, False)]
    while walk:
        code, left = walk.pop()
        if left:
            rows[code]["last"] = number
            continue
        rows[code]["first"] = number
        number += 1
        walk.append((code, True))
        walk.extend((inner, False) for inner in reversed(below.get(code, [])))


def _count_again(state: State) -> None:
    """Count everybody anew: zones may lie elsewhere than before."""
    state.zones.rows["count"] = 0
    count_everybody(state.people.rows[: state.people.count], state.zones.rows)


def _apply_policy(state: State, document: Any, _replace: bool) -> None:
    policy = Policy.model_validate(document)
    check_policy(state.site, policy)
    state.policy = policy
    state.policy_version += 1
    set_settings(state)


def set_settings(state: State) -> None:
    """Put the policy's plain parameters where the stages read them."""
    policy, row = state.policy, state.settings.rows[0]
    absence = policy.presence.absence_minutes
    row["detect_within_us"] = round(policy.presence.detect_within_seconds * SECOND_US)
    row["absence_us"] = NEVER if absence is None else round(absence * MINUTE_US)
    row["timeout_us"] = round(policy.presence.timeout_hours * 60 * MINUTE_US)
    row["held_open_us"] = round(policy.doors.held_open_seconds * SECOND_US)
    row["exit_request_us"] = round(policy.doors.exit_request_seconds * SECOND_US)
    row["clock_offset_limit_ms"] = policy.devices.clock_offset_limit_ms


def check_policy(site: Site | None, policy: Policy) -> None:
    """Check a policy against the site and the detectors.

    Raises:
        InvalidDocument: a rule, zone, calendar or parameter that does not exist; the message names it.
    """
    zones = {zone.id for zone in site.zones} if site else set()
    for name, rule in policy.rules.items():
        if name not in DETECTORS:
            raise InvalidDocument(f"policy: rules.{name}: no such rule; there are {', '.join(DETECTORS)}")
        detector = DETECTORS[name]()
        steps = [("parameters", rule.parameters)]
        for number, override in enumerate(rule.overrides):
            steps.append((f"overrides.{number}.set", {**rule.parameters, **override.set}))
            unknown = [zone for zone in override.zones or () if zone not in zones]
            if unknown:
                raise InvalidDocument(
                    f"policy: rules.{name}.overrides.{number}.zones: {unknown[0]!r} is no zone"
                )
        for where, given in steps:
            try:
                used = detector.names_used(detector.Parameters.model_validate(given))
            except ValidationError as error:
                first = error.errors(include_url=False)[0]
                field = ".".join(str(part) for part in first["loc"])
                raise InvalidDocument(f"policy: rules.{name}.{where}.{field}: {first['msg']}") from error
            for calendar in used.get("calendars", ()):
                if calendar not in policy.calendars:
                    raise InvalidDocument(f"policy: rules.{name}.{where}: {calendar!r} is no calendar")
            for zone in used.get("zones", ()):
                if zone not in zones:
                    raise InvalidDocument(f"policy: rules.{name}.{where}: {zone!r} is no zone")


def _apply_directory(state: State, document: Any, replace: bool) -> int:
    directory = Directory.model_validate(document)
    known = {group: number for number, group in enumerate(state.groups)}
    new = {(str(person.role), person.department) for person in directory.persons} - known.keys()
    if len(known) + len(new) > GROUPS:
        raise InvalidDocument(f"directory: more than {GROUPS:,} pairs of role and department were ever used")
    if replace:
        state.people.rows["group"][1 : state.people.count] = 1
    listed = _codes(state.persons, [person.id for person in directory.persons])
    cards = [card.hash for person in directory.persons for card in person.credentials]
    zone = state.site.zone_info if state.site else UTC
    card_codes = iter(_codes(state.credential_names, cards))
    held: list[tuple[int, int, int, int]] = []
    groups: list[int] = []
    for code, person in zip(listed, directory.persons, strict=True):
        group = (str(person.role), person.department)
        if group not in known:
            known[group] = len(state.groups)
            state.groups.append(group)
        groups.append(known[group])
        held += [
            (next(card_codes), *_validity(person, credential, zone), code)
            for credential in person.credentials
        ]
    state.grow()
    state.people.rows["group"][listed] = groups
    _hold(state, set(listed), held, replace)
    return len(listed)


def _codes(names: Names, words: Sequence[str]) -> list[int]:
    found: list[int] = []
    for start in range(0, len(words), NAMES_AT_ONCE):
        found += names.codes(pa.array(words[start : start + NAMES_AT_ONCE], pa.string())).tolist()
    return found


def _validity(person: Person, credential: HeldCredential, zone: tzinfo) -> tuple[int, int]:
    """Return from when until when a person holds a credential (rule 3.1), UTC microseconds."""
    if all(one.valid_from is one.valid_until is None for one in (person, credential)):  # as most are
        return LONG_AGO, NEVER

    def at_us(moment: datetime | None, default: int) -> int:
        if moment is None:
            return default
        aware = moment if moment.tzinfo else moment.replace(tzinfo=zone)
        return microseconds(aware)

    return (
        max(at_us(one.valid_from, LONG_AGO) for one in (person, credential)),
        min(at_us(one.valid_until, NEVER) for one in (person, credential)),
    )


def _hold(state: State, listed: set[int], held: list[tuple[int, int, int, int]], replace: bool) -> None:
    """Replace the holdings of the listed persons (of all, with `replace`); keep them ordered."""
    credentials = state.credentials.rows[: state.credentials.count]
    owners = np.repeat(np.arange(state.credentials.count), credentials["count"])
    old = state.holdings.rows[: state.holdings.count]
    keep = np.zeros(len(old), bool) if replace else ~np.isin(old["person"], list(listed))
    added = np.array([row[1:] for row in held], HOLDING) if held else np.zeros(0, HOLDING)
    rows = np.concatenate([np.asarray(old[keep], HOLDING), added])
    owner = np.concatenate([owners[keep], np.array([row[0] for row in held], np.int64)])
    order = np.lexsort((rows["person"], rows["valid_from"], owner))
    order = order[_by_id_where_together(state.persons, rows[order], owner[order])]
    state.holdings.load(rows[order].tobytes())
    counts = np.bincount(owner, minlength=state.credentials.count)
    credentials["count"] = counts
    credentials["first"] = np.cumsum(counts) - counts


def _by_id_where_together(persons: Names, rows: Records, owner: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the order of sorted holdings in which those that begin together are by their persons' ids."""
    together = np.zeros(len(rows), bool)
    together[1:] = (owner[1:] == owner[:-1]) & (rows["valid_from"][1:] == rows["valid_from"][:-1])
    order = np.arange(len(rows))
    if not together.any():
        return order
    runs = np.cumsum(~together)  # by row: which run of holdings that begin together it is in
    shared = np.flatnonzero(together | np.append(together[1:], [False]))
    by_id = sorted(shared.tolist(), key=lambda row: (runs[row], persons.name(int(rows["person"][row]))))
    order[shared] = by_id
    return order


_KINDS: Final[dict[str, Callable[[State, Any, bool], int | None]]] = {
    "site": _apply_site,
    "policy": _apply_policy,
    "directory": _apply_directory,
}
