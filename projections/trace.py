"""Everything known of one person or one credential, in order of time, with where it stands in the log."""

from collections.abc import Iterable
from typing import Any

from domain.site import Site
from projections.client import History
from projections.holdings import Holders, hashes_of
from projections.instants import iso, span

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
_UNKNOWN = "unknown:"


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
    credential's are its signals, and the events that rest on them. Each has `kind` (`signal` or `event`),
    `position` (for an event: of the signal that decided it), `id`, `occurred_at`, `received_at` or
    `known_at`, and its own fields where they are not None.

    Raises:
        ValueError: neither or both of person and credential are given.
    """
    if (person is None) == (credential is None):
        raise ValueError("give a person or a credential, one of them")
    asked = {"site": site.id} | span(from_us, to_us)
    if person is not None:
        signals = _signals_of_person(history, site, person, asked)
        events = history.rows(
            f"{_EVENT} WHERE site = {{site:String}} AND person = {{person:String}} {_WHEN}",
            asked | {"person": person},
        )
    else:
        assert credential is not None
        signals = _signals_of_credentials(history, [credential], asked)
        events = _events_of_credential(history, site, credential, signals, asked)
    found = signals + events
    found.sort(key=lambda row: (row["occurred"], row["position"], row.get("ordinal", -1)))
    return [_entry(row, site) for row in found]


def _signals_of_person(
    history: History, site: Site, person: str, asked: dict[str, Any]
) -> list[dict[str, Any]]:
    named = history.rows(
        f"{_SIGNAL} WHERE site = {{site:String}} AND person = {{person:String}} {_WHEN}",
        asked | {"person": person},
    )
    hashes = hashes_of(history, site, person)
    if person.startswith(_UNKNOWN):
        hashes.append(person.removeprefix(_UNKNOWN))
    if not hashes:
        return named
    holders = Holders(history, site, hashes)
    return named + [
        row
        for row in _signals_of_credentials(history, hashes, asked)
        if row["person"] is None and _holder(holders, row) == person
    ]


def _signals_of_credentials(
    history: History, hashes: list[str], asked: dict[str, Any]
) -> list[dict[str, Any]]:
    where = "WHERE site = {site:String} AND credential_hash IN {hashes:Array(String)}"
    return history.rows(f"{_SIGNAL} {where} {_WHEN}", asked | {"hashes": hashes})


def _events_of_credential(
    history: History, site: Site, credential: str, signals: Iterable[dict[str, Any]], asked: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the events that name the credential or that one of its signals caused."""
    holders = Holders(history, site, [credential])
    persons, positions = set(), set()
    for row in signals:
        persons.add(row["person"] or _holder(holders, row))
        positions.add(row["position"])
    caused = history.rows(
        f"{_EVENT} WHERE site = {{site:String}} AND person IN {{persons:Array(String)}} {_WHEN}",
        asked | {"persons": sorted(persons)},
    )
    alerts = history.rows(
        f"{_EVENT} WHERE site = {{site:String}} AND (partition, offset) IN "
        "(SELECT partition, offset FROM alerts "
        "WHERE site = {site:String} AND credential = {credential:String}) "
        f"{_WHEN}",
        asked | {"credential": credential},
    )
    kept = {row["id"]: row for row in caused if not positions.isdisjoint([row["position"], *row["causes"]])}
    return list((kept | {row["id"]: row for row in alerts}).values())


def _holder(holders: Holders, row: dict[str, Any]) -> str:
    held_by = holders.at(row["credential"], row["position"], row["occurred"])
    return held_by if held_by is not None else _UNKNOWN + row["credential"]


def _entry(row: dict[str, Any], site: Site) -> dict[str, Any]:
    times = {"occurred": "occurred_at", "received": "received_at", "known": "known_at"}
    return {
        times.get(name, name): iso(value, site) if name in times else value
        for name, value in row.items()
        if value is not None
    }
