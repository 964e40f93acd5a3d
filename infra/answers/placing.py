"""Placing somebody by hand: an order in the log like any other, decided and answered."""

from datetime import UTC, datetime
from typing import Any

from connectors.rejection import EARLIEST_US
from domain.times import iso, microseconds
from domain.vocabulary import OUTSIDE, Topic
from infra.control import apply_settings, placement
from infra.failure import WrongUse
from infra.home import PARTITION, OpenHome
from infra.times import instant
from projections.occupancy import last_moved


def place(
    home: OpenHome, *, person: str, zone: str, purpose: str, at: str | None, user: str
) -> dict[str, Any]:
    """Place a person in a zone, or `outside`; return `accepted`, `reason`, and the ids of what followed.

    Without `at` it happens at the log's time. What nobody could mean is refused before it is in the log; what
    the engine refuses is there, with its reason.

    Raises:
        WrongUse: `at` is no time, one before 2000, or one that has not come.
    """
    apply_settings(home)
    home.pipeline.advance()
    zone_info = home.site.zone_info
    at_us = home.pipeline.runner.engine.now if at is None else instant("--at", at, zone_info)
    if at_us > microseconds(datetime.now(UTC)):
        told = at or f"the log's time, {iso(at_us, zone_info)},"
        raise WrongUse(f"--at: {told} has not come yet; say when it was")
    if at_us < EARLIEST_US:
        early = f"{at} is before 2000" if at else "the log has no time yet that could be taken"
        raise WrongUse(f"--at: {early}; say when it was")
    if reason := _unfit(home, person, at_us):
        return _answer(home, person, zone, at_us, reason, [])
    signal = placement(home.site.id, at_us, person, {"zone": zone, "purpose": purpose, "by": user})
    position = home.log.head(PARTITION)
    home.pipeline.append([signal])
    decided = [event for batch in home.pipeline.decide() for event in batch.events_of()]
    home.pipeline.sink()
    events = [event for event in decided if position in event.causes]
    rejected = [event for event in events if event.topic is Topic.CONTROL_REJECTED]
    refusal = (rejected[0].detail or {}).get("reason", "rejected") if rejected else None
    return _answer(home, person, zone, at_us, refusal, [event.id for event in events])


def _unfit(home: OpenHome, person: str, at_us: int) -> str | None:
    """Return why the person cannot be placed at this time; None where nothing speaks against it."""
    moved_at = last_moved(home.history, home.site, person)
    if moved_at is None:
        known = any(person == listed.id for listed in home.directory.persons)
        return None if known else f"nobody knows {person}: write the id as it is, or add it to directory.csv"
    # A reading that leads to where the person is already is no move: of it only the engine knows.
    seen_at = max(moved_at, home.pipeline.runner.engine.seen_at(person) or 0)
    if at_us < seen_at:
        seen = iso(seen_at, home.site.zone_info)
        return f"more is known of {person} since, at {seen}: place them then or later"
    return None


def _answer(
    home: OpenHome, person: str, zone: str, at_us: int, reason: str | None, events: list[str]
) -> dict[str, Any]:
    return {
        "accepted": reason is None,
        "reason": reason,
        "person": person,
        "zone": None if zone == OUTSIDE else zone,
        "occurred_at": iso(at_us, home.site.zone_info),
        "events": events,
    }
