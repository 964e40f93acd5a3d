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
_HASHES = """
SELECT DISTINCT hash
FROM holdings
WHERE site = {site:String} AND person = {person:String} AND hash != ''
"""
_ALWAYS: Final = float("-inf")


class _Holding(NamedTuple):
    """A person's credential in one directory. Times are UTC seconds; `until` None: without end."""

    person: str
    since: float
    until: float | None


def hashes_of(history: History, site: Site, person: str) -> list[str]:
    """Return every credential the person was ever given, in any directory."""
    return [row["hash"] for row in history.rows(_HASHES, {"site": site.id, "person": person})]


class Holders:
    """The holders of some credentials, at any position and time."""

    def __init__(self, history: History, site: Site, hashes: list[str]) -> None:
        self._replaced: list[int] = []  # positions of directories that replaced everybody
        self._listed: dict[str, list[int]] = defaultdict(list)  # by person: positions that list the person
        self._held: dict[tuple[int, str], list[_Holding]] = defaultdict(list)  # by position and credential
        for row in history.rows(_ROWS, {"site": site.id, "hashes": hashes}) if hashes else ():
            position, person = row["offset"], row["person"]
            if not person:
                if row["replace"]:
                    self._replaced.append(position)
                continue
            if not self._listed[person] or self._listed[person][-1] != position:
                self._listed[person].append(position)
            since, until = (_seconds(row[end], site) for end in ("valid_from", "valid_until"))
            self._held[position, row["hash"]].append(
                _Holding(person, _ALWAYS if since is None else since, until)
            )

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
        valid = [holding for holding in begun if holding.until is None or holding.until > occurred_at / 1e6]
        if valid or begun:
            return max(valid or begun, key=itemgetter(1)).person
        return holdings[0].person if holdings else None

    def _newest(self, person: str, position: int) -> list[int]:
        """Return the directory that says what the person holds at a position: one, or none."""
        before = bisect_left(self._listed[person], position)
        replaced = bisect_left(self._replaced, position)
        if not before or (replaced and self._replaced[replaced - 1] > self._listed[person][before - 1]):
            return []
        return [self._listed[person][before - 1]]


def _seconds(written: Any, site: Site) -> float | None:
    if written is None:
        return None
    time = datetime.fromisoformat(written)
    return (time if time.tzinfo else time.replace(tzinfo=site.zone_info)).timestamp()
