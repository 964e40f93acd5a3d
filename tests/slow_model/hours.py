"""When an out-of-hours period ends (rules.md 10.1)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from domain.calendars import Calendar

_NEVER = 10**18
_FARTHEST_DAYS = 800
"""How far ahead the next working interval is looked for: beyond any year of closed dates."""

_WORKING: dict[tuple[str, str, date], list[tuple[int, int]]] = {}


def _working(calendar: Calendar, site_zone: ZoneInfo, day: date) -> list[tuple[int, int]]:
    key = (calendar.model_dump_json(), site_zone.key, day)
    if key not in _WORKING:
        _WORKING[key] = calendar.intervals(day, day, site_zone)
    return _WORKING[key]


def out_of_hours_until(calendar: Calendar, site_zone: ZoneInfo, at: int) -> int | None:
    """Return when the out-of-hours period around a time ends, or None within working hours (10.1)."""
    if not calendar.hours and not calendar.special:
        return _NEVER
    zone = ZoneInfo(calendar.time_zone) if calendar.time_zone else site_zone
    today = datetime.fromtimestamp(at // 1_000_000, UTC).astimezone(zone).date()
    for days in range(-1, _FARTHEST_DAYS):
        for begin, end in _working(calendar, site_zone, today + timedelta(days=days)):
            if begin <= at < end:
                return None
            if begin > at:
                return begin
    return _NEVER
