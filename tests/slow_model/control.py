"""Control signals (rules.md 5.9 and 12)."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from domain.directory import Directory
from domain.policy import Policy
from domain.site import Site
from domain.vocabulary import OUTSIDE, Action, Basis, Role, Topic

from .crossings import move
from .readings import who
from .world import Door, Holding, Machine, Move, Step, World, microseconds


class _Rejected(Exception):
    """What the control signal asks cannot be; nothing has changed yet."""


def look_at_control(world: World, step: Step) -> list[Move]:
    """Decide a control signal; return the move of a `placed` one."""
    try:
        if step.signal.action == Action.PLACED:
            return [_place(world, step)]
        if step.signal.action == Action.LOADED:
            _load(world, step)
        if step.signal.action == Action.DECIDED:
            _tell_decision(world, step)
    except ValueError as error:  # pydantic's errors are ValueErrors
        _say(world, step, Topic.CONTROL_REJECTED, detail={"reason": str(error)})
    except _Rejected as error:
        _say(world, step, Topic.CONTROL_REJECTED, detail={"reason": str(error)})
    return []


def _say(world: World, step: Step, topic: Topic, **fields: Any) -> None:
    world.emit(
        topic,
        occurred_at=step.signal.time.occurred_at,
        known_at=step.now,
        causes=(step.position,),
        **fields,
    )


def _place(world: World, step: Step) -> Move:
    """Move a person by hand (5.9)."""
    zone = (step.signal.data or {}).get("zone")
    if not isinstance(zone, str) or (zone != OUTSIDE and zone not in world.current_zones):
        raise _Rejected(f"placed: zone {zone!r} does not exist")
    # rules.md 12.2: without a person it is rejected too; the person of a rejected one does not appear.
    if step.signal.person is None:
        raise _Rejected("placed: nobody is named")
    person = who(world, step.signal)
    assert person is not None
    return move(
        world,
        step,
        person,
        zone,
        Basis.MANUAL,
        at=step.signal.time.occurred_at,
        causes=(step.position,),
    )


_DETAILS = {"assigned": ["assignee"], "closed": ["resolution"]}
_RESOLUTIONS = ("confirmed", "false_alarm", "explained", "duplicate")


def _tell_decision(world: World, step: Step) -> None:
    """Tell what somebody decided about an alert (12.3)."""
    data = step.signal.data or {}
    decision, alert = data.get("decision"), data.get("alert")
    topic = f"alert.{decision}"
    if data.get("kind") != "alert_case" or topic not in (
        "alert.acknowledged",
        "alert.assigned",
        "alert.noted",
        "alert.closed",
        "alert.reopened",
    ):
        raise _Rejected(f"decided: {data.get('kind')!r} {decision!r} is no decision about an alert")
    given = {name: data[name] for name in ("note", "assignee", "resolution") if data.get(name) is not None}
    belonging = _DETAILS.get(decision, [])
    if [name for name in ("assignee", "resolution") if name in given] != belonging:
        raise _Rejected(f"decided: {decision} comes with {belonging}, and with nothing else")
    if decision == "noted" and "note" not in given:
        raise _Rejected("decided: a note is missing")
    if given.get("resolution", "explained") not in _RESOLUTIONS:
        raise _Rejected(f"decided: resolution {given['resolution']!r} is none of {_RESOLUTIONS}")
    texts = {"by": 200, "note": 2_000, "assignee": 200}
    for name, longest in texts.items():
        text = given.get(name, "-") if name != "by" else data.get("by")
        if not isinstance(text, str) or not 1 <= len(text) <= longest:
            raise _Rejected(f"decided: {name} {text!r} is no text of 1 to {longest} characters")
    decided_at = data.get("decided_at")
    if not isinstance(decided_at, int) or isinstance(decided_at, bool) or not 0 <= decided_at < 2**62:
        raise _Rejected(f"decided: decided_at {decided_at!r} is no time")
    pattern = rf"{re.escape(step.signal.site)}:([^:]+):.+:[0-9]+"
    match = re.fullmatch(pattern, alert, re.DOTALL) if isinstance(alert, str) else None
    if match is None or len(alert) > 1_000:
        raise _Rejected(f"decided: {alert!r} is no alert of the site")
    detail = {"by": data["by"], "decided_at": decided_at, **given}
    _say(world, step, Topic(topic), rule=match[1], alert=alert, detail=detail)


def _load(world: World, step: Step) -> None:
    data = step.signal.data or {}
    match data.get("kind"):
        case "site":
            _apply_site(world, Site.model_validate(data.get("document")))
            _say(world, step, Topic.SITE_APPLIED)
        case "policy":
            policy = Policy.model_validate(data.get("document"))
            missing = [zone for zone in _zones_named(policy) if zone not in world.current_zones]
            if missing:
                raise _Rejected(f"policy: zone {missing[0]!r} does not exist")
            for name in _calendars_named(policy):
                if name not in policy.calendars:
                    raise _Rejected(f"policy: calendar {name!r} does not exist")
            world.policy = policy
            world.policy_version += 1
            _say(world, step, Topic.POLICY_APPLIED)
        case "directory":
            directory = Directory.model_validate(data.get("document"))
            _apply_directory(world, directory, replace=data.get("replace") is True)
            _say(world, step, Topic.DIRECTORY_APPLIED, value=len(directory.persons))
        case kind:
            raise _Rejected(f"loaded: kind {kind!r} is none of site, policy, directory")


def _parameter_sets(policy: Policy, name: str) -> Iterator[dict[str, Any]]:
    if name in policy.rules:
        yield policy.rules[name].parameters
        for override in policy.rules[name].overrides:
            yield override.set


def _zones_named(policy: Policy) -> Iterator[str]:
    for rule in policy.rules.values():
        for override in rule.overrides:
            yield from override.zones or ()
    for parameters in _parameter_sets(policy, "anti_passback"):
        yield from parameters.get("zones") or ()


def _calendars_named(policy: Policy) -> Iterator[str]:
    for parameters in _parameter_sets(policy, "after_hours"):
        if parameters.get("calendar") is not None:
            yield parameters["calendar"]


def _apply_site(world: World, site: Site) -> None:
    """12.1: what is known keeps its place and state; what is gone keeps its state.

    rules.md 12.1: occupancy in zones that move to another parent is counted by the new nesting, without
    events of its own.
    """
    world.site = site
    world.current_zones = {zone.id for zone in site.zones}
    for known in world.zones.values():
        world.zones[known.id] = known.model_copy(update={"parent": None})
    world.zones |= {zone.id: zone for zone in site.zones}
    world.points |= {point.id: point for point in site.points}
    world.current_points = {point.id for point in site.points}
    world.devices = {device.id: device for device in site.devices}
    for point in site.points:
        world.doors.setdefault(point.id, Door(len(world.doors)))
    for device in site.devices:
        world.machines.setdefault(device.id, Machine(len(world.machines)))


def _apply_directory(world: World, directory: Directory, *, replace: bool) -> None:
    """12.1."""
    listed = {person.id for person in directory.persons}
    if replace:
        for known in world.persons.values():
            if known.id not in listed:
                known.department, known.role, known.holdings = None, Role.UNKNOWN, ()
    zone = world.site.zone_info if world.site is not None else ZoneInfo("UTC")
    for person in directory.persons:
        known = world.person(person.id)
        known.department, known.role = person.department, person.role
        known.holdings = tuple(
            Holding(
                held.hash,
                max(_utc_us((held.valid_from, person.valid_from), zone), default=None),
                min(_utc_us((held.valid_until, person.valid_until), zone), default=None),
            )
            for held in person.credentials
        )


def _utc_us(moments: Iterable[datetime | None], zone: ZoneInfo) -> list[int]:
    """Return those of a directory's times that are given, local to the site where they have no offset."""
    given = [moment for moment in moments if moment is not None]
    aware = [moment if moment.tzinfo is not None else moment.replace(tzinfo=zone) for moment in given]
    return [microseconds(moment.astimezone(UTC)) for moment in aware]
