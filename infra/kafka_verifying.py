"""The history of many sites held against the log in Kafka, partition by partition."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from domain.errors import UnreadableSignal
from domain.signal import read_signal
from infra.home import Progress, no_progress
from infra.kafka_partitions import chosen_partitions
from projections.client import History
from projections.verify import done, verify
from streams.kafka.log import KafkaLog
from streams.log import Stored


def verify_kafka(
    history: History,
    log: KafkaLog,
    partitions: int,
    partition: int | None = None,
    *,
    progress: Progress = no_progress,
) -> dict[str, Any]:
    """Return what `projections.verify` does, of all partitions together, and how far the history is `behind`.

    Workers and sinks may be at work: what they are writing is behind, and neither missing nor extra.

    Args:
        history: on its server.
        log: what it was filled from.
        partitions: how many there are.
        partition: only this one; None: all.
        progress: told how many partitions are done.

    Raises:
        WrongUse: there is no such partition.
        HistoryError, LogUnavailable, LogCorrupt: one of the two cannot be read.
    """
    wanted = chosen_partitions(partitions, partition)
    ok, gaps = True, list[dict[str, Any]]()
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for number in wanted:
        upto = done(history, number)
        heads = log.head(number), log.events_head(number)
        answer = verify(
            history, _Source(log), number, signals_head=heads[0], events_head=heads[1], at_work=upto
        )
        ok &= answer["ok"]
        gaps += [{"partition": number, **gap} for gap in answer["gaps"]]
        counts["all"].update({name: answer[name] for name in ("missing", "extra", "differing")})
        counts["behind"].update(signals=max(0, heads[0] - upto[0]), events=max(0, heads[1] - upto[1]))
        for table in ("signals", "events"):
            del answer[table]["first_difference"]  # an offset says nothing without its partition
            counts[table].update(answer[table])
        for table, found in answer["derived"].items():
            counts[table].update(found)
        progress("partitions", wanted.index(number) + 1, len(wanted))
    plain = {name: dict(found) for name, found in counts.items()}
    named = {name: plain.pop(name) for name in ("behind", "signals", "events")}
    return {"ok": ok, **plain.pop("all"), "gaps": gaps, **named, "derived": plain}


class _Source:
    """The log with the ids that stand in the signals themselves: a foreign producer may set no header."""

    def __init__(self, log: KafkaLog) -> None:
        self._log = log

    def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return signals; what is no signal has an empty id."""
        return [
            msgspec.structs.replace(stored, id=_id(stored.wire))
            for stored in self._log.read(partition, from_offset, limit)
        ]

    def read_events(self, partition: int, from_offset: int, limit: int) -> Sequence[Stored]:
        """Return events."""
        return self._log.read_events(partition, from_offset, limit)


def _id(wire: bytes) -> str:
    try:
        return read_signal(wire).id
    except UnreadableSignal:
        return ""
