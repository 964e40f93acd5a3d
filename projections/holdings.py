"""Who held a credential when, from the directories as they were loaded (rules 3.1 and 12.1)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime
from operator import itemgetter
from typing import Final, NamedTuple

from pydantic import TypeAdapter

from domain.site import Site
from projections.client import History

_ROWS = """
SELECT offset, replace, person, hash, valid_from, valid_until, person_from, person_until
FROM holdings
WHERE site = {site:String}
    AND (
        person = ''
        OR person IN
        (
            SELECT person
            FROM holdings
            WHERE site = {site:String}
                AND hash IN
                (
                    SELECT hash
                    FROM holdings
                    WHERE site = {site:String} AND hash != ''
                        AND (person = {person:String} OR hash IN {hashes:Array(String)})
                )
        )
    )
    AND (partition, offset) NOT IN
    (
        SELECT partition, position
        FROM events
        WHERE topic = 'control.rejected'
            AND position IN (SELECT offset FROM holdings WHERE site = {site:String} AND person = '')
    )
ORDER BY offset, place
"""
_read_time: Final = TypeAdapter(datetime).validate_python
"""As a directory's times are read: whoever wrote it may have written a number, of seconds since 1970."""
_ALWAYS: Final = float("-inf")
_NEVER: Final = float("inf")


class _Holding(NamedTuple):
    """A person's credential in one directory. Times are UTC seconds."""

    person: str
    since: float
    until: float


class Holders:
    """The holders of some credentials, at any position and time."""

    def __init__(
        self, history: History, site: Site, *, person: str = "", hashes: Collection[str] = ()
    ) -> None:
        """Look up who ever held these credentials, and those that this person was ever given."""
        self.hashes = set(hashes)
        """All of these credentials."""
        self._replaced: list[int] = []  # positions of directories that replaced everybody
        self._listed: dict[str, list[int]] = defaultdict(list)  # by person: positions that list the person
        self._held: dict[tuple[int, str], list[_Holding]] = defaultdict(list)  # by position and credential
        for row in history.rows(_ROWS, {"site": site.id, "person": person, "hashes": list(hashes)}):
            position, holder = row["offset"], row["person"]
            if not holder:
                if row["replace"]:
                    self._replaced.append(position)
                continue
            if not self._listed[holder] or self._listed[holder][-1] != position:
                self._listed[holder].append(position)
            if holder == person and row["hash"]:
                self.hashes.add(row["hash"])
            since, until = _span(row["valid_from"], row["valid_until"], site)
            there, gone = _span(row["person_from"], row["person_until"], site)
            self._held[position, row["hash"]].append(_Holding(holder, max(since, there), min(until, gone)))

    def at(self, credential: str, position: int, occurred_at: int) -> str | None:
        """Return the person who held it by rule 3.1, as the signal at `position` was decided."""
        holdings = [
            holding
            for person in sorted(self._listed)  # of those who begin together, the first counts
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


def _span(since: str | None, until: str | None, site: Site) -> tuple[float, float]:
    return (
        _ALWAYS if since is None else _seconds(since, site),
        _NEVER if until is None else _seconds(until, site),
    )


def _seconds(written: str, site: Site) -> float:
    time = _read_time(written)
    return (time if time.tzinfo else time.replace(tzinfo=site.zone_info)).timestamp()
