"""The engine: `decide(signals) -> events`, deterministic, nothing else.

For every batch, in this order (docs/rules.md, section 2):

1. resolve      the log's time, person and zones, lateness
2. health       gaps, clocks, silence of devices
3. crossings    who moves where, on what basis; what timers decide
4. visits       tell the crossings as events
5. occupancy    how many are in every zone
6. doors        opened, closed, forced, held
7. detectors    in the registry's order
8. alerts       findings become alerts

Every stage is one loop: the first six go over one part of the batch after the other, detectors and alerts
over the whole of it. The events are then put into signal order, within a signal into stage order. So it does
not matter how the log is cut into batches. A control signal that loads a document is a batch of its own: the
stages see it as time passing, then the document is applied.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import msgspec
import numpy as np

from detectors.base import Facts
from domain.columns import joined
from domain.errors import InvalidDocument
from domain.event import Event
from domain.kernels import Records, loop, records
from domain.output import Output, Outputs
from domain.records import EVENT, LONG_AGO, MEASURED, SITE, SURVEY
from domain.signal import Signal
from domain.site import Site
from domain.stages.alerts import tell_alerts
from domain.stages.occupancy import measure
from domain.stages.run import run_stages
from domain.vocabulary import APPLIED, ORDERS, Action, Category, Topic
from streams.deciding import decide_columns
from streams.decisions import tell_decision
from streams.decoding import decode, decode_columns
from streams.encoding import encode, encode_admitted
from streams.rule_rows import ActiveRule, WorkingHours, compile_rules
from streams.settings_applied import apply_document, set_settings
from streams.snapshot import dump_state, load_state
from streams.state import State

_AT_ONCE: Final = 4_096
"""Signals admitted in bulk that are decided at once: a core's own cache holds them."""
_LONGEST_REASON: Final = 1_000
"""Characters of why an order was rejected: it quotes the order, which may be as long as a message."""


