"""From reports to signals: running numbers, the way over the line, an outage, and a clock that drifts."""

from collections.abc import Iterator
from hashlib import blake2b
from operator import attrgetter
from random import Random
from typing import Final

from connectors.simulation.campus import Campus
from connectors.simulation.crossing import NO_INCIDENT
from connectors.simulation.report import Outage, Report
from connectors.simulation.truth import Truth
from domain.signal import Signal, Time, Verify
from domain.times import DAY_US, MILLISECOND_US, utc
from domain.vocabulary import Action, Category, Delivery, Direction, Method, Quality, Reason

_DRIFT_MS_PER_DAY: Final = 800  # stays below the second that may remain after correction
_CATEGORIES: Final = {
    Action.GRANTED: Category.CREDENTIAL,
    Action.DENIED: Category.CREDENTIAL,
    Action.OPENED: Category.DOOR,
    Action.CLOSED: Category.DOOR,
    Action.EXIT_REQUESTED: Category.DOOR,
    Action.COUNTED: Category.COUNT,
    Action.ONLINE: Category.DEVICE,
}
_at: Final = attrgetter("at_us")
_DIRECTIONS: Final = (Direction.IN, Direction.OUT)
_VERIFY: Final = {
    "card": Verify(methods=(Method.CARD,), factors=1),
    "qr": Verify(methods=(Method.QR,), factors=1),
    "mobile": Verify(methods=(Method.MOBILE,), factors=1),
}

Arrival = tuple[int, int, int, Report]
"""When it is received (UTC microseconds), the device's code, its running number, and what it said."""


class DriftingClock:
    """A device's clock: ahead by `ahead_ms` from `wrong_from_us`, corrected from `known_from_us` on.

    Once corrected, the offset is measured anew each day, and what it drifts meanwhile remains.
    """

    def __init__(self, wrong_from_us: int, known_from_us: int, ahead_ms: int) -> None:
        self._wrong_from_us, self._known_from_us = wrong_from_us, known_from_us
        self._ahead_ms = ahead_ms

    def time(self, at_us: int, received_us: int) -> Time:
        """Return what is known of the time of something that truly happened at `at_us`."""
        if at_us < self._wrong_from_us:
            return Time(at_us, received_us)
        if at_us < self._known_from_us:
            shown = at_us + self._ahead_ms * MILLISECOND_US
            return Time(shown, received_us, raw=_device_notation(shown))
        days, part = divmod(at_us - self._known_from_us, DAY_US)
        occurred = at_us + part * _DRIFT_MS_PER_DAY // DAY_US * MILLISECOND_US
        offset_ms = self._ahead_ms + days * _DRIFT_MS_PER_DAY
        return Time(
            occurred,
            received_us,
            raw=_device_notation(occurred + offset_ms * MILLISECOND_US),
            offset_ms=offset_ms,
            quality=Quality.CORRECTED,
        )


class Line:
    """Numbers every device's reports and delivers them, each device's own in order.

    A signal's id is `signal_id(source, device, seq)` of the domain.
    """

    def __init__(self, campus: Campus, source: str, clock: DriftingClock, truth: Truth) -> None:
        self._campus, self._clock, self._truth = campus, clock, truth
        devices = campus.device_ids
        self._seq = [0] * len(devices)
        self._last_received = [0] * len(devices)
        self._underway: list[Arrival] = []
        self._later: list[Report] = []
        self._digests = [blake2b(_framed(source) + _framed(name), digest_size=16) for name in devices]
        self._outages: list[Outage] = []
        self._outage: Outage | None = None

    def begin(self, rng: Random, outage: Outage | None, reports: list[Report]) -> None:
        """Begin a day, with what the devices report of themselves in its course."""
        self._rng, self._outage = rng, outage
        self._outages += [outage] if outage else []
        self._later += reports

    def until(self, until_us: int, reports: list[Report]) -> Iterator[Signal]:
        """Yield the signals received before `until_us`, in the order received; keep the rest."""
        reports = self._later + reports
        reports.sort(key=_at)
        self._later = [report for report in reports if report.at_us >= until_us]
        del reports[len(reports) - len(self._later) :]
        arrivals, outage = self._underway, self._outage
        seqs, last, random = self._seq, self._last_received, self._rng.random
        for report in reports:
            device = report.device
            received = report.at_us + 50_000 + int(random() * 351) * MILLISECOND_US
            if outage is not None and outage.holds(device, report.at_us):
                received = outage.end_us + 50_000
            if received <= last[device]:
                received = last[device] + MILLISECOND_US
            last[device] = received
            seqs[device] += 1
            arrivals.append((received, device, seqs[device], report))
        arrivals.sort()  # device and number are unique: reports are never compared
        self._underway = [arrival for arrival in arrivals if arrival[0] >= until_us]
        del arrivals[len(arrivals) - len(self._underway) :]
        return self._signals(arrivals)

    def _signals(self, arrivals: list[Arrival]) -> Iterator[Signal]:
        campus = self._campus
        site, devices, points = campus.site.id, campus.device_ids, campus.point_ids
        drifting, offline, digests = campus.drifting_device, campus.offline_device, self._digests
        for received, device, seq, (
            at,
            action,
            _,
            point,
            out,
            credential,
            reason,
            count,
            incident,
        ) in arrivals:
            digest = digests[device].copy()
            digest.update(_framed(str(seq)))  # as `signal_id` does
            name = digest.hexdigest()
            delivery = Delivery.LIVE
            if device == offline:
                delivery = self._delivery(device, at, name)
            if incident != NO_INCIDENT:
                self._show(incident, at, name)
            yield Signal(
                id=name,
                site=site,
                device=devices[device],
                category=_CATEGORIES[action],
                action=action,
                time=self._clock.time(at, received) if device == drifting else Time(at, received),
                point=points[point] if point >= 0 else None,
                reason=reason,
                direction=_DIRECTIONS[out] if credential or count else Direction.UNKNOWN,
                credential=credential,
                verify=_VERIFY[credential.format] if credential and reason is Reason.NONE else None,
                count=count,
                seq=seq,
                delivery=delivery,
            )

    def _delivery(self, device: int, at_us: int, name: str) -> Delivery:
        for outage in self._outages:
            if outage.holds(device, at_us):
                self._show(outage.incident, outage.start_us, name)
                return Delivery.BACKFILL
        return Delivery.LIVE

    def _show(self, incident: int, at_us: int, name: str) -> None:
        shown = self._truth.incidents[incident]
        shown.at_us = shown.at_us or at_us
        shown.signals.append(name)


def _framed(part: str) -> bytes:
    encoded = part.encode()
    return len(encoded).to_bytes(4, "big") + encoded


def _device_notation(at_us: int) -> str:
    return utc(at_us).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
