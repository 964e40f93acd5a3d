"""Times on the command line and in answers: ISO 8601, naive ones in the site's zone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from domain.times import microseconds
from infra.failure import WrongUse


def span(since: str | None, until: str | None, zone: ZoneInfo) -> tuple[int | None, int | None]:
    """Return what `--from` and `--to` say, each None where it is not given.

    Raises:
        WrongUse: one is no time (`instant`), or the span ends before it begins.
    """
    from_us = None if since is None else instant("--from", since, zone)
    to_us = None if until is None else instant("--to", until, zone)
    if from_us is not None and to_us is not None and to_us < from_us:
        raise WrongUse(f"--from, --to: the span ends ({until}) before it begins ({since}); exchange the two")
    return from_us, to_us


def instant(option: str, text: str, zone: ZoneInfo) -> int:
    """Return a time given by a person as UTC microseconds.

    A time that occurs twice in autumn is the first of the two.

    Raises:
        WrongUse: it is no time, one that the clocks of the zone leave out, or one without a date in UTC.
    """
    try:
        given = datetime.fromisoformat(text.strip())
    except ValueError:
        raise WrongUse(
            f"{option}: {text!r} is no time; write it as 2016-06-02T10:30 (in the site's zone, {zone.key}) "
            "or, with an offset, 2016-06-02T07:30Z"
        ) from None
    local = given if given.tzinfo is not None else given.replace(tzinfo=zone)
    try:
        moment = local.astimezone(UTC)
        again = moment.astimezone(local.tzinfo)
    except OverflowError:
        raise WrongUse(f"{option}: {text} lies beyond the years 1 to 9999") from None
    if again.replace(tzinfo=None) != given.replace(tzinfo=None):
        raise WrongUse(
            f"{option}: {text} does not exist in {zone.key}, where the clocks go forward then; "
            f"give the time with its offset: {local.isoformat()}, which is {again.isoformat()}"
        )
    return microseconds(moment)
