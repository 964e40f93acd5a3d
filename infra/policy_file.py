"""`policy.yaml`: the policy, held against the site and against the detectors' own parameters."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar, Protocol

from pydantic import BaseModel, ValidationError

from domain.policy import Policy, Rule
from domain.site import Site
from infra import yaml_document
from infra.invalid_settings import Complaint, Loc, complaints


class Detector(Protocol):
    """What is needed of a detector here: its parameters, and what they refer to."""

    Parameters: ClassVar[type[Any]]

    def names_used(self, parameters: Any) -> Mapping[str, tuple[str, ...]]:
        """Return the names of `zones`, `points` and `calendars` that parameters refer to."""


def load_policy(path: Path, site: Site) -> Policy:
    """Return the policy in a file, checked against the site.

    Raises:
        InvalidSettings: with every problem.
    """
    policy = yaml_document.load(path, Policy)
    found = check_policy(site, policy)
    if found:
        raise yaml_document.problems_at(path, found)
    return policy


def check_policy(
    site: Site, policy: Policy, detectors: Mapping[str, type[Detector]] | None = None
) -> list[Complaint]:
    """Return what a policy asks that cannot be done.

    Rules without a detector, parameters a detector does not take, and zones, points and calendars that do
    not exist. `detectors` None: the registry's.
    """
    if detectors is None:
        from detectors.registry import DETECTORS

        detectors = DETECTORS
    names = Names(site, policy)
    found: list[Complaint] = []
    for name, rule in policy.rules.items():
        if name in detectors:
            found += _rule_complaints(("rules", name), rule, detectors[name], names)
        else:
            message = f"there is no such rule; there are {', '.join(sorted(detectors))}"
            found.append((("rules", name), message))
    return found


class Names:
    """What a policy may name."""

    def __init__(self, site: Site, policy: Policy):
        self._known = {
            "zones": ({zone.id for zone in site.zones}, "zone of the site; add it to site.yaml"),
            "points": ({point.id for point in site.points}, "point of the site; add it to site.yaml"),
            "calendars": (set(policy.calendars), "calendar; add it to calendars"),
        }

    def missing(self, kind: str, name: str) -> str | None:
        """Return the complaint about a name, or None where there is such a thing."""
        known, remedy = self._known[kind]
        return None if name in known else f"{name!r} is no {remedy}"


def _rule_complaints(loc: Loc, rule: Rule, detector: type[Detector], names: Names) -> Iterator[Complaint]:
    for place, message in _parameter_complaints(rule.parameters, {}, detector, names):
        if rule.enabled or (
            place and place[0] in rule.parameters
        ):  # a rule that is off may lack its calendar
            yield (*loc, "parameters", *place), message
    for index, override in enumerate(rule.overrides):
        for selected, zone in enumerate(override.zones or ()):
            if complaint := names.missing("zones", zone):
                yield (*loc, "overrides", index, "zones", selected), complaint
        for place, message in _parameter_complaints(override.set, rule.parameters, detector, names):
            if not place or place[0] in override.set:  # what it leaves as it is has been looked at above
                yield (*loc, "overrides", index, "set", *place), message


def _parameter_complaints(
    given: dict[str, Any], below: dict[str, Any], detector: type[Detector], names: Names
) -> Iterator[Complaint]:
    """Yield what is wrong with parameters laid over those `below`."""
    parameters = detector.Parameters
    try:
        valid = parameters.model_validate({**below, **given})
    except ValidationError as error:
        yield from complaints(error, parameters)
        return
    for kind, used in detector().names_used(valid).items():
        for name in used:
            if complaint := names.missing(kind, name):
                yield _place(valid, name), complaint


def _place(parameters: BaseModel, name: str) -> Loc:
    """Return where a name stands in parameters."""
    for field, value in parameters:
        if value == name:
            return (field,)
        if isinstance(value, (tuple, list)) and name in value:
            return (field, list(value).index(name))
    return ()
