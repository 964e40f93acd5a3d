"""Local times in ISO 8601 become UTC, daylight saving and all."""

import re
from datetime import UTC, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from connectors.rejection import AHEAD_US, EARLIEST_US, RefusedRow
from domain.signal import Time
from domain.times import SECOND_US, microseconds
from domain.vocabulary import Quality

_MICROSECOND: Final = timedelta(microseconds=1)
_MINUTE: Final = re.compile(r"\d{4}-\d\d-\d\d[ T]\d\d:\d\d")
_SECONDS: Final = {f"{second:02}": second * SECOND_US for second in range(60)}
_MINUTES_KEPT: Final = 100_000


class LocalTimes:
    """Reads the times of one source. Naive ones are of `time_zone`; others bring their own offset.

    A time that occurs twice in autumn is the first, and uncertain. The offset is worked out once for each
    minute: zones change it on whole minutes (since 1972).
    """

    def __init__(self, time_zone: str, received_at: int):
        self._name = time_zone
        self._zone = ZoneInfo(time_zone)
        self._received_at = received_at
        self._latest = received_at + AHEAD_US
        self._minutes: dict[str, tuple[int, Quality]] = {}

    def read(self, text: str) -> Time:
        """Return when a row says it happened.

        Raises:
            RefusedRow: bad_time, nonexistent_time (in the gap of a spring change) or implausible_time
                (before 2000, or more than a day after the import).
        """
        minute = self._minutes.get(text[:16])
        zone: str | None
        if minute is not None and len(text) == 19 and text[16] == ":" and text[17:] in _SECONDS:
            occurred_at, quality, zone = minute[0] + _SECONDS[text[17:]], minute[1], self._name
        else:
            occurred_at, quality, zone = self._parse(text)
        if not EARLIEST_US <= occurred_at <= self._latest:
            raise RefusedRow(
                "implausible_time",
                f"{text!r} is before 2000 or after the import; set the device's clock, or correct the row",
            )
        return Time(occurred_at, self._received_at, text, zone, None, quality)

    def _parse(self, text: str) -> tuple[int, Quality, str | None]:
        try:
            if len(text) <= 10:  # fromisoformat would take a date for its midnight
                raise ValueError("no time of day")
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is not None:
                return microseconds(moment), Quality.SYNCHRONISED, None
        except ValueError as error:
            raise RefusedRow("bad_time", f"{text!r} is no time; 2016-05-31 07:00:00 is one") from error
        offset, second_offset = self._offsets(moment)
        if offset < second_offset:
            raise RefusedRow(
                "nonexistent_time",
                f"{text!r} does not exist in {self._name}: clocks went forward over it; "
                "is the source's time_zone right?",
            )
        quality = Quality.UNCERTAIN if offset > second_offset else Quality.SYNCHRONISED
        occurred_at = microseconds(moment.replace(tzinfo=UTC)) - offset // _MICROSECOND
        if _MINUTE.match(text):
            if len(self._minutes) >= _MINUTES_KEPT:
                self._minutes.clear()
            within_us = moment.second * SECOND_US + moment.microsecond
            self._minutes[text[:16]] = (occurred_at - within_us, quality)
        return occurred_at, quality, self._name

    def _offsets(self, moment: datetime) -> tuple[timedelta, timedelta]:
        """Return the offsets of the first and the second reading of a local time; they differ in a change."""
        first = self._zone.utcoffset(moment.replace(fold=0))
        second = self._zone.utcoffset(moment.replace(fold=1))
        assert first is not None and second is not None  # ZoneInfo always knows
        return first, second
