"""Alerts: findings become alerts: raised, joined, cleared (rules 11)."""

from typing import Any, Final

import numpy as np

from domain.kernels import Records, inlined, loop, records
from domain.output import emit
from domain.records import CLEAR, JOIN, OF_CREDENTIAL, OF_PERSON, OF_ZONE, RAISE, TOPIC
from domain.vocabulary import Topic

RAISED: Final = TOPIC[Topic.ALERT_RAISED]
JOINED: Final = TOPIC[Topic.ALERT_JOINED]
CLEARED: Final = TOPIC[Topic.ALERT_CLEARED]

LAST: Final = np.dtype([("key", "i8"), ("number", "i8"), ("raised_at", "i8"), ("open", "i8")])
"""A subject's last alert under a rule. key 0 is a free slot."""


class LastAlerts:
    """The last alert of every rule and subject that ever had one: a hash table, open addressing."""

    def __init__(self) -> None:
        self.slots = records(64, LAST)
        self.used = np.zeros(1, np.int64)

    def reserve(self, room: int) -> None:
        """Make room for so many more."""
        wanted = (int(self.used[0]) + room) * 2
        if wanted > len(self.slots):
            self._fill(1 << wanted.bit_length(), self.slots[self.slots["key"] != 0])

    def _fill(self, slots: int, rows: Records) -> None:
        self.slots = records(slots, LAST)
        self.used[0] = 0
        fill(rows, self.slots, self.used)

    @property
    def layout(self) -> str:
        """How the bytes are laid out."""
        return str(self.slots.dtype.descr)

    def dump(self) -> bytes:
        """Return the state as bytes, by key."""
        rows = self.slots[self.slots["key"] != 0]
        ordered: bytes = rows[np.argsort(rows["key"])].tobytes()
        return ordered

    def load(self, data: bytes) -> None:
        """Replace the state by what `dump` gave."""
        dumped = np.frombuffer(data, LAST)
        rows = records(len(dumped), LAST)  # as loops take them, compiled or not
        rows[:] = dumped
        self._fill(max(64, 1 << (2 * len(rows)).bit_length()), rows)


@inlined
def last_alert(slots: Any, used: Any, key: int) -> int:
    """Return the slot of a key, taking a free one if it is new."""
    mask = len(slots) - 1
    place = ((key * 40_503) ^ (key >> 20)) & mask
    while slots[place].key != 0 and slots[place].key != key:
        place = (place + 1) & mask
    if slots[place].key == 0:
        slots[place].key = key
        used[0] += 1
    return int(place)


@loop
def fill(rows: Any, slots: Any, used: Any) -> None:
    """Put rows of different keys into slots that are all free."""
    for k in range(len(rows)):
        slots[last_alert(slots, used, rows[k].key)] = rows[k]


@loop
def tell_alerts(
    findings: Any, rule: int, severity: int, cool_down_us: int, slots: Any, used: Any,
    events: Any, size: Any,
) -> None:  # fmt: skip
    """Emit at most one event a finding of one rule."""
    for k in range(len(findings)):
        finding = findings[k]
        subject = finding.point
        if finding.of == OF_PERSON:
            subject = finding.person
        elif finding.of == OF_ZONE:
            subject = finding.zone
        elif finding.of == OF_CREDENTIAL:
            subject = finding.credential
        key = ((rule + 1) << 40) | (np.int64(finding.of) << 36) | subject
        last = slots[last_alert(slots, used, key)]
        kind = finding.kind
        cooling = last.number > 0 and finding.occurred_at - last.raised_at <= cool_down_us
        if kind == RAISE and cool_down_us > 0 and cooling:
            kind = JOIN
        if kind == RAISE:
            last.number += 1
            last.raised_at = finding.occurred_at
        elif last.number == 0 or (kind == CLEAR and last.open == 0):
            continue
        topic = RAISED if kind == RAISE else JOINED if kind == JOIN else CLEARED
        event = emit(events, size, topic, finding.signal, finding.occurred_at, finding.known_at)
        event.rule = rule
        event.alert = last.number
        event.of = finding.of
        event.person = finding.person
        event.zone = finding.zone
        event.point = finding.point
        event.first_cause = finding.first_cause
        event.causes = finding.causes
        if kind == RAISE:
            event.severity = severity
            event.credential = finding.credential
            event.visit = finding.visit
            event.value = finding.value
            event.limit = finding.limit
        last.open = 0 if kind == CLEAR else 1
