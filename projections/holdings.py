"""Who held a credential when, from the directories as they were loaded (rules 3.1 and 12.1)."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Collection
from datetime import datetime, tzinfo
from functools import cached_property
from operator import itemgetter
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

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
_TIME_ZONES = """
SELECT offset, JSONExtractString(assumeNotNull(data), 'document', 'time_zone') AS time_zone
FROM signals
WHERE (partition, offset) IN
    (SELECT partition, position FROM events WHERE site = {site:String} AND topic = 'site.applied')
ORDER BY offset
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
        self._history, self._site = history, site
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
            since, until = self._span(row["valid_from"], row["valid_until"], position)
            there, gone = self._span(row["person_from"], row["person_until"], position)
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

    def _span(self, since: str | None, until: str | None, position: int) -> tuple[float, float]:
        return (
            _ALWAYS if since is None else self._seconds(since, position),
            _NEVER if until is None else self._seconds(until, position),
        )

    def _seconds(self, written: str, position: int) -> float:
        time = _read_time(written)
        return (time if time.tzinfo else time.replace(tzinfo=self._time_zone(position))).timestamp()

    def _time_zone(self, position: int) -> tzinfo:
        """Return the time zone of the site when the directory at a position was loaded."""
        before = bisect_left(self._zone_changes, position, key=itemgetter(0))
        return self._zone_changes[before - 1][1] if before else self._site.zone_info

    @cached_property
    def _zone_changes(self) -> list[tuple[int, tzinfo]]:
        """The time zone of each of the site's documents, by position."""
        found = self._history.rows(_TIME_ZONES, {"site": self._site.id})
        return [(row["offset"], ZoneInfo(row["time_zone"])) for row in found]
