"""Everything known of one person or one credential, in order of time, with where it stands in the log."""

from collections.abc import Iterable
from typing import Any

from domain.site import Site
from domain.times import iso
from domain.vocabulary import UNKNOWN_HOLDER
from projections.client import History
from projections.holdings import Holders
from projections.instants import span

_WHEN = """
    AND occurred_at >= fromUnixTimestamp64Micro({from:Int64})
    AND occurred_at < fromUnixTimestamp64Micro({to:Int64})
"""
_SIGNAL = """
SELECT
    'signal' AS kind, offset AS position, id, toUnixTimestamp64Micro(occurred_at) AS occurred,
    toUnixTimestamp64Micro(received_at) AS received, device, point, category, action, reason, reason_code,
    direction, delivery, person, credential_hash AS credential, seq
FROM signals
"""
_EVENT = """
SELECT
    'event' AS kind, position, ordinal, id, topic, toUnixTimestamp64Micro(occurred_at) AS occurred,
    toUnixTimestamp64Micro(known_at) AS known, person, credential, zone, from_zone, maybe_zone, point, device,
    visit, basis, rule, alert, severity, value, `limit`, late, causes
FROM events
"""
_ALERTS = """
FROM alerts
WHERE site = {site:String}
    AND (credential = {credential:String} OR arrayExists(cause -> cause IN {positions:Array(UInt64)}, causes))
"""


def trace(
    history: History,
    site: Site,
    *,
    person: str | None = None,
    credential: str | None = None,
    from_us: int | None = None,
    to_us: int | None = None,
) -> list[dict[str, Any]]:
    """Return every signal and event of a person, or of a credential (by its hash), in [from, to).

    A person's are those that name the person and those with a credential the person held then; a
    credential's are its signals, and what rests on them: events of who held it, and alerts, whether they name
    it or not. Each has `kind` (`signal` or `event`),
    `position` (for an event: of the signal that decided it), `id`, `occurred_at`, `received_at` or
    `known_at`, and its own fields where they are not None.

    Raises:
        ValueError: neither or both of person and credential are given.
    """
    if (person is None) == (credential is None):
        raise ValueError("give a person or a credential, one of them")
    asked = {"site": site.id} | span(from_us, to_us)
    if person is not None:
        found = _of_person(history, site, person, asked)
    else:
        assert credential is not None
        found = _of_credential(history, site, credential, asked)
    found.sort(key=lambda row: (row["occurred"], row["position"], row.get("ordinal", -1)))
    return [_entry(row, site) for row in found]


def _of_person(history: History, site: Site, person: str, asked: dict[str, Any]) -> list[dict[str, Any]]:
    of_person = f"WHERE site = {{site:String}} AND person = {{person:String}} {_WHEN}"
    events = history.ask(f"{_EVENT} {of_person}", asked | {"person": person})
    named = history.ask(f"{_SIGNAL} {of_person}", asked | {"person": person})
    stranger = [person.removeprefix(UNKNOWN_HOLDER)] if person.startswith(UNKNOWN_HOLDER) else []
    holders = Holders(history, site, person=person, hashes=stranger)
    shown = history.rows(*_signals_of(holders.hashes, asked)) if holders.hashes else []
    held = [row for row in shown if row["person"] is None and _holder(holders, row) == person]
    return named.result() + held + events.result()


def _of_credential(
    history: History, site: Site, credential: str, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the credential's signals, the events of its holders that one of these caused, and its alerts."""
    looked_up = history.ask(*_signals_of([credential], asked))
    holders = Holders(history, site, hashes=[credential])
    signals = looked_up.result()
    persons = {row["person"] or _holder(holders, row) for row in signals}
    positions = {row["position"] for row in signals}
    resting = {"site": site.id, "credential": credential, "positions": sorted(positions)}
    counted = history.ask(f"SELECT count() AS alerts {_ALERTS}", resting)
    events = history.rows(
        f"{_EVENT} WHERE site = {{site:String}} AND person IN {{persons:Array(String)}} {_WHEN}",
        asked | {"persons": sorted(persons)},
    )
    found = {row["id"]: row for row in events if not positions.isdisjoint([row["position"], *row["causes"]])}
    if counted.result()[0]["alerts"]:
        told = history.rows(
            f"{_EVENT} WHERE site = {{site:String}} "
            f"AND (partition, offset) IN (SELECT partition, offset {_ALERTS}) {_WHEN}",
            asked | resting,
        )
        found |= {row["id"]: row for row in told}
    return signals + list(found.values())


def _signals_of(hashes: Iterable[str], asked: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the query for the signals of these credentials, and its parameters."""
    where = "WHERE site = {site:String} AND credential_hash IN {hashes:Array(String)}"
    return f"{_SIGNAL} {where} {_WHEN}", asked | {"hashes": sorted(hashes)}


def _holder(holders: Holders, row: dict[str, Any]) -> str:
    held_by = holders.at(row["credential"], row["position"], row["occurred"])
    return held_by if held_by is not None else UNKNOWN_HOLDER + row["credential"]


def _entry(row: dict[str, Any], site: Site) -> dict[str, Any]:
    times = {"occurred": "occurred_at", "received": "received_at", "known": "known_at"}
    return {
        times.get(name, name): iso(value, site.zone_info) if name in times else value
        for name, value in row.items()
        if value is not None
    }
