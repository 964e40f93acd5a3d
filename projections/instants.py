"""Times in questions and answers."""

from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from typing import Final

from domain.site import Site

FIRST: Final = -(2**62)
LAST: Final = 2**62
"""Before and after every time a history can hold, in UTC microseconds."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def span(from_us: int | None, to_us: int | None) -> dict[str, int]:
    """Return a query's parameters `from` and `to` for a span that may be open at either end."""
    return {"from": FIRST if from_us is None else from_us, "to": LAST if to_us is None else to_us}


def iso(at_us: int, site: Site) -> str:
    """Return UTC microseconds as ISO 8601 with the site's offset.

    A time outside the years 1 to 9999, which only a broken clock gives, is shown as the nearest day of them.
    """
    try:
        return (_EPOCH + timedelta(microseconds=at_us)).astimezone(site.zone_info).isoformat()
    except OverflowError:
        nearest = datetime(MAXYEAR, 12, 31, tzinfo=UTC) if at_us > 0 else datetime(MINYEAR, 1, 1, tzinfo=UTC)
        return nearest.isoformat()
