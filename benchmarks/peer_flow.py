"""A site's alerts in plain Python, signal by signal, in a Bytewax dataflow: the peer of `peer_pipeline`.

Entries by grant, occupancy of each zone with a density alert, rapid re-entry, after hours and denied streak,
keyed by site. It knows neither late signals nor doubt, tells no events but alerts, and commits nothing.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from typing import Any, Final, Protocol

from streams.kafka.settings import KafkaSettings
from streams.kafka.topics import Topic, topic_name

LIMIT: Final = 80
ENTRIES: Final = 4
ENTRIES_WITHIN_US: Final = 600_000_000
DENIALS: Final = 4
DENIALS_WITHIN_US: Final = 300_000_000
WORKING_HOURS: Final = range(7, 19)
_SECOND_US: Final = 1_000_000

Alert = tuple[str, str, int]
"""Rule, subject, and the signal's time in UTC microseconds."""


class Watch(Protocol):
    """What counts the signals."""

    def begin(self, ago_seconds: float = 0.0) -> None:
        """Note the beginning, once."""

    def count(self, more: int) -> None:
        """Note that so many more are done."""


@dataclass
class SiteState:
    """What is known of a site; persons are their credentials, zones their ids."""

    sides: dict[str, tuple[str | None, str | None]] = field(default_factory=dict)
    where: dict[str, str | None] = field(default_factory=dict)
    inside: dict[str, int] = field(default_factory=dict)
    crowded: set[str] = field(default_factory=set)
    entries: dict[tuple[str, str], deque[int]] = field(default_factory=dict)
    denials: dict[str, deque[int]] = field(default_factory=dict)


def decide(state: SiteState | None, signal: dict[str, Any]) -> tuple[SiteState, list[Alert]]:
    """Take one signal; return the state after it and the alerts it raises."""
    state = state or SiteState()
    action, credential = signal["action"], signal.get("credential")
    if action == "loaded" and signal["data"].get("kind") == "site":
        points = signal["data"]["document"]["points"]
        state.sides = {one["id"]: (one.get("to_zone"), one.get("from_zone")) for one in points}
    if credential is None:
        return state, []
    person, at = credential["hash"], signal["time"]["occurred_at"]
    if action == "denied":
        if _streak(state.denials.setdefault(person, deque()), at, DENIALS, DENIALS_WITHIN_US):
            return state, [("denied_streak", person, at)]
        return state, []
    if action != "granted" or signal.get("point") not in state.sides:
        return state, []
    inner, outer = state.sides[signal["point"]]
    return state, list(_move(state, person, outer if signal.get("direction") == "out" else inner, at))


def _move(state: SiteState, person: str, zone: str | None, at: int) -> Iterator[Alert]:
    before = state.where.get(person)
    if zone == before:
        return
    if before is not None:
        state.inside[before] -= 1
        if state.inside[before] < 0.9 * LIMIT:
            state.crowded.discard(before)
    state.where[person] = zone
    if zone is None:
        return
    inside = state.inside[zone] = state.inside.get(zone, 0) + 1
    if inside > LIMIT and zone not in state.crowded:
        state.crowded.add(zone)
        yield "density", zone, at
    if _streak(state.entries.setdefault((person, zone), deque()), at, ENTRIES, ENTRIES_WITHIN_US):
        yield "rapid_reentry", person, at
    if datetime.fromtimestamp(at / _SECOND_US, UTC).hour not in WORKING_HOURS:
        yield "after_hours", person, at


def _streak(moments: deque[int], at: int, count: int, within_us: int) -> bool:
    """Note a moment; return whether there are now exactly so many within the time."""
    moments.append(at)
    while moments[0] <= at - within_us:
        moments.popleft()
    return len(moments) == count


def run(kafka: KafkaSettings, watch: Watch) -> int:
    """Run the dataflow in this process over all signals there are; return how many alerts there were.

    Raises:
        ImportError: Bytewax, or what its Kafka source needs, is not installed.
    """
    operators: Any = import_module("bytewax.operators")
    sources: Any = import_module("bytewax.connectors.kafka")
    testing: Any = import_module("bytewax.testing")
    flow = import_module("bytewax.dataflow").Dataflow("alerts")
    alerts: list[Alert] = []

    def keyed(message: Any) -> tuple[str, dict[str, Any]]:
        watch.begin()
        return message.key.decode(), json.loads(message.value)["data"]

    def counted(state: SiteState | None, signal: dict[str, Any]) -> tuple[SiteState, list[Alert]]:
        after, raised = decide(state, signal)
        watch.count(1)
        return after, raised

    source = sources.KafkaSource(
        [kafka.bootstrap_servers], [topic_name(kafka, Topic.SIGNALS)], tail=False, batch_size=10_000
    )
    messages = operators.input("signals", flow, source)
    sites = operators.map("read", messages, keyed)
    found = operators.stateful_flat_map("decide", sites, counted)
    operators.output("alerts", found, testing.TestingSink(alerts))
    import_module("bytewax.run").cli_main(flow)
    return len(alerts)
