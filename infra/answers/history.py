"""Answers from the history, brought up to the log first."""

from collections.abc import Collection
from typing import Any

from domain.times import iso
from infra.answers.log import log_time
from infra.failure import WrongUse
from infra.home import PARTITION, OpenHome
from infra.times import instant, span
from projections.alerts import alerts as alerts_of
from projections.errors import QueryRefused
from projections.occupancy import occupancy_at
from projections.sql import sql as rows_of
from projections.verify import verify as verified
from projections.visits import visits as visits_of


def occupancy(home: OpenHome, *, at: str, as_known_at: str | None) -> dict[str, Any]:
    """Return how many were in every zone at a time, as known at another, or now.

    With `log_end`, the log's time, where that is before `at`: what is said of `at` is how it stood then.
    """
    at_us = instant("--at", at, home.site.zone_info)
    known_us = None if as_known_at is None else instant("--as-known-at", as_known_at, home.site.zone_info)
    home.catch_up()
    found, end = occupancy_at(home.history, home.site, at_us, known_us), log_time(home)
    return found if end is None or at_us <= end else {**found, "log_end": iso(end, home.site.zone_info)}


def visits(
    home: OpenHome, *, person: str | None, since: str | None, until: str | None
) -> list[dict[str, Any]]:
    """Return the visits of a person, or of everybody, in a span of time.

    Raises:
        WrongUse: the span ends before it begins.
    """
    from_us, to_us = span(since, until, home.site.zone_info)
    home.catch_up()
    return visits_of(home.history, home.site, person=person, from_us=from_us, to_us=to_us)


def alerts(
    home: OpenHome,
    *,
    rule: str | None,
    person: str | None,
    zone: str | None,
    since: str | None,
    until: str | None,
) -> list[dict[str, Any]]:
    """Return the alerts of a rule, person or zone in a span of time.

    Raises:
        WrongUse: there is none, and no such rule or zone either; or the span ends before it begins.
    """
    from_us, to_us = span(since, until, home.site.zone_info)
    home.catch_up()
    found = alerts_of(
        home.history, home.site, rule=rule, person=person, zone=zone, from_us=from_us, to_us=to_us
    )
    if not found and rule is not None:
        from detectors.registry import DETECTORS

        _check_name("--rule", rule, DETECTORS)
    if not found and zone is not None:
        _check_name("--zone", zone, [known.id for known in home.site.zones])
    return found


def sql(home: OpenHome, *, query: str) -> list[dict[str, Any]]:
    """Return the rows of a query that only reads.

    Raises:
        WrongUse: it does not only read, or there is a mistake in it.
        QueryTooLarge: it takes more than it may.
    """
    home.catch_up()
    try:
        return rows_of(home.history, query)
    except QueryRefused as refused:
        raise WrongUse(f"sql: {refused}") from refused


def verify(home: OpenHome) -> dict[str, Any]:
    """Return how the history differs from the log; `ok` where it does not."""
    home.catch_up()
    log = home.log
    return verified(
        home.history,
        log,
        PARTITION,
        signals_head=log.head(PARTITION),
        events_head=log.events_head(PARTITION),
    )


def _check_name(option: str, name: str, known: Collection[str]) -> None:
    if name not in known:
        raise WrongUse(f"{option}: {name!r} is none of {', '.join(known)}")
