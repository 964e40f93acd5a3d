"""`policy.yaml`: the policy, held against the site and against the detectors' own parameters."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from domain.policy import Policy, Rule
from domain.site import Site
from infra import yaml_document
from infra.invalid_settings import Complaint, Loc, complaints

if TYPE_CHECKING:
    from detectors.base import Detector


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


def check_policy(site: Site, policy: Policy) -> list[Complaint]:
    """Return what a policy asks that cannot be done.

    Rules without a detector, parameters a detector does not take, and zones and calendars that do not exist.
    """
    from detectors.registry import DETECTORS

    names = _Names(site, policy)
    found: list[Complaint] = []
    for name, rule in policy.rules.items():
        if name in DETECTORS:
            found += _rule_complaints(("rules", name), rule, DETECTORS[name], names)
        else:
            message = f"there is no such rule; there are {', '.join(sorted(DETECTORS))}"
            found.append((("rules", name), message))
    return found


class _Names:
    """What a policy may name."""

    def __init__(self, site: Site, policy: Policy):
        self._known = {
            "zones": ({zone.id for zone in site.zones}, "zone of the site; add it to site.yaml"),
            "calendars": (set(policy.calendars), "calendar; add it to calendars"),
        }

    def missing(self, kind: str, name: str) -> str | None:
        """Return the complaint about a name, or None where there is such a thing."""
        known, remedy = self._known[kind]
        return None if name in known else f"{name!r} is no {remedy}"


def _rule_complaints(
    loc: Loc, rule: Rule, detector: "type[Detector[Any]]", names: _Names
) -> Iterator[Complaint]:
    for place, message in _parameter_complaints(rule.parameters, {}, detector, names):
        # A rule that is off may lack its calendar.
        if rule.enabled or (place and place[0] in rule.parameters):
            yield (*loc, "parameters", *place), message
    for index, override in enumerate(rule.overrides):
        for selected, zone in enumerate(override.zones or ()):
            if complaint := names.missing("zones", zone):
                yield (*loc, "overrides", index, "zones", selected), complaint
        for place, message in _parameter_complaints(override.set, rule.parameters, detector, names):
            if not place or place[0] in override.set:  # what it leaves as it is has been looked at above
                yield (*loc, "overrides", index, "set", *place), message


def _parameter_complaints(
    given: dict[str, Any], below: dict[str, Any], detector: "type[Detector[Any]]", names: _Names
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
