"""The site: zones nested in each other, points between them, devices, and the sources of signals.

The model behind `site.yaml`. Codes of zones, points and devices follow their order here.
"""

from fractions import Fraction
from functools import cache
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from domain.vocabulary import OUTSIDE, Direction, ZoneCategory, ZoneKind


class Document(BaseModel):
    """Base of everything a person writes: unknown fields are errors, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


_time_zones: Final = cache(available_timezones)
"""To find them takes milliseconds, and a city loads many documents."""


def _known_time_zone(name: str) -> str:
    if name not in _time_zones():
        raise ValueError(f"{name!r} is not an IANA time zone; write one such as Europe/Athens")
    return name


TimeZoneName = Annotated[str, AfterValidator(_known_time_zone)]
Identifier = Annotated[str, Field(min_length=1, max_length=64, pattern=r"^[^\s:/]+$")]
# Numbers that the engine reckons with have bounds, so that sums of times fit into 64 bits; a test asks each.
Seconds = Annotated[float, Field(gt=0, le=100_000_000)]
Minutes = Annotated[float, Field(gt=0, le=1_000_000)]
Hours = Annotated[float, Field(gt=0, le=100_000)]
DEEPEST: Final = 32
"""How many zones may lie within one another: detectors keep a bit for each in 64."""


class Label(Document):
    """A name for people, in both languages. The English one is required."""

    en: str
    zh: str | None = None


class Zone(Document):
    """A space whose occupancy is known. `parent` None means directly on the site."""

    id: Identifier
    label: Label | None = None
    kind: ZoneKind = ZoneKind.ROOM
    parent: str | None = None
    category: ZoneCategory = ZoneCategory.GENERAL
    area_m2: Annotated[float, Field(gt=0, le=1_000_000_000)] | None = None
    entrance: bool = Field(False, description="People come in and go out through this zone")


def persons_in(area_m2: float, per_m2: float) -> int:
    """Return how many persons an area holds: the product of the numbers as they are written, rounded down.

    >>> persons_in(100, 0.29)
    29
    """
    return int(Fraction(str(per_m2)) * Fraction(str(area_m2)))


class Point(Document):
    """A door, turnstile or reader between two zones.

    `to_zone` is where a reading in direction `in` (or unknown) leads, `from_zone` where one in direction
    `out` leads. `outside` is everywhere off the site. `from_zone` None: it can be reached from anywhere.
    `contact` says that a door contact reports openings, so that entries can be detected.
    """

    id: Identifier
    label: Label | None = None
    to_zone: str
    from_zone: str | None = None
    device: str | None = None
    contact: bool = False


class Device(Document):
    """A controller or reader with a clock of its own."""

    id: Identifier
    label: Label | None = None
    time_zone: TimeZoneName | None = Field(
        None, description="Of its clock, in whatever file it is named; none: the source's, else the site's"
    )
    silent_after_minutes: Minutes | None = None


class Source(Document):
    """How one kind of file becomes signals: column mapping and id rule.

    Templates are Python format strings over the row's columns, such as `{floor}-{zone}`. A result that is
    a key of the field's map is replaced by its value.
    """

    format: Literal["csv"] = "csv"
    time: str = Field(description="Template of the local time, ISO 8601 after filling in")
    device: str = Field("import", description="Template of the device's id")
    point: str = Field(description="Template of the point's id")
    credential: str | None = Field(None, description="Template of the credential's value")
    credential_format: str = "card"
    person: str | None = Field(
        None,
        description="Regular expression over the credential; its group `person` is the person's id if "
        "the directory has it. Any other credential is its own person, `unknown:` and the credential",
    )
    signal_id: tuple[str, ...] = Field(
        (), description="Columns that make the signal's id; none: the whole raw record"
    )
    points: dict[str, str] = Field({}, description="Spellings of points in the file, and our ids")
    action: str = Field("granted", description="Template of the action")
    actions: dict[str, str] = Field({}, description="Spellings of actions in the file, and ours")
    direction: str | None = Field(None, description="Template of the direction")
    directions: dict[str, Direction] = Field({}, description="Spellings of directions, and ours")
    time_zone: TimeZoneName | None = Field(
        None, description="Of naive times, but for devices with their own; none: the site's"
    )


class Site(Document):
    """One site: the unit of order and of scale.

    Raises:
        ValueError: (as pydantic's ValidationError) an id given twice, a parent, zone or device that does
            not exist, or zones nested in a circle or too deeply.
    """

    id: Identifier
    label: Label | None = None
    time_zone: TimeZoneName
    latitude: Annotated[float, Field(ge=-90, le=90)] | None = Field(
        None, description="In degrees; with the longitude, cards used here are compared with other sites"
    )
    longitude: Annotated[float, Field(ge=-180, le=180)] | None = None
    zones: tuple[Zone, ...]
    points: tuple[Point, ...]
    devices: tuple[Device, ...] = ()
    sources: dict[str, Source] = {}

    @property
    def zone_info(self) -> ZoneInfo:
        """The site's time zone."""
        return ZoneInfo(self.time_zone)

    def zones_around(self) -> dict[str, tuple[str, ...]]:
        """Return each zone with itself and all zones around it, innermost first."""
        parents = {zone.id: zone.parent for zone in self.zones}
        around = {}
        for zone in parents:
            chain, above = [zone], parents[zone]
            while above is not None:
                chain.append(above)
                above = parents[above]
            around[zone] = tuple(chain)
        return around

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        zones = _unique("zones", [zone.id for zone in self.zones])
        _unique("points", [point.id for point in self.points])
        devices = _unique("devices", [device.id for device in self.devices])
        if OUTSIDE in zones:
            raise ValueError(f"zones: {OUTSIDE!r} is reserved for everywhere off the site")
        parents = {zone.id: zone.parent for zone in self.zones}
        for zone in self.zones:
            if zone.parent is not None and zone.parent not in zones:
                raise ValueError(f"zones: {zone.id} has parent {zone.parent!r}, which is no zone")
            seen, above = {zone.id}, zone.parent
            while above is not None:
                if above in seen:
                    raise ValueError(f"zones: {zone.id} lies inside itself (through {above})")
                seen.add(above)
                above = parents.get(above)
            if len(seen) > DEEPEST:
                raise ValueError(f"zones: {zone.id} lies too deep: at most {DEEPEST} within one another")
        for point in self.points:
            for field, name in (("to_zone", point.to_zone), ("from_zone", point.from_zone)):
                if name is not None and name != OUTSIDE and name not in zones:
                    raise ValueError(f"points: {point.id} has {field} {name!r}, which is no zone")
            if point.device is not None and point.device not in devices:
                raise ValueError(f"points: {point.id} has device {point.device!r}, which is no device")
        return self


def _unique(what: str, names: list[str]) -> set[str]:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            raise ValueError(f"{what}: {name!r} is given twice")
        seen.add(name)
    return seen
