"""One row of a CSV file becomes a signal, as its source's entry in `site.yaml` says."""

import re
from collections.abc import Container, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Final

from connectors.csv_file.local_time import LocalTimes
from connectors.csv_file.template import Filling, InvalidTemplate, fill, template_columns
from connectors.rejection import RefusedRow
from domain.signal import Credential, HashCredential, Signal, Time, signal_id
from domain.site import Site, Source
from domain.vocabulary import UNKNOWN_HOLDER, Action, Category, Delivery, Direction

_CATEGORIES: Final = {
    Action.GRANTED: Category.CREDENTIAL,
    Action.DENIED: Category.CREDENTIAL,
    Action.OPENED: Category.DOOR,
    Action.CLOSED: Category.DOOR,
    Action.FORCED: Category.DOOR,
    Action.HELD: Category.DOOR,
    Action.EXIT_REQUESTED: Category.DOOR,
}
"""What a file of readings may say; everything else has fields that a source cannot map."""
_TEMPLATES: Final = ("time", "device", "point", "credential", "action", "direction")
_HOLDERS_KEPT: Final = 65_536


def needed_columns(source: Source) -> list[str]:
    """Return the columns a source uses, each once.

    Raises:
        InvalidTemplate: one of its templates is none.
    """
    templates = [getattr(source, name) for name in _TEMPLATES]
    named = [column for template in templates if template for column in template_columns(template)]
    return list(dict.fromkeys([*named, *source.signal_id]))


def check_source(source: Source) -> list[tuple[str, str]]:
    """Return what is wrong with a source as (field, message); its model cannot see these."""
    found: list[tuple[str, str]] = []
    for name in _TEMPLATES:
        template = getattr(source, name)
        if template is None:
            continue
        try:
            fill(template, template_columns(template))
        except InvalidTemplate as error:
            found.append((name, str(error)))
    if source.person is not None:
        try:
            if "person" not in re.compile(source.person).groupindex:
                found.append(
                    ("person", "it has no group named person; write e.g. ^(?P<person>[a-z]+)\\d{3}$")
                )
        except re.error as error:
            found.append(("person", f"it is no regular expression: {error}"))
        if source.credential is None:
            found.append(("person", "it is taken from the credential; give the source a credential too"))
    words = ", ".join(_CATEGORIES)
    found += [
        (f"actions.{spelling}", f"{action!r} is no action of a row; write one of {words}")
        for spelling, action in source.actions.items()
        if action not in _CATEGORIES
    ]
    return found


