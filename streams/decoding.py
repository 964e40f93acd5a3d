"""Decoding: rows of events become events with names, as objects or as columns. Both say the same."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from detectors.registry import DETECTORS
from domain.columns import EVENT_COLUMNS, MOMENT, TEXT, word_column
from domain.event import SCHEMA_VERSION, Event
from domain.kernels import Records
from domain.names import Names
from domain.records import ANYWHERE, NO_VALUE, NONE, OF_CREDENTIAL, OF_PERSON, OF_POINT, OF_ZONE, SITE
from domain.vocabulary import OUTSIDE, Basis, Severity, Topic
from streams.state import State

TOPICS: Final = tuple(Topic)
BASES: Final = tuple(Basis)
SEVERITIES: Final = tuple(Severity)
RULES: Final = tuple(DETECTORS)
MIXED_SUBJECTS: Final = tuple(detector.mixed_subjects for detector in DETECTORS.values())


def decode(state: State, rows: Records, causes: Any, offsets: Sequence[int], decided: int = 0) -> list[Event]:
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


def decode_columns(state: State, rows: Records, causes: Any, offsets: NDArray[np.int64]) -> pa.Table:
    """Return the events of these EVENT rows, sorted by signal, as a table of `EVENT_COLUMNS`.

    Signal `i` stands at `offsets[i]`.
    """
    count, site = len(rows), state.site_id
    signal = rows["signal"].astype(np.int64)
    position = pa.array(offsets[signal])
    ordinal = np.arange(count) - np.searchsorted(signal, signal)
    person, zone, maybe_zone = rows["person"], rows["zone"], rows["maybe_zone"]
    persons = _named(state.persons, person, above=0)
    digits = position.cast(TEXT)
    visit = _numbers(rows["visit"], NONE)
    given = {
        "id": pc.binary_join_element_wise(site, digits, pa.array(ordinal).cast(TEXT), ":"),
        "site": word_column([site], np.zeros(count, np.int32)),
        "topic": word_column(TOPICS, rows["topic"]),
        "position": position.cast(pa.uint64()),
        "ordinal": pa.array(ordinal, pa.uint32()),
        "occurred_at": pa.array(rows["occurred_at"]).view(MOMENT),
        "known_at": pa.array(rows["known_at"]).view(MOMENT),
        "person": persons,
        "credential": _named(state.credential_names, rows["credential"], above=0),
        "zone": _named(state.zone_names, zone, above=SITE),
        "from_zone": _named(state.zone_names, rows["from_zone"], above=SITE),
        "maybe_zone": _named(state.zone_names, maybe_zone, above=ANYWHERE, otherwise=OUTSIDE),
        "point": _named(state.point_names, rows["point"], above=0),
        "device": _named(state.device_names, rows["from_device"], above=0),
        "visit": pc.binary_join_element_wise(
            f"{site}:visit", visit.cast(TEXT), persons.cast(TEXT).fill_null("None"), ":"
        ),
        "basis": word_column(BASES, rows["basis"]),
        "rule": word_column([*RULES, None], np.where(rows["rule"] == NONE, len(RULES), rows["rule"])),
        "alert": _alerts(state, rows),
        "severity": word_column(SEVERITIES, rows["severity"]),
        "value": _numbers(rows["value"], NO_VALUE),
        "limit": _numbers(rows["limit"], NO_VALUE),
        "late": pa.array(rows["late"]),
        "causes": _causes(rows, causes),
        "policy_version": pa.repeat(pa.scalar(state.policy_version, pa.uint32()), count),
        "detail": pa.nulls(count, TEXT),
        "schema": pa.repeat(pa.scalar(SCHEMA_VERSION, pa.uint16()), count),
    }
    return pa.table([given[name] for name in EVENT_COLUMNS.names], EVENT_COLUMNS)


def _named(names: Names, codes: Any, *, above: int, otherwise: str | None = None) -> pa.Array:
    """Return the names of codes above a number, `otherwise` for outside and the site; null for the rest."""
    found, places = np.unique(codes, return_inverse=True)
    words = [
        None if code <= above else otherwise if otherwise and code <= SITE else names.name(code)
        for code in found.tolist()
    ]
    return word_column(words, places)


def _numbers(values: Any, none: int) -> pa.Array:
    return pa.array(values, pa.int64(), mask=values == none)


def _causes(rows: Records, causes: Any) -> pa.Array:
    counts = rows["causes"].astype(np.int64)
    ends = np.concatenate([[0], np.cumsum(counts)])
    places = np.repeat(rows["first_cause"] - ends[:-1], counts) + np.arange(ends[-1])
    return pa.ListArray.from_arrays(pa.array(ends, pa.int32()), pa.array(causes[places], pa.uint64()))


def _alerts(state: State, rows: Records) -> pa.Array:
    ids: list[str | None] = [None] * len(rows)
    for place in np.flatnonzero(rows["alert"] != NONE).tolist():
        row = rows[place]
        subject = _subject(
            state, int(row["rule"]), int(row["of"]), int(row["person"]), int(row["zone"]), int(row["point"]),
            int(row["credential"]),
        )  # fmt: skip
        ids[place] = f"{state.site_id}:{RULES[row['rule']]}:{subject}:{row['alert']}"
    return pa.array(ids, TEXT)


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