class Engine:
    """One site's engine. Not thread-safe; one engine decides one log from its first signal on."""

    def __init__(self, site_id: str) -> None:
        self._begin(State(site_id))
        set_settings(self.state)

    def _begin(self, state: State) -> None:
        self.state = state
        self._out = Outputs()
        self._ordered = Output(EVENT)
        self._starts = np.zeros(0, np.uint32)
        self._watched = np.zeros(1, np.int64)
        self._survey = records(1, SURVEY)
        self._rules: list[ActiveRule] = []
        self._compile()

    def _compile(self) -> None:
        self._rules = compile_rules(self.state)
        self._hours = WorkingHours(self.state)
        self._depth = self.state.depth
        self._watched[0] = any(rule.detector.needs_levels for rule in self._rules)

    @property
    def position(self) -> int:
        """Offset in the log of the next signal to decide."""
        return self.state.position

    @property
    def now(self) -> int:
        """The log's time, UTC microseconds."""
        return self.state.now

    @property
    def site(self) -> Site | None:
        """The site document in force, None before the first."""
        return self.state.site

    def decide(self, signals: Sequence[Signal], offsets: Sequence[int] | None = None) -> list[Event]:
        """Decide the signals at `position` and after; return what follows, in order.

        Args:
            signals: one after another, all of this site.
            offsets: where each stands in its partition, ascending, if other sites' signals stand between
                them; without, they follow one another from `position` on.
        """
        if offsets is None:
            offsets = range(self.state.position, self.state.position + len(signals))
        events: list[Event] = []
        start = 0
        for place, signal in enumerate(signals):
            if _stands_alone(signal):
                events += self._decide_readings(signals[start:place], offsets[start:place])
                events += self._decide_control(signal, offsets[place])
                start = place + 1
        if start == 0:
            return self._decide_readings(signals, offsets)
        return events + self._decide_readings(signals[start:], offsets[start:])

    def _decide_readings(self, signals: Sequence[Signal], offsets: Sequence[int]) -> list[Event]:
        if not signals:
            return []
        rows, causes = self.decide_records(encode(self.state, signals, offsets))
        return decode(self.state, rows, causes, offsets)

    def decide_columns(self, signals: Any) -> Any:
        """Decide a table of signals and return a table of events, as `streams.deciding`."""
        return decide_columns(self, signals)

    def decide_admitted(self, admitted: Records, places: Any, names: Any, offsets: Any) -> Any:
        """Decide signals as `pass_admitted` does, and return a table of the events (`domain.columns`)."""
        told = [
            decode_columns(self.state, rows, causes, at)
            for rows, causes, at in self._decided_admitted(admitted, places, names, offsets)
        ]
        return joined(told)

    def pass_admitted(self, admitted: Records, places: Any, names: Any, offsets: Any) -> int:
        """Decide signals that were admitted in bulk, at least one, and return how many events follow.

        Args:
            admitted: rows of `streams.bulk_admission.ADMITTED`.
            places: which of them they are, shape (signals,), int64, ascending.
            names: the text of their names.
            offsets: where each stands in its partition, shape (signals,), int64, ascending.
        """
        decided = self._decided_admitted(admitted, places, names, offsets)
        return sum(len(rows) for rows, *_ in decided)

    def _decided_admitted(
        self, admitted: Records, places: Any, names: Any, offsets: Any
    ) -> Iterator[tuple[Records, Any, Any]]:
        for first in range(0, len(places), _AT_ONCE):
            part = slice(first, first + _AT_ONCE)
            signals = encode_admitted(self.state, admitted, places[part], names, offsets[part])
            rows, causes = self.decide_records(signals)
            yield rows, causes, offsets[part]

    def _decide_control(self, signal: Signal, position: int) -> list[Event]:
        """Let time pass, then do what the signal orders, or tell why not."""
        state = self.state
        placed = signal.action is Action.PLACED
        passing = msgspec.structs.replace(signal, action=Action.TICKED, person=None, credential=None)
        rows, causes = self.decide_records(encode(state, [passing], [position]))
        events = decode(state, rows, causes, [position])
        reason = _fault_of_placement(state, signal) if placed else None
        if placed and reason is None:
            rows, causes = self.decide_records(encode(state, [signal], [position]))
            return events + decode(state, rows, causes, [position], len(events))
        topic, fields = Topic.CONTROL_REJECTED, dict[str, Any](detail={"reason": reason})
        if not placed:
            try:
                topic, fields = self._carry_out(signal)
            except InvalidDocument as error:
                fields = {"detail": {"reason": str(error)[:_LONGEST_REASON]}}
        events.append(
            Event(
                id=f"{state.site_id}:{position}:{len(events)}",
                site=state.site_id,
                topic=topic,
                position=position,
                ordinal=len(events),
                occurred_at=signal.time.occurred_at,
                known_at=state.now,
                causes=(position,),
                policy_version=state.policy_version,
                **fields,
            )
        )
        return events

    def _carry_out(self, signal: Signal) -> tuple[Topic, dict[str, Any]]:
        """Do what a signal orders that moves nobody; return what is told of it."""
        if signal.action is Action.DECIDED:
            return tell_decision(signal)
        groups = len(self.state.groups)
        kind, value = apply_document(self.state, signal)
        if kind != "directory" or len(self.state.groups) > groups:  # no other person needs other rules
            self._compile()
        return APPLIED[kind], {"value": value}

    def decide_records(self, signals: Records) -> tuple[Records, Any]:
        """Decide SIGNAL rows whose names are known, none of which loads a document.

        Returns EVENT rows sorted by signal, and the positions their causes refer to; both are overwritten
        by the next call.
        """
        state, out, count = self.state, self._out, len(signals)
        out.clear()
        events, causes = out.events, out.causes
        pending = int(state.pending_used[0])
        waiting = len(state.grants) + len(state.deadlines) + int(state.passages.size[0])
        moves = count + pending
        most_crossings = 3 * moves + 2 * waiting  # a move may be followed by leaving and settling
        most_doors = 2 * count + len(state.helds)
        most_events = (
            6 * count + int(state.silences.size[0]) + moves + waiting + 3 * most_crossings + 2 * most_doors
        )
        events.reserve(most_events)
        causes.reserve(2 * most_events)
        out.denials.reserve(count)
        out.crossings.reserve(most_crossings)
        out.doors.reserve(most_doors)
        state.silences.reserve(count)
        state.helds.reserve(count)
        state.grants.reserve(count)
        state.deadlines.reserve(2 * moves)
        state.passages.reserve(count)
        if pending + count > len(state.pending.rows):
            state.pending.reserve(count)
        if self._watched[0]:
            out.levels.reserve(most_crossings * 2 * self._depth)
        deadlines = state.deadlines
        run_stages(
            signals, self._survey, state.clock.rows, state.people.rows, state.zones.rows, state.points.rows,
            state.devices.rows, state.credentials.rows, state.holdings.rows, state.settings.rows,
            state.pending.rows, state.pending_used, state.grants.rows, state.grants.span,
            deadlines.near.rows, deadlines.near.size, deadlines.links, deadlines.marks, state.passages.rows,
            state.passages.size, state.silences.rows, state.silences.size, state.helds.rows, state.helds.span,
            self._watched, out.denials.rows, out.denials.size, out.crossings.rows, out.crossings.size,
            out.levels.rows, out.levels.size, out.doors.rows, out.doors.size, events.rows, events.size,
            causes.rows, causes.size,
        )  # fmt: skip
        state.pending.count = int(state.pending_used[0])
        if self._rules:
            self._detect(signals)
        state.position = int(signals[count - 1]["position"]) + 1
        return self._in_order(count), causes.rows

    def _detect(self, signals: Records) -> None:
        state, out = self.state, self._out
        seen = self._survey[0]
        facts = Facts(
            signals, out.denials.written, int(seen["alarms"]), out.crossings.written, out.levels.written,
            out.doors.written, state.people.rows, state.zones.rows, state.points.rows,
            self._hours.cover(int(seen["first_at"]), int(seen["last_at"])),
        )  # fmt: skip
        rooms = [rule.detector.room(facts) for rule in self._rules]
        findings, room = out.findings, sum(rooms)
        findings.reserve(room)
        out.events.reserve(room)
        found: list[tuple[ActiveRule, int, int]] = []
        first = 0
        for rule, wanted in zip(self._rules, rooms, strict=True):
            if wanted == 0:
                continue
            rule.detector.reserve(facts)
            rule.detector.detect(facts, rule.rows, findings, out.events, out.causes)
            if len(findings) > first:
                found.append((rule, first, len(findings)))
                first = len(findings)
        if found:
            self._tell_alerts(found)

    def _tell_alerts(self, found: Sequence[tuple[ActiveRule, int, int]]) -> None:
        last, out = self.state.last_alerts, self._out
        last.reserve(len(out.findings))
        out.events.reserve(len(out.findings))
        for rule, first, end in found:
            tell_alerts(
                out.findings.rows[first:end], rule.number, rule.severity, rule.cool_down_us,
                last.slots, last.used, out.events.rows, out.events.size,
            )  # fmt: skip

    def _in_order(self, count: int) -> Records:
        written = self._out.events.written
        if count == 1 or len(written) < 2:
            return written
        self._ordered.size[0] = 0
        self._ordered.reserve(len(written))
        ordered = self._ordered.rows[: len(written)]
        if count > len(self._starts):
            self._starts = np.zeros(count, np.uint32)
        _sort_by_signal(written, self._starts[:count], ordered)
        return ordered

    def occupancy(self) -> dict[str, tuple[int, int, int]]:
        """Return (count, low, high) by zone, every zone of the site; the site as a whole under ""."""
        state = self.state
        names = {"": SITE}
        if state.site:
            names |= {zone.id: state.zone_names.code(zone.id) for zone in state.site.zones}
        zones, measured = state.zones.rows, records(state.zones.count, MEASURED)
        measure(state.people.rows[: state.people.count], state.passages.written, zones, measured)
        low = np.maximum(0, measured["certain"] - measured["slack_out"])
        high = measured["possible"] + measured["slack_in"]
        return {
            name: (int(zones[code]["count"]), int(low[code]), int(high[code])) for name, code in names.items()
        }

    def seen_at(self, person: str) -> int | None:
        """Return when the newest applied reading of a person happened, UTC microseconds; None if none was."""
        seen_at = int(self.state.people.rows[self.state.persons.find(person)]["seen_at"])
        return None if seen_at == LONG_AGO else seen_at

    def snapshot(self) -> bytes:
        """Return the whole state as bytes, the same however the log was cut."""
        return dump_state(self.state)

    @classmethod
    def restore(cls, data: bytes) -> "Engine":
        """Return the engine whose `snapshot` gave these bytes.

        Raises:
            ValueError: written by a version of the state that this one does not read.
        """
        engine = cls.__new__(cls)
        engine._begin(load_state(data))
        return engine


def _stands_alone(signal: Signal) -> bool:
    return signal.category is Category.CONTROL and signal.action in ORDERS


def _fault_of_placement(state: State, signal: Signal) -> str | None:
    zone = (signal.data or {}).get("zone")
    if not signal.person:
        return "placed: a person is needed"
    try:
        if not isinstance(zone, str):
            raise KeyError(zone)
        state.zone_code(zone)
    except KeyError:
        return f"placed: data.zone {zone!r} is no zone of the site"[:_LONGEST_REASON]
    return None


@loop
def _sort_by_signal(events: Any, starts: Any, out: Any) -> None:
    """Put events into signal order, those of one signal as they stand (a counting sort)."""
    for i in range(len(starts)):
        starts[i] = 0
    for k in range(len(events)):
        starts[events[k].signal] += 1
    before = 0
    for i in range(len(starts)):
        of_this = starts[i]
        starts[i] = before
        before += of_this
    for k in range(len(events)):
        event = events[k]
        out[starts[event.signal]] = event
        starts[event.signal] += 1
