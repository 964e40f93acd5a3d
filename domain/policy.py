"""The policy: every parameter of every rule, by zone, role and department.

The model behind `policy.yaml`. A rule's parameters are checked by its detector (`detectors.registry`),
so that a new rule touches nothing here.
"""

from typing import Annotated, Any

from pydantic import Field

from domain.calendars import Calendar
from domain.site import Document, Hours, Minutes, Seconds
from domain.vocabulary import Role, Severity


class Presence(Document):
    """How readings become presence (rules.md, Crossings)."""

    detect_within_seconds: Seconds = 10
    absence_minutes: Minutes | None = Field(
        None, description="Gone this long after a reading at an entrance zone; none: never"
    )
    timeout_hours: Hours = 16


class Doors(Document):
    """When a door has been open too long, and how long a request to exit explains an opening."""

    held_open_seconds: Seconds = 30
    exit_request_seconds: Seconds = 10


class Devices(Document):
    """When a device's clock counts as drifted."""

    clock_offset_limit_ms: Annotated[int, Field(gt=0, le=1_000_000_000)] = 10_000


class Override(Document):
    """Other parameters for some zones (and all inside them), roles and departments.

    A selector left out selects everything; the last override that fits wins, field by field.
    """

    zones: tuple[str, ...] | None = None
    roles: tuple[Role, ...] | None = None
    departments: tuple[str, ...] | None = None
    set: dict[str, Any]


class Rule(Document):
    """One rule. `parameters` are the detector's own; what is left out has the detector's default."""

    enabled: bool = True
    severity: Severity = Severity.WARNING
    cool_down_seconds: Annotated[float, Field(ge=0, le=100_000_000)] = Field(
        0, description="A finding this soon after the subject's last alert joins it (0: never)"
    )
    parameters: dict[str, Any] = Field(default={})
    overrides: tuple[Override, ...] = ()


class Policy(Document):
    """What the site asks of everybody. A rule that is not named is off."""

    presence: Presence = Presence()
    doors: Doors = Doors()
    devices: Devices = Devices()
    calendars: dict[str, Calendar] = Field(default={})
    rules: dict[str, Rule] = Field(default={})