class Mapping:
    """A source's mapping, made ready for the columns of one file."""

    def __init__(
        self,
        name: str,
        source: Source,
        site: Site,
        columns: Sequence[str],
        *,
        received_at: int,
        known_persons: Container[str],
        hash_credential: HashCredential,
    ):
        self.name, self.site = name, site.id
        self._source = source
        self._points = {point.id: point.id for point in site.points}
        self._times = LocalTimes(source.time_zone or site.time_zone, received_at)
        own = {device.id: device.time_zone for device in site.devices if device.time_zone is not None}
        by_zone = {zone: LocalTimes(zone, received_at) for zone in own.values()}
        self._own_times = {device: by_zone[zone] for device, zone in own.items()}
        self._columns = columns
        self.device_columns, self._device = self._filling(source.device)
        self.time_columns, self._time = self._filling(source.time)
        if own:
            self.time_columns = list(dict.fromkeys([*self.time_columns, *self.device_columns]))
        self.point_columns, self._point = self._filling(source.point)
        self.credential_columns, self._credential = self._filling(source.credential)
        self.action_columns, self._action = self._filling(source.action)
        self.direction_columns, self._direction = self._filling(source.direction)
        self._directions = source.directions if source.direction else {}
        self.id_columns = [columns.index(column) for column in source.signal_id]
        self._person = re.compile(source.person) if source.person else None
        self._known_persons = known_persons
        self._hash_credential = hash_credential
        self._holder = lru_cache(_HOLDERS_KEPT)(self._find_holder)
        self._acts = {str(action): action for action in _CATEGORIES}
        self._acts |= {spelling: Action(action) for spelling, action in source.actions.items()}

    def _filling(self, template: str | None) -> tuple[list[int], Filling]:
        """Return the places of the columns a template needs, and what fills it in; none gives empty texts."""
        places = [self._columns.index(column) for column in template_columns(template or "")]
        return list(dict.fromkeys(places)), fill(template or "", self._columns)

    def signal(self, raw: str, row: Sequence[str]) -> Signal:
        """Return the signal of a row.

        Raises:
            RefusedRow: its time, point, action, device or direction is not one.
        """
        time, point = self.time(row), self.point(row)
        category, action = self.category_and_action(row)
        device = self.device(row)
        credential, person = self.holder(row)
        return Signal(
            id=signal_id(self.name, *[row[place] for place in self.id_columns] or (raw,)),
            site=self.site,
            device=device,
            category=category,
            action=action,
            time=time,
            point=point,
            direction=self.direction(row),
            credential=credential,
            person=person,
            delivery=Delivery.BACKFILL,
            raw=raw,
        )

    @property
    def time_column(self) -> int | None:
        """The column that is every row's time as it stands, None where a time takes more."""
        return self.time_columns[0] if isinstance(self._time, itemgetter) and not self._own_times else None

    def time_of(self, text: str) -> Time:
        """Return when that is, where `time_column` says so. Raises `RefusedRow` as `LocalTimes.read`."""
        return self._times.read(text)

    def time(self, row: Sequence[str]) -> Time:
        """Return when a row says it happened. Raises `RefusedRow` as `LocalTimes.read`."""
        times = self._own_times.get(self._device(row), self._times) if self._own_times else self._times
        return times.read(self._time(row))

    def point(self, row: Sequence[str]) -> str:
        """Return the point of a row. Raises `RefusedRow`: unknown_point."""
        spelled = self._point(row)
        point = self._points.get(self._source.points.get(spelled, spelled))
        if point is None:
            raise RefusedRow(
                "unknown_point",
                f"{spelled!r} is no point of the site; add it, or add the spelling to "
                f"sources.{self.name}.points",
            )
        return point

    def category_and_action(self, row: Sequence[str]) -> tuple[Category, Action]:
        """Return what happened in a row. Raises `RefusedRow`: unknown_action."""
        action = self._acts.get(self._action(row))
        if action is None:
            raise RefusedRow(
                "unknown_action",
                f"{self._action(row)!r} is no action; add its meaning to sources.{self.name}.actions",
            )
        return _CATEGORIES[action], action

    def device(self, row: Sequence[str]) -> str:
        """Return the device of a row. Raises `RefusedRow`: unreadable, where it names none."""
        device = self._device(row)
        if not device:
            raise RefusedRow("unreadable", "it names no device")
        return device

    def holder(self, row: Sequence[str]) -> tuple[Credential | None, str | None]:
        """Return the credential in a row, and the person it belongs to."""
        return self._holder(self._credential(row))

    def _find_holder(self, value: str) -> tuple[Credential | None, str | None]:
        """Return a credential, and the person it belongs to where the source says how to tell."""
        if not value:
            return None, None
        form = self._source.credential_format
        credential = Credential(form, self._hash_credential(form, value))
        if self._person is None:
            return credential, None
        match = self._person.search(value)
        if match and match["person"] in self._known_persons:
            return credential, match["person"]
        return credential, f"{UNKNOWN_HOLDER}{value}"

    def direction(self, row: Sequence[str]) -> Direction:
        """Return the direction in a row, unknown where it says none. Raises `RefusedRow` for another word."""
        spelled = self._direction(row)
        if spelled in self._directions:
            return self._directions[spelled]
        try:
            return Direction(spelled) if spelled else Direction.UNKNOWN
        except ValueError as error:
            raise RefusedRow(
                "unknown_direction",
                f"{spelled!r} is no direction; add its meaning to sources.{self.name}.directions",
            ) from error
