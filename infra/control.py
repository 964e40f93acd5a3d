"""Control signals: what people write in files or order by hand reaches the engine through the log only.

A control signal happens at the log's time and is received by the wall clock. So loading today's policy
into a home whose recording is ten years old does not carry the log ten years forward.
"""

import hashlib
import json
import time
from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple

from domain.event import read_event
from domain.signal import Signal, Time, read_signal, signal_id
from domain.site import Document
from domain.vocabulary import APPLIED, Action, Category, Quality, Topic
from infra.clock import DEVICE
from infra.failure import Failure
from infra.home import PARTITION, OpenHome
from streams.log import Log, SignalsGone
from streams.runner import Decided

PERSONS_IN_ONE: Final = 1_000
"""A directory comes in pieces, so that no single signal is too large for any log."""
_KIND_OF: Final = {topic: kind for kind, topic in APPLIED.items()}


class InForce(NamedTuple):
    """What a site's log says of one kind of document.

    `version` counts the answers there were, so that the same document said once more is another signal.
    `digest` is the hash of the newest that was applied whole, None where there is none; `known_at` the log's
    time at the newest answer.
    """

    version: int = 0
    digest: str | None = None
    known_at: int = 0


def apply_settings(home: OpenHome) -> int:
    """Append and decide whatever of the files' settings is not in force yet; return how many signals it took.

    What a killed process left undecided is decided first.

    Raises:
        Failure: the engine found a document not fit; the message carries its reason.
    """
    home.read_again()
    pipeline, appended = home.pipeline, 0
    for _ in pipeline.decide():
        pass
    documents = {"site": home.site, "policy": home.policy, "directory": home.directory}
    known = in_force(home.log, PARTITION, home.site.id)
    for kind, signals in differing(documents, home.site.id, known, pipeline.runner.engine.now):
        appended += pipeline.append(signals).accepted
        for decided in pipeline.decide():
            _refuse_rejected(kind, decided)
    return appended


def _content_hash(content: object) -> str:
    """Return the hash of a JSON value, whatever the order of its keys."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def look(site: str, now_us: int, purpose: str, user: str, subject: dict[str, str]) -> Signal:
    """Return the record of a look at somebody: who looked, at whom and what for."""
    return _control(
        signal_id("control", "look", user, purpose, *subject.values(), str(time.time_ns())),
        site,
        Action.ACTIVATED,
        now_us,
        _clock_us(),
        {"kind": "look", "purpose": purpose, "by": user, **subject},
    )


def placement(site: str, at_us: int, person: str, data: dict[str, str]) -> Signal:
    """Return the order that places a person by hand; `data` has `zone`, `purpose` and `by`."""
    return _control(
        signal_id("control", "placed", person, *data.values(), str(time.time_ns())),
        site,
        Action.PLACED,
        at_us,
        _clock_us(),
        {"kind": "placed", **data},
        person,
    )


def decision(signal: str, site: str, decided_at: int, data: dict[str, Any]) -> Signal:
    """Return the control signal of this id for a decision, happening and heard of when it was decided."""
    return _control(signal, site, Action.DECIDED, decided_at, decided_at, data)


def _control(
    signal: str,
    site: str,
    action: Action,
    at_us: int,
    received_at: int,
    data: dict[str, Any],
    person: str | None = None,
) -> Signal:
    return Signal(
        id=signal,
        site=site,
        device=DEVICE,
        category=Category.CONTROL,
        action=action,
        time=Time(at_us, received_at, quality=Quality.RECEIPT),
        person=person,
        data=data,
    )


def _clock_us() -> int:
    return time.time_ns() // 1_000


def in_force(log: Log, partition: int, site: str) -> dict[str, InForce]:
    """Return what a site's log says of each kind of document."""
    known = dict.fromkeys(APPLIED, InForce())
    newest: dict[str, int] = {}
    refused = 0
    for stored in log.find_events(partition, topics=[*_KIND_OF, Topic.CONTROL_REJECTED]):
        if stored.site != site:
            continue
        event = read_event(stored.wire)
        if event.topic is Topic.CONTROL_REJECTED:
            refused += 1
            continue
        kind = _KIND_OF[event.topic]
        known[kind] = InForce(known[kind].version + 1, None, event.known_at)
        newest[kind] = event.position
    for kind, position in newest.items():
        known[kind] = known[kind]._replace(digest=_whole(log, partition, position))
    return {kind: one._replace(version=one.version + refused) for kind, one in known.items()}


def _whole(log: Log, partition: int, position: int) -> str | None:
    """Return the hash of the document that ended with the signal at a position, if one did."""
    try:
        (stored,) = log.read(partition, position, 1)
    except SignalsGone:  # what it was nobody knows, so it is said again
        return None
    data = read_signal(stored.wire).data or {}
    found = data.get("hash")
    is_last = data.get("piece", 0) + 1 == data.get("pieces", 1)
    return str(found) if is_last and found is not None else None


def differing(
    documents: Mapping[str, Document], site: str, known: Mapping[str, InForce], now_us: int
) -> Iterator[tuple[str, list[Signal]]]:
    """Yield the kind of each document that is not in force, and the signals that load it, at `now_us`."""
    received_at = _clock_us()
    for kind, document in documents.items():
        content = _content(kind, document)
        digest = _content_hash(content)
        if known[kind].digest != digest:
            version = known[kind].version
            yield kind, list(_loading(site, kind, content, digest, version, now_us, received_at))


def first_loading(documents: dict[str, Document], site: str, at_us: int) -> Iterator[Signal]:
    """Yield the control signals that begin a log: each of these documents (`site`, `policy`, `directory`).

    They happen and are received at `at_us` (UTC microseconds).
    """
    for kind, document in documents.items():
        content = _content(kind, document)
        yield from _loading(site, kind, content, _content_hash(content), 0, at_us, at_us)


def _content(kind: str, document: Document) -> dict[str, Any]:
    return document.model_dump(mode="json", exclude_none=kind == "directory")


def _loading(
    site: str, kind: str, content: dict[str, Any], digest: str, version: int, now_us: int, received_at: int
) -> Iterator[Signal]:
    bodies = _pieces(content) if kind == "directory" else [{"document": content}]
    for number, body in enumerate(bodies):
        yield _control(
            signal_id("control", kind, digest, str(version), str(number)),
            site,
            Action.LOADED,
            now_us,
            received_at,
            {"kind": kind, **body, "hash": digest, "piece": number, "pieces": len(bodies)},
        )


def _pieces(directory: dict[str, Any]) -> list[dict[str, Any]]:
    persons = directory.get("persons", [])
    return [
        {"document": {"persons": persons[start : start + PERSONS_IN_ONE]}, "replace": start == 0}
        for start in range(0, max(len(persons), 1), PERSONS_IN_ONE)
    ]


def _refuse_rejected(kind: str, decided: Decided) -> None:
    for event in decided.events_of(Topic.CONTROL_REJECTED):
        reason = (event.detail or {}).get("reason", "no reason given")
        raise Failure(f"{kind}: {reason}; correct the file and do the same again")
