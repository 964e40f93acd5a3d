"""Uses: what the first stage tells of a site's readings and visits (rules 13.1).

A use's key is the credential's hash, else the person: the same card at two sites meets itself in one
partition, also where only one of them knows who holds it. A sighting's key is the person.
"""

from collections.abc import Sequence
from typing import Final, Literal

import msgspec

from domain.errors import DomainError
from domain.event import Event
from domain.signal import Credential, Signal
from domain.site import Site
from domain.vocabulary import Action, Category, Quality, Topic

SCHEMA_VERSION: Final = 1

Record = tuple[bytes, bytes]
"""Key and value of a message of the persons' log."""


class UnreadableUse(DomainError):
    """Bytes in the persons' log that are no use, or one of a schema that this version does not read."""


class UnknownUse(UnreadableUse):
    """A use of a schema that this version does not read."""


class Use(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """A credential used at a point, or a person seen in a visit.

    Attributes:
        what: `reading` or `visit`.
        site, point: where; the point of a sighting may be None.
        at: when, UTC microseconds; never after it was heard of, so a clock ahead carries nobody forward.
        id: of a reading the signal's, of a sighting the event's.
        latitude, longitude: the site's, degrees; None for a sighting.
        visit: None for a reading.
    """

    what: Literal["reading", "visit"]
    site: str
    at: int
    id: str
    point: str | None = None
    person: str | None = None
    credential: Credential | None = None
    latitude: float | None = None
    longitude: float | None = None
    visit: str | None = None
    schema: int = SCHEMA_VERSION

    @property
    def key(self) -> str:
        """Whose use it is: the credential's hash, else the person."""
        return self.credential.hash if self.credential is not None else self.person or ""


_encode: Final = msgspec.json.Encoder().encode
_decode: Final = msgspec.json.Decoder(Use).decode


def write_use(use: Use) -> bytes:
    """Return the use as JSON, fields at their defaults left out."""
    return _encode(use)


def read_use(wire: bytes) -> Use:
    """Return the use in these bytes.

    Raises:
        UnreadableUse: not JSON, nested without end, a field missing.
        UnknownUse: of an unknown schema version.
    """
    try:
        use = _decode(wire)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableUse(f"not a use: {error}") from error
    if use.schema != SCHEMA_VERSION:
        raise UnknownUse(f"unknown schema {use.schema} of a use: this version reads {SCHEMA_VERSION}")
    return use


def uses_of(site: Site | None, signals: Sequence[Signal], events: Sequence[Event]) -> list[Record]:
    """Return what one site's signals, and the events decided by them, tell of credentials and persons.

    Args:
        site: the document in force; where it has no coordinates, readings are not told.
        signals: in log order, all of this site.
        events: that followed from them.
    """
    records = []
    if site is not None and site.latitude is not None and site.longitude is not None:
        latitude, longitude = site.latitude, site.longitude
        for signal in signals:
            if signal.category is not _CREDENTIAL or signal.point is None:
                continue
            credential, time = signal.credential, signal.time
            key = signal.person if credential is None else credential.hash
            if key is None or signal.action not in _READINGS or time.quality in _UNSURE:
                continue
            use = Use(
                what="reading",
                site=signal.site,
                at=min(time.occurred_at, time.received_at),
                id=signal.id,
                point=signal.point,
                person=signal.person,
                credential=credential,
                latitude=latitude,
                longitude=longitude,
            )
            records.append((key.encode(), write_use(use)))
    for event in events:
        if event.topic in _SIGHTINGS and event.person is not None and event.visit is not None:
            use = Use(
                what="visit",
                site=event.site,
                at=min(event.occurred_at, event.known_at),
                id=event.id,
                point=event.point,
                person=event.person,
                visit=event.visit,
            )
            records.append((event.person.encode(), write_use(use)))
    return records


_CREDENTIAL: Final = Category.CREDENTIAL
_READINGS: Final = frozenset({Action.GRANTED, Action.DENIED})
_UNSURE: Final = frozenset({Quality.UNCERTAIN, Quality.RECEIPT})
_SIGHTINGS: Final = frozenset({Topic.ZONE_ENTERED, Topic.VISIT_ENDED})
"""`visit.started` comes with a `zone.entered` of its own, `site.left` with a `visit.ended`."""
