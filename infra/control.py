"""Control signals: what people write in files or order by hand reaches the engine through the log only.

A control signal happens at the log's time and is received by the wall clock. So loading today's policy
into a home whose recording is ten years old does not carry the log ten years forward.
"""

import hashlib
import json
import time
from collections.abc import Iterator
from typing import Any, Final

from domain.signal import Signal, Time, read_signal, signal_id
from domain.site import Document
from domain.vocabulary import Action, Category, Quality, Topic
from infra.clock import DEVICE
from infra.failure import Failure
from infra.home import PARTITION, OpenHome
from streams.log import Log
from streams.runner import Decided

PERSONS_IN_ONE: Final = 1_000
"""A directory comes in pieces, so that no single signal is too large for any log."""
_APPLIED: Final = {
    "site": Topic.SITE_APPLIED,
    "policy": Topic.POLICY_APPLIED,
    "directory": Topic.DIRECTORY_APPLIED,
}


def apply_settings(home: OpenHome) -> int:
    """Append and decide whatever of the files' settings is not in force yet; return how many signals it took.

    What a killed process left undecided is decided first.

    Raises:
        Failure: the engine found a document not fit; the message carries its reason.
    """
    home.read_again()
    documents: dict[str, Document] = {
        "site": home.site,
        "policy": home.policy,
        "directory": home.directory,
    }
    pipeline, appended = home.pipeline, 0
    for _ in pipeline.decide():
        pass
    for kind, document in documents.items():
        content = document.model_dump(mode="json", exclude_none=kind == "directory")
        digest = content_hash(content)
        version, newest = _in_force(home.log, kind)
        if newest == digest:
            continue
        received_at = time.time_ns() // 1_000
        now = pipeline.runner.engine.now
        signals = list(_loading(home.site.id, kind, content, digest, version, now, received_at))
        appended += pipeline.append(signals).accepted
        for decided in pipeline.decide():
            _refuse_rejected(kind, decided)
    return appended


def content_hash(content: object) -> str:
    """Return the hash of a JSON value, whatever the order of its keys."""
    canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.blake2b(canonical.encode(), digest_size=16).hexdigest()


def look(site: str, now_us: int, purpose: str, user: str, subject: dict[str, str]) -> Signal:
    """Return the record of a look at somebody: who looked, at whom and what for."""
    received_at = time.time_ns() // 1_000
    return Signal(
        id=signal_id("control", "look", user, purpose, *subject.values(), str(time.time_ns())),
        site=site,
        device=DEVICE,
        category=Category.CONTROL,
        action=Action.ACTIVATED,
        time=Time(now_us, received_at, quality=Quality.RECEIPT),
        data={"kind": "look", "purpose": purpose, "by": user, **subject},
    )


def placement(site: str, at_us: int, person: str, data: dict[str, str]) -> Signal:
    """Return the order that places a person by hand; `data` has `zone`, `purpose` and `by`."""
    return Signal(
        id=signal_id("control", "placed", person, *data.values(), str(time.time_ns())),
        site=site,
        device=DEVICE,
        category=Category.CONTROL,
        action=Action.PLACED,
        time=Time(at_us, time.time_ns() // 1_000, quality=Quality.RECEIPT),
        person=person,
        data={"kind": "placed", **data},
    )


def decision(id: str, site: str, at_us: int, decided_at: int, data: dict[str, Any]) -> Signal:
    """Return the control signal that tells of a decision; it was heard of when it was decided."""
    return Signal(
        id=id,
        site=site,
        device=DEVICE,
        category=Category.CONTROL,
        action=Action.DECIDED,
        time=Time(at_us, decided_at, quality=Quality.RECEIPT),
        data=data,
    )


def _in_force(log: Log, kind: str) -> tuple[int, str | None]:
    """Return how many documents (and pieces) of a kind were applied, and the hash of the newest whole one."""
    count, position = 0, None
    for stored in log.find_events(PARTITION, topics=[_APPLIED[kind]]):
        count += 1
        position = int(stored.id.split(":")[-2])
    if position is None:
        return 0, None
    data = read_signal(log.read(PARTITION, position, 1)[0].wire).data or {}
    whole = data.get("piece", 0) + 1 == data.get("pieces", 1)
    return count, data.get("hash") if whole else None


def first_loading(documents: dict[str, Document], site: str, at_us: int) -> Iterator[Signal]:
    """Yield the control signals that begin a log: each of these documents (`site`, `policy`, `directory`).

    They happen and are received at `at_us` (UTC microseconds).
    """
    for kind, document in documents.items():
        content = document.model_dump(mode="json", exclude_none=kind == "directory")
        yield from _loading(site, kind, content, content_hash(content), 0, at_us, at_us)


def _loading(
    site: str, kind: str, content: dict[str, Any], digest: str, version: int, now_us: int, received_at: int
) -> Iterator[Signal]:
    bodies = _pieces(content) if kind == "directory" else [{"document": content}]
    for number, body in enumerate(bodies):
        yield Signal(
            id=signal_id("control", kind, digest, str(version), str(number)),
            site=site,
            device=DEVICE,
            category=Category.CONTROL,
            action=Action.LOADED,
            time=Time(now_us, received_at, quality=Quality.RECEIPT),
            data={"kind": kind, **body, "hash": digest, "piece": number, "pieces": len(bodies)},
        )


def _pieces(directory: dict[str, Any]) -> list[dict[str, Any]]:
    persons = directory.get("persons", [])
    return [
        {"document": {"persons": persons[start : start + PERSONS_IN_ONE]}, "replace": start == 0}
        for start in range(0, max(len(persons), 1), PERSONS_IN_ONE)
    ]


def _refuse_rejected(kind: str, decided: Decided) -> None:
    for event in decided.events_of(Topic.CONTROL_REJECTED):
        if event.topic is Topic.CONTROL_REJECTED:
            reason = (event.detail or {}).get("reason", "no reason given")
            raise Failure(f"{kind}: {reason}; correct the file and do the same again")
