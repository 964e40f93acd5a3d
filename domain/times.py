"""Times: UTC microseconds since 1970, and how people read them."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta, tzinfo
from typing import Final

MILLISECOND_US: Final = 1_000
SECOND_US: Final = 1_000 * MILLISECOND_US
MINUTE_US: Final = 60 * SECOND_US
HOUR_US: Final = 60 * MINUTE_US
DAY_US: Final = 24 * HOUR_US
LATEST_US: Final = 7_258_118_400_000_000
"""2200-01-01: below it the history's times and the timers' sums stay within their range."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def utc(at_us: int) -> datetime:
    """Return the moment of these UTC microseconds.

    Raises:
        OverflowError: it is outside the years 1 to 9999.
    """
    return _EPOCH + timedelta(microseconds=at_us)


def microseconds(moment: datetime) -> int:
    """Return the UTC microseconds of a moment that says its offset.

    >>> microseconds(datetime(1969, 12, 31, 23, 59, 59, 500_000, UTC))
    -500000
    """
    return (moment - _EPOCH) // _MICROSECOND


def iso(at_us: int, zone: tzinfo = UTC) -> str:
    """Return a time as ISO 8601 with the zone's offset, to the microsecond.

    One outside the years 1 to 9999, which only a broken clock gives, is shown as the nearest day of them.

    >>> iso(1_500_000)
    '1970-01-01T00:00:01.500000+00:00'
    """
    try:
        return utc(at_us).astimezone(zone).isoformat()
    except OverflowError:
        nearest = datetime(MAXYEAR, 12, 31, tzinfo=UTC) if at_us > 0 else datetime(MINYEAR, 1, 1, tzinfo=UTC)
        return nearest.isoformat()
