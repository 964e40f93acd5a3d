"""What came of a run: logs and history, counted against what was said, and decided again in one go."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, NamedTuple, Self

import msgspec

from domain.event import write_event
from projections.client import History, open_history
from projections.errors import HistoryError
from projections.sink import EVENTS, SIGNALS, Sink
from projections.verify import verify
from streams.admission import Limits, Message
from streams.kafka.headers import headers_of
from streams.kafka.log import KafkaLog
from streams.kafka.reader import Message as KafkaMessage
from streams.kafka.reader import PartitionReader, admitted, read_range
from streams.kafka.settings import KafkaSettings
from streams.log import LogError, LogUnavailable
from streams.worker.partition import PartitionDecider
from tests.chaos.site import Site

_POLL_SECONDS: Final = 1.0
_CONTENTS: Final = """
SELECT count() AS rows, sum(cityHash64(tuple(*))) AS hash FROM {table:Identifier}
"""
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
    """How far everything has come, asked where a reader would ask. For one thread."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._open = ExitStack()
        self._log: KafkaLog | None = None
        self._history: History | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close()

    def decided(self) -> int:
        """Return how many signals are decided; 0 while nobody can say."""
        try:
            return sum(self._kafka().position(partition) for partition in range(self._site.partitions))
        except LogUnavailable:
            self._close()
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
            except (LogError, HistoryError) as error:  # broker or gateway are just being killed
                self._close()
                state = error
            else:
                if enough(counts):
                    return
            time.sleep(_POLL_SECONDS)
        raise TimeoutError(f"not there after {seconds:.0f} s: {state}")

    def _counts(self) -> "_Counts":
        log, partitions = self._kafka(), range(self._site.partitions)
        signals = sum(log.head(partition) for partition in partitions)
        decided = sum(log.position(partition) for partition in partitions)
        events = sum(log.events_head(partition) for partition in partitions)
        if self._history is None:
            self._history = self._open.enter_context(open_history(self._site.history))
        there = {row["log"]: int(row["rows"]) for row in self._history.rows(_COMMITTED)}
        return _Counts(signals, decided, there.get("signals", 0), events, there.get("events", 0))

    def _kafka(self) -> KafkaLog:
        if self._log is None:
            self._log = self._open.enter_context(KafkaLog(self._site.kafka()))
        return self._log

    def _close(self) -> None:
        self._open.close()
        self._log = self._history = None


class _Counts(NamedTuple):
    """Signals in Kafka, decided, and in the history; events in Kafka, and in the history."""

    signals: int
    decided: int
    sunk: int
    events: int
    told: int


def judge(site: Site, files: list[Path], folder: Path) -> dict[str, Any]:
    """Return `{signals, events, quarantined, lost, duplicated, out_of_order, identical}`.

    Signals are held against the files, site by site; events and quarantine against what one decider makes of
    the signals without any interruption; the history against one that is filled in one go, in `folder`:
    everything byte by byte.
    """
    settings, count = site.kafka(), Count()
    found: dict[str, list[str]] = {}
    signals = events = quarantined = 0
    identical = True
    for partition in range(site.partitions):
        decider = PartitionDecider(Limits())
        decided: list[bytes] = []
        refused: list[str] = []
        for messages in _messages(settings, partition):
            signals += len(messages)
            for message in messages:
                found.setdefault((message.key or b"").decode(), []).append(_digest(message.value))
            came = decider.decide(messages)
            decided += [write_event(event) for event in came.events]
            refused += [
                f"{one.message.offset} {one.reason} {_digest(one.message.value)}" for one in came.refused
            ]
        written = [event.value() or b"" for events in _all(settings, "events", partition) for event in events]
        events += len(written)
        if written != decided:
            identical = False
            count.compare([wire.hex() for wire in decided], [wire.hex() for wire in written])
        kept = list(_quarantined(settings, partition))
        quarantined += len(kept)
        identical &= count.compare(refused, kept)
    for name, wanted in _said(files).items():
        identical &= count.compare(wanted, found.pop(name, []))
    identical &= not found
    identical &= _history_agrees(site, folder, count)
    return {
        "signals": signals,
        "events": events,
        "quarantined": quarantined,
        "lost": count.lost,
        "duplicated": count.duplicated,
        "out_of_order": count.out_of_order,
        "identical": identical,
    }


def _history_agrees(site: Site, folder: Path, count: Count) -> bool:
    """Hold the history against one that a single sink fills from the same logs; count what they differ in."""
    with KafkaLog(site.kafka()) as log, open_history(site.history) as history:
        with open_history(folder) as calm:
            for partition in range(site.partitions):
                Sink(calm, log, partition).catch_up()
            if contents(history) == contents(calm):
                return True
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
    return False


def contents(history: History) -> dict[str, tuple[int, int]]:
    """Return of each table how many rows it has, and a hash of all that is in them, whatever their order."""
    tables = [table for kind in (SIGNALS, EVENTS) for table in (kind.table, *kind.derived)]
    found = {table: history.rows(_CONTENTS, {"table": table})[0] for table in tables}
    return {table: (int(row["rows"]), int(row["hash"])) for table, row in found.items()}


class _Said(msgspec.Struct):
    """What is looked for in a line of a file."""

    data: "_Body"


class _Body(msgspec.Struct):
    site: str


def _said(files: list[Path]) -> dict[str, list[str]]:
    """Return the digests of each site's signals, in the order in which its connector read them."""
    said: dict[str, list[str]] = {}
    site_of = msgspec.json.Decoder(_Said).decode
    for file in files:
        with file.open("rb") as lines:
            for line in lines:
                raw = line.rstrip(b"\n")
                said.setdefault(site_of(raw).data.site, []).append(_digest(raw))
    return said


def _digest(wire: bytes | None) -> str:
    return blake2b(wire or b"", digest_size=16).hexdigest()


def _messages(settings: KafkaSettings, partition: int) -> Iterator[list[Message]]:
    for messages in _all(settings, "signals", partition):
        yield list(map(admitted, messages))


def _quarantined(settings: KafkaSettings, partition: int) -> Iterator[str]:
    for messages in _all(settings, "quarantine", partition):
        for message in messages:
            told = {name: (text or b"").decode() for name, text in headers_of(message) or []}
            yield f"{told['offset']} {told['reason']} {_digest(message.value())}"


def _all(settings: KafkaSettings, topic: str, partition: int) -> Iterator[list[KafkaMessage]]:
    name = f"{settings.topic_prefix}.{topic}"
    with PartitionReader(settings, name, partition) as reader:
        first, end = reader.bounds()
    yield from read_range(settings, name, partition, first, end)
