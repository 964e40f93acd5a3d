"""Who held a credential when, from the directories as they were loaded (rules 3.1 and 12.1)."""

from bisect import bisect_left
from collections import defaultdict
from datetime import datetime
from operator import itemgetter
from typing import Any, Final, NamedTuple

from domain.site import Site
from projections.client import History

_ROWS = """
SELECT offset, replace, person, place, hash, valid_from, valid_until
FROM holdings
WHERE site = {site:String}
    AND (
        person = ''
        OR person IN
        (
            SELECT person FROM holdings WHERE site = {site:String} AND hash IN {hashes:Array(String)}
        )
    )
    AND (partition, offset) NOT IN
    (
        SELECT partition, position
        FROM events
        WHERE topic = 'control.rejected'
            AND position IN (SELECT offset FROM holdings WHERE site = {site:String})
    )
ORDER BY offset, place
"""
_PEOPLE = """
SELECT
    offset, JSONExtractString(entry, 'id') AS id,
    JSONExtract(entry, 'valid_from', 'Nullable(String)') AS valid_from,
    JSONExtract(entry, 'valid_until', 'Nullable(String)') AS valid_until
FROM
(
    SELECT offset, arrayJoin(JSONExtractArrayRaw(assumeNotNull(data), 'document', 'persons')) AS entry
    FROM signals
    WHERE site = {site:String} AND category = 'control' AND action = 'loaded'
        AND offset IN {offsets:Array(UInt64)}
)
WHERE id IN {persons:Array(String)} AND (valid_from IS NOT NULL OR valid_until IS NOT NULL)
"""
_HASHES = """
SELECT DISTINCT hash
FROM holdings
WHERE site = {site:String} AND person = {person:String} AND hash != ''
"""
_ALWAYS: Final = float("-inf")
_NEVER: Final = float("inf")


class _Holding(NamedTuple):
    """A person's credential in one directory. Times are UTC seconds."""

    person: str
    since: float
    until: float


def hashes_of(history: History, site: Site, person: str) -> list[str]:
    """Return every credential the person was ever given, in any directory."""
    return [row["hash"] for row in history.rows(_HASHES, {"site": site.id, "person": person})]


class Holders:
    """The holders of some credentials, at any position and time."""

    def __init__(self, history: History, site: Site, hashes: list[str]) -> None:
        self._replaced: list[int] = []  # positions of directories that replaced everybody
        self._listed: dict[str, list[int]] = defaultdict(list)  # by person: positions that list the person
        self._held: dict[tuple[int, str], list[_Holding]] = defaultdict(list)  # by position and credential
        rows = history.rows(_ROWS, {"site": site.id, "hashes": hashes}) if hashes else []
        own = _validity(history, site, rows)
        for row in rows:
            position, person = row["offset"], row["person"]
            if not person:
                if row["replace"]:
                    self._replaced.append(position)
                continue
            if not self._listed[person] or self._listed[person][-1] != position:
                self._listed[person].append(position)
            there, gone = own.get((position, person), (_ALWAYS, _NEVER))
            since, until = _span(row, site)
            held = _Holding(person, max(since, there), min(until, gone))
            self._held[position, row["hash"]].append(held)

    def at(self, credential: str, position: int, occurred_at: int) -> str | None:
        """Return the person who held it by rule 3.1, as the signal at `position` was decided."""
        holdings = [
            holding
            for person in self._listed
            for listed in self._newest(person, position)
            for holding in self._held[listed, credential]
            if holding.person == person
        ]
        begun = [holding for holding in holdings if holding.since <= occurred_at / 1e6]
        valid = [holding for holding in begun if holding.until > occurred_at / 1e6]
        if valid or begun:
            return max(valid or begun, key=itemgetter(1)).person
        return min(holdings, key=itemgetter(1)).person if holdings else None

    def _newest(self, person: str, position: int) -> list[int]:
        """Return the directory that says what the person holds at a position: one, or none."""
        before = bisect_left(self._listed[person], position)
        replaced = bisect_left(self._replaced, position)
        if not before or (replaced and self._replaced[replaced - 1] > self._listed[person][before - 1]):
            return []
        return [self._listed[person][before - 1]]


def _validity(
    history: History, site: Site, rows: list[dict[str, Any]]
) -> dict[tuple[int, str], tuple[float, float]]:
    """Return from when until when persons are there at all, by the position of a directory and their id."""
    named = [row for row in rows if row["person"]]
    persons = sorted({row["person"] for row in named})
    offsets = sorted({row["offset"] for row in named})
    if not persons:
        return {}
    wanted = {"site": site.id, "persons": persons, "offsets": offsets}
    return {(row["offset"], row["id"]): _span(row, site) for row in history.rows(_PEOPLE, wanted)}


def _span(row: dict[str, Any], site: Site) -> tuple[float, float]:
    return (
        _ALWAYS if row["valid_from"] is None else _seconds(row["valid_from"], site),
        _NEVER if row["valid_until"] is None else _seconds(row["valid_until"], site),
    )


def _seconds(written: str, site: Site) -> float:
    time = datetime.fromisoformat(written)
    return (time if time.tzinfo else time.replace(tzinfo=site.zone_info)).timestamp()
