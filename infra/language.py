"""The words of tables and summaries, in English and Chinese, and the names that people gave to places.

A sentence is written in English where it is shown, and looked up here: `language.say("{n:,} people", n=3)`.
Identifiers (rules, topics, bases, ...) stay as they are in English, because commands take them like that; in
Chinese they have the names below. Answers in JSON are never translated, nor are help and errors.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from domain.site import Label, Site
from domain.vocabulary import OUTSIDE
from infra.chinese import NAMES, SENTENCES, WEEKDAYS
from infra.invalid_settings import InvalidSettings
from infra.settings import Home
from infra.settings_file import load_settings
from infra.site_file import load_site


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence in English that is said later, in whatever language. Made by `sentence`."""

    english: str
    values: Mapping[str, Any]


def sentence(english: str, **values: Any) -> Sentence:
    """Return a sentence with the values that will be filled in, each shown by its format."""
    return Sentence(english, values)


class Language:
    """How to say things about one site. Without a site, places have no names beside their ids."""

    def __init__(self, code: Literal["en", "zh"] = "en", site: Site | None = None) -> None:
        self.code = code
        self._zones: dict[str, Label | None] = {}
        self._points: dict[str, Label | None] = {}
        self._depths: dict[str, int] = {}
        self.enclosing: frozenset[str] = frozenset()
        if site is not None:
            self._zones = {zone.id: zone.label for zone in site.zones}
            self._points = {point.id: point.label or self._zones.get(point.to_zone) for point in site.points}
            self._depths = {zone: len(around) - 1 for zone, around in site.zones_around().items()}
            self.enclosing = frozenset(zone.parent for zone in site.zones if zone.parent)

    @classmethod
    def of(cls, root: Path, environ: Mapping[str, str] = os.environ) -> "Language":
        """Return the language that a home's settings ask for, with the names of its places.

        A home without a site, or with one that cannot be read just now, has no names.

        Raises:
            InvalidSettings: limen.toml or the environment cannot be read.
        """
        home = Home(root)
        code = load_settings(home, environ).language
        try:
            return cls(code, load_site(home.site) if home.site.is_file() else None)
        except InvalidSettings:  # whoever needs the site says so; the ids are enough here
            return cls(code)

    def say(self, english: str, **values: Any) -> str:
        """Return a sentence with its values filled in, each shown by its format."""
        return (SENTENCES.get(english, english) if self.code == "zh" else english).format(**values)

    def tell(self, words: Sentence | str) -> str:
        """Return a sentence as `say` does, and other words (a path, a command, an error) as they are."""
        return words if isinstance(words, str) else self.say(words.english, **words.values)

    def name(self, vocabulary: str, identifier: str | None) -> str:
        """Return the name of a member of a vocabulary; the identifier itself where it has no other."""
        if identifier is None:
            return "-"
        return NAMES[vocabulary].get(identifier, identifier) if self.code == "zh" else identifier

    def zone(self, identifier: str | None) -> str:
        """Return what people call a zone, or nothing."""
        if identifier == OUTSIDE:
            return self.say("off the site")
        return self._label(self._zones.get(identifier or ""))

    def point(self, identifier: str | None) -> str:
        """Return what people call a point (else the zone it leads to), or nothing."""
        return self._label(self._points.get(identifier or ""))

    def place(self, zone: str | None, point: str | None) -> tuple[str, str]:
        """Return the id and the name of where something was: its zone, else its point."""
        return (zone, self.zone(zone)) if zone else (point or "-", self.point(point))

    def depth(self, zone: str) -> int:
        """Return how many zones are around this one."""
        return self._depths.get(zone, 0)

    def moment(self, iso: str) -> str:
        """Return a time as a person writes it: the day of the week, the date, hours and minutes."""
        at = datetime.fromisoformat(iso)
        if self.code == "zh":
            return f"{at.year}年{at.month}月{at.day}日 {WEEKDAYS[at.weekday()]} {at:%H:%M}"
        return f"{at:%A} {at.day} {at:%B %Y, %H:%M}"

    def _label(self, label: Label | None) -> str:
        if label is None:
            return ""
        return label.zh or label.en if self.code == "zh" else label.en
