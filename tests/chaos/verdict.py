"""What came of a run: logs and history, counted against what was said, and decided again in one go."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple

from domain.event import write_event
from domain.signal import read_signal
from projections.client import open_history
from projections.verify import verify
from streams.kafka.log import KafkaLog
from streams.kafka.reader import PartitionReader, Records, read_range
from streams.kafka.settings import KafkaSettings
from streams.log import LogUnavailable
from streams.worker.admission import Limits, Message
from streams.worker.partition import PartitionDecider
from tests.chaos.site import Site

_POLL_SECONDS: Final = 1.0
_COMMITTED: Final = """
SELECT log, toUInt64(sum(at)) AS rows
FROM (SELECT log, partition, max(offset) AS at FROM committed GROUP BY log, partition) GROUP BY log
"""


@dataclass(slots=True)
class Count:
    """How many were lost, came twice, or stand in another order than they should."""

    lost: int = 0
    duplicated: int = 0
    out_of_order: int = 0

    def compare(self, wanted: list[str], found: list[str]) -> bool:
        """Count the ids found against those wanted, both in order; return whether they are the same."""
        if wanted == found:
            return True
        places = {name: place for place, name in enumerate(wanted)}
        times = Counter(found)
        self.lost += sum(name not in times for name in wanted)
        self.duplicated += sum(times.values()) - len(times) + sum(name not in places for name in times)
        firsts = [places[name] for name in dict.fromkeys(found) if name in places]
        self.out_of_order += sum(later < earlier for earlier, later in pairwise(firsts))
        return False


class Progress:
    """How far the history has come, asked where a reader would ask."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._settings = site.kafka()

    def decided(self) -> int:
        """Return how many signals are decided; 0 while nobody can say."""
        try:
            with closing(KafkaLog(self._settings)) as log:
                return sum(log.position(partition) for partition in range(self._site.partitions))
        except LogUnavailable:
            return 0

    def wait_until_moving(self, seconds: float) -> None:
        """Wait until some signals have come all the way into the history.

        Raises:
            TimeoutError: it took longer.
        """
        self._wait(lambda counts: min(counts.decided, counts.sunk) > 0, seconds)

    def wait_until(self, signals: int, seconds: float) -> None:
        """Wait until so many signals are in Kafka, decided, and with all their events in the history.

        Raises:
            TimeoutError: it took longer.
        """
        self._wait(
            lambda counts: (
                counts.signals >= signals
                and counts.decided == counts.sunk == counts.signals
                and counts.told == counts.events
            ),
            seconds,
        )

    def _wait(self, enough: Callable[["_Counts"], bool], seconds: float) -> None:
        until = time.monotonic() + seconds
        state: object = "nothing yet"
        while time.monotonic() < until:
            try:
                state = counts = self._counts()
            except Exception as error:  # noqa: BLE001 - broker or gateway are just being killed
                state = error
            else:
                if enough(counts):
                    return
            time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"not there after {seconds:.0f} s: {state}")

    def _counts(self) -> "_Counts":
        with closing(KafkaLog(self._settings)) as log:
            partitions = range(self._site.partitions)
            signals = sum(log.head(partition) for partition in partitions)
            decided = sum(log.position(partition) for partition in partitions)
            events = sum(log.events_head(partition) for partition in partitions)
        with open_history(self._site.history) as history:
            rows = history.rows(_COMMITTED)
        there = {row["log"]: int(row["rows"]) for row in rows}
        return _Counts(signals, decided, there.get("signals", 0), events, there.get("events", 0))


class _Counts(NamedTuple):
    """Signals in Kafka, decided, and in the history; events in Kafka, and in the history."""

    signals: int
    decided: int
    sunk: int
    events: int
    told: int


def judge(site: Site, files: list[Path]) -> dict[str, Any]:
    """Return `{signals, events, lost, duplicated, out_of_order, identical}`.

    Signals are held against the files, site by site; events against those of one decider that reads the
    signals without any interruption, byte by byte; the history against both logs.
    """
    settings, count = site.kafka(), Count()
    found: dict[str, list[str]] = {}
    signals = events = 0
    identical = True
    for partition in range(site.partitions):
        decided: list[bytes] = []
        decider = PartitionDecider(Limits())
        for messages in _messages(settings, partition):
            signals += len(messages)
            decided += [write_event(event) for event in decider.decide(messages).events]
            for message in messages:
                signal = read_signal(message.value or b"")
                found.setdefault(signal.site, []).append(signal.id)
        written = [
            value or b"" for records in _all(settings, "events", partition) for value in records.values
        ]
        events += len(written)
        if written != decided:
            identical = False
            count.compare([wire.hex() for wire in decided], [wire.hex() for wire in written])
    for name, wanted in _said(files).items():
        identical &= count.compare(wanted, found.pop(name, []))
    identical &= not found
    identical &= _history_agrees(site, settings, count)
    return {
        "signals": signals,
        "events": events,
        "lost": count.lost,
        "duplicated": count.duplicated,
        "out_of_order": count.out_of_order,
        "identical": identical,
    }


def _history_agrees(site: Site, settings: KafkaSettings, count: Count) -> bool:
    agrees = True
    log, history = KafkaLog(settings), open_history(site.history)
    try:
        for partition in range(site.partitions):
            answer = verify(
                history,
                log,
                partition,
                signals_head=log.head(partition),
                events_head=log.events_head(partition),
            )
            count.lost += answer["missing"]
            count.duplicated += answer["extra"]
            agrees &= answer["ok"]
    finally:
        history.close()
        log.close()
    return agrees


def _said(files: list[Path]) -> dict[str, list[str]]:
    """Return the ids of each site's signals, in the order in which its connector read them."""
    said: dict[str, list[str]] = {}
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                signal = read_signal(line)
                said.setdefault(signal.site, []).append(signal.id)
    return said


def _messages(settings: KafkaSettings, partition: int) -> Iterator[list[Message]]:
    for records in _all(settings, "signals", partition):
        yield [
            Message(offset, key, value, stamp * 1_000, dict(headers or []).get("schema"))
            for offset, key, value, headers, stamp in zip(*records, strict=True)
        ]


def _all(settings: KafkaSettings, topic: str, partition: int) -> Iterator[Records]:
    name = f"{settings.topic_prefix}.{topic}"
    with PartitionReader(settings, name, partition) as reader:
        first, end = reader.bounds()
    yield from read_range(settings, name, partition, first, end)
