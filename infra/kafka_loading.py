"""A site's documents into Kafka: what is not in force yet becomes control signals in the site's log."""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from typing import Any, Final

from domain.directory import Directory
from domain.event import read_event
from domain.signal import Signal
from domain.site import Document
from domain.vocabulary import Topic
from infra.control import InForce, differing, in_force
from infra.directory_file import read_directory
from infra.policy_file import load_policy
from infra.settings import Home
from infra.site_file import load_site
from streams.kafka.log import KafkaLog
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling

_NEWEST_EVENTS: Final = 10_000
"""Of a partition, among which a site's newest is looked for."""
_POLL_SECONDS: Final = 0.1


def documents_of(home: Home) -> tuple[str, dict[str, Document]]:
    """Return the site's id, and what its home's files say, by kind.

    Raises:
        InvalidSettings: a file cannot be used.
    """
    site = load_site(home.site)
    directory = read_directory(home.directory) if home.directory.exists() else Directory()
    return site.id, {"site": site, "policy": load_policy(home.policy, site), "directory": directory}


def load_into_kafka(
    site: str, documents: Mapping[str, Document], kafka: KafkaSettings, wait_seconds: float
) -> dict[str, Any]:
    """Write what is not in force yet, and wait for a worker to decide it.

    Done twice, or killed and done again, it writes nothing more, or signals that the site knows for repeats.

    Args:
        site: whose documents they are.
        documents: by kind.
        kafka: where the log is.
        wait_seconds: how long to wait for a worker.

    Returns:
        `site`, `partition`, `loaded` (the kinds written), `decided` (whether a worker has been seen to decide
        them) and `refused`: of each that the engine found not fit its `document` and the `reason`.

    Raises:
        LogUnavailable, LogCorrupt: the log cannot be read or written.
    """
    with KafkaLog(kafka) as log, closing(Telling(kafka)) as tell:
        partition = log.partition_of(site)
        from_event = log.events_head(partition)
        known = in_force(log, partition, site)
        loading = dict(differing(documents, site, known, _log_time(log, partition, site, known)))
        sent = tell([signal for signals in loading.values() for signal in signals])
        end = max((one.offset + 1 for one in sent), default=0)
        decided = _holds(lambda: log.position(partition) >= end, wait_seconds)
        refused = _refusals(log, partition, from_event, loading) if decided else []
    return {
        "site": site,
        "partition": partition,
        "loaded": list(loading),
        "decided": decided,
        "refused": refused,
    }


def _log_time(log: KafkaLog, partition: int, site: str, known: Mapping[str, InForce]) -> int:
    """Return a moment near the site's log time and not after it: what is loaded must not carry it forward."""
    return max(newest_times(log, partition).get(site, 0), *(one.known_at for one in known.values()))


def newest_times(log: KafkaLog, partition: int) -> dict[str, int]:
    """Return the log's time, or nearly, of each site of which the newest events of a partition tell.

    They are UTC microseconds, and never after the site's own.
    """
    first = max(0, log.events_head(partition) - _NEWEST_EVENTS)
    newest = log.find_events(partition, topics=list(Topic), from_offset=first)
    return {stored.site: read_event(stored.wire).known_at for stored in newest}


def _refusals(
    log: KafkaLog, partition: int, from_event: int, loading: Mapping[str, Sequence[Signal]]
) -> list[dict[str, str]]:
    kinds = {signal.id: kind for kind, signals in loading.items() for signal in signals}
    refused = []
    for stored in log.find_events(partition, topics=[Topic.CONTROL_REJECTED], from_offset=from_event):
        event = read_event(stored.wire)
        (signal,) = log.read(partition, event.position, 1)
        if signal.id in kinds:
            reason = str((event.detail or {}).get("reason", "no reason given"))
            refused.append({"document": kinds[signal.id], "reason": reason})
    return refused


def _holds(condition: Callable[[], bool], seconds: float) -> bool:
    """Return whether something holds by now or within so many seconds."""
    until = time.monotonic() + seconds
    while not condition():
        if time.monotonic() >= until:
            return False
        time.sleep(_POLL_SECONDS)
    return True
