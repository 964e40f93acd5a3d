"""Calendars: when work is done, as half-open UTC intervals.

Local hours become UTC day by day, so daylight saving needs no rule of its own: a boundary that falls
into the gap of a spring change is moved forward by the gap, one that occurs twice in autumn is the first.
"""

import re
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated, Final, Literal, Self
from zoneinfo import ZoneInfo

import holidays
from pydantic import AfterValidator, Field, model_validator

from domain.site import Document, TimeZoneName
from domain.times import microseconds

Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
WEEKDAYS: Final[tuple[Weekday, ...]] = (
    "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday",
)  # fmt: skip
_SPAN: Final = re.compile(r"^([01]\d|2[0-4]):([0-5]\d)-([01]\d|2[0-4]):([0-5]\d)$")


def _span(text: str) -> str:
    match = _SPAN.match(text)
    if not match:
        raise ValueError(f"{text!r} is no span of hours; write it as 07:00-19:00")
    start, end = span_minutes(text)
    if not 0 <= start < end <= 24 * 60:
        raise ValueError(f"{text!r} must begin before it ends, at 24:00 at the latest; cut it at midnight")
    return text


Span = Annotated[str, AfterValidator(_span)]


def span_minutes(span: str) -> tuple[int, int]:
    """Return the start and end of a span in minutes after midnight.

    >>> span_minutes("07:00-19:00")
    (420, 1140)
    """
    start, end = span.split("-")
    return (int(start[:2]) * 60 + int(start[3:]), int(end[:2]) * 60 + int(end[3:]))


class Holidays(Document):
    """Public holidays of a country (ISO 3166) and, where it matters, a subdivision."""

    country: str
    subdivision: str | None = None

    @model_validator(mode="after")
    def _exists(self) -> Self:
        supported = holidays.list_supported_countries()
        if self.country not in supported:
            raise ValueError(f"country {self.country!r} is unknown to the holidays library; write e.g. GR")
        if self.subdivision is not None and self.subdivision not in supported[self.country]:
            raise ValueError(f"{self.country} has no subdivision {self.subdivision!r}")
        return self


class Calendar(Document):
    """Working hours by weekday, less holidays and closed dates, with special dates of their own.

    `special` replaces a date's hours, holiday or not. `time_zone` None is the site's.
    """

    hours: dict[Weekday, tuple[Span, ...]]
    holidays: Holidays | None = None
    closed: tuple[date, ...] = ()
    special: dict[date, tuple[Span, ...]] = Field(default={})
    time_zone: TimeZoneName | None = None

    def spans(self, day: date) -> tuple[Span, ...]:
        """Return the working spans of a date."""
        if day in self.special:
            return self.special[day]
        if day in self.closed or (self.holidays and day in _holidays_of(self.holidays, day.year)):
            return ()
        return self.hours.get(WEEKDAYS[day.weekday()], ())

    def intervals(self, first: date, last: date, site_zone: ZoneInfo) -> Sequence[tuple[int, int]]:
        """Return the half-open working intervals of the local dates first to last, both included.

        UTC microseconds, ascending, touching intervals joined.
        """
        zone = ZoneInfo(self.time_zone) if self.time_zone else site_zone
        return _intervals(self, first, last, zone)

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


@lru_cache(maxsize=64)
def _intervals(calendar: Calendar, first: date, last: date, zone: ZoneInfo) -> Sequence[tuple[int, int]]:
    """Do it: each calendar takes milliseconds, and the sites of a city have few different ones."""
    found: list[tuple[int, int]] = []
    day = first
    while day <= last:
        for start, end in sorted(span_minutes(span) for span in calendar.spans(day)):
            begin, stop = _utc_us(day, start, zone), _utc_us(day, end, zone)
            if found and begin <= found[-1][1]:
                found[-1] = (found[-1][0], max(stop, found[-1][1]))
            elif begin < stop:
                found.append((begin, stop))
        day += timedelta(days=1)
    return tuple(found)


_HOLIDAYS: Final[dict[tuple[str, str | None, int], holidays.HolidayBase]] = {}


def _holidays_of(rule: Holidays, year: int) -> holidays.HolidayBase:
    key = (rule.country, rule.subdivision, year)
    if key not in _HOLIDAYS:
        _HOLIDAYS[key] = holidays.country_holidays(rule.country, subdiv=rule.subdivision, years=year)
    return _HOLIDAYS[key]


@lru_cache(maxsize=10_000)
def _utc_us(day: date, minutes: int, zone: ZoneInfo) -> int:
    local = datetime.combine(day, time(), zone) + timedelta(minutes=minutes)
    return microseconds(local)
