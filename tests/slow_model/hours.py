"""When an out-of-hours period ends (rules.md 10.1)."""

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from domain.calendars import Calendar

_NEVER = 10**18
_FIRST_YEAR, _LAST_YEAR = 1969, 2201
"""10.1: nobody works before or after."""


@lru_cache(maxsize=256)
def _working(written: str, site_zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    calendar = Calendar.model_validate_json(written)
    return calendar.intervals(date(first, 1, 1), date(last, 12, 31), site_zone)


def out_of_hours_until(calendar: Calendar, site_zone: ZoneInfo, at: int) -> int | None:
    """Return when the out-of-hours period around a time ends, or None within working hours (10.1).

    rules.md 10.1: "ever again" is within two years after the time and after the last date that the calendar
    names. Later years are alike: whoever has not worked by then never will.
    """
    year = datetime.fromtimestamp(at // 1_000_000, UTC).year
    last = max([year, *(day.year for day in (*calendar.closed, *calendar.special))])
    first, last = max(year - 1, _FIRST_YEAR), min(last + 2, _LAST_YEAR)
    if first > last:
        return _NEVER
    for begin, end in _working(calendar.model_dump_json(), site_zone, first, last):
        if begin <= at < end:
            return None
        if begin > at:
            return begin
    return _NEVER
