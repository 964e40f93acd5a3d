"""Decoding: rows of events become events with names."""

from collections.abc import Sequence
from typing import Any, Final

from detectors.registry import DETECTORS
from domain.event import Event
from domain.kernels import Records
from domain.records import NO_VALUE, NONE, OF_CREDENTIAL, OF_PERSON, OF_POINT, OF_ZONE, SITE
from domain.vocabulary import OUTSIDE, Basis, Severity, Topic
from streams.state import State

TOPICS: Final = tuple(Topic)
BASES: Final = tuple(Basis)
SEVERITIES: Final = tuple(Severity)
RULES: Final = tuple(DETECTORS)
MIXED_SUBJECTS: Final = tuple(detector.mixed_subjects for detector in DETECTORS.values())


def decode(
    state: State, rows: Records, causes: Any, offsets: Sequence[int], decided: int = 0
) -> list[Event]:
    """Return the events of these EVENT rows, sorted by signal; signal `i` stands at `offsets[i]`.

    `decided` events of signal 0 come before these.
    """
    person_name, point_name = state.persons.name, state.point_names.name
    device_name, credential_name = state.device_names.name, state.credential_names.name
    site = state.site_id
    events = []
    ordinal, previous = decided - 1, 0
    for row in rows.tolist():
        (
            occurred_at, known_at, visit, alert, value, limit, signal, person, credential, zone, from_zone,
            maybe_zone, point, device, first_cause, cause_count, topic, basis, severity, rule, of, late,
        ) = row  # fmt: skip
        ordinal = ordinal + 1 if signal == previous else 0
        previous, position = signal, offsets[signal]
        name = person_name(person) if person else None
        alert_id = None
        if alert != NONE:
            subject = _subject(state, rule, of, person, zone, point, credential)
            alert_id = f"{site}:{RULES[rule]}:{subject}:{alert}"
        events.append(
            Event(
                id=f"{site}:{position}:{ordinal}",
                site=site,
                topic=TOPICS[topic],
                position=position,
                ordinal=ordinal,
                occurred_at=occurred_at,
                known_at=known_at,
                person=name,
                credential=credential_name(credential) if credential else None,
                zone=_zone(state, zone),
                from_zone=_zone(state, from_zone),
                maybe_zone=None if maybe_zone < 0 else _zone(state, maybe_zone) or OUTSIDE,
                point=point_name(point) if point else None,
                device=device_name(device) if device else None,
                visit=f"{site}:visit:{visit}:{name}" if visit != NONE else None,
                basis=BASES[basis],
                rule=RULES[rule] if rule != NONE else None,
                alert=alert_id,
                severity=SEVERITIES[severity],
                value=None if value == NO_VALUE else value,
                limit=None if limit == NO_VALUE else limit,
                late=late,
                causes=tuple(causes[first_cause : first_cause + cause_count].tolist()),
                policy_version=state.policy_version,
            )
        )
    return events


def _zone(state: State, code: int) -> str | None:
    return state.zone_names.name(code) if code > SITE else None


def _subject(state: State, rule: int, of: int, person: int, zone: int, point: int, credential: int) -> str:
    if of == OF_PERSON:
        kind, name = "person", state.persons.name(person)
    elif of == OF_ZONE:
        kind, name = "zone", state.zone_names.name(zone)
    elif of == OF_CREDENTIAL:
        kind, name = "credential", state.credential_names.name(credential)
    else:
        assert of == OF_POINT
        kind, name = "point", state.point_names.name(point)
    return f"{kind}.{name}" if MIXED_SUBJECTS[rule] else name
