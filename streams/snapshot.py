"""Snapshots: the state as bytes and back.

Each part carries the layout it was written in; a part whose layout this version does not know makes the
whole snapshot unreadable, and the state is then computed from the log.
"""

from typing import Any, Final

import msgspec

from domain.names import Names
from domain.policy import Policy
from domain.site import Site
from streams.settings_applied import set_settings
from streams.state import State

VERSION: Final = 3


class _Snapshot(msgspec.Struct):
    version: int
    site_id: str
    position: int
    policy_version: int
    site: bytes | None
    policy: bytes
    groups: list[tuple[str, str | None]]
    pending_used: int
    rules: list[str]
    parts: dict[str, tuple[str, tuple[bytes, ...]]]


def dump_state(state: State) -> bytes:
    """Return the state as bytes."""
    return msgspec.msgpack.encode(
        _Snapshot(
            version=VERSION,
            site_id=state.site_id,
            position=state.position,
            policy_version=state.policy_version,
            site=state.site.model_dump_json().encode() if state.site else None,
            policy=state.policy.model_dump_json().encode(),
            groups=state.groups,
            pending_used=int(state.pending_used[0]),
            rules=list(state.detectors),
            parts={name: (part.layout, _bytes(part)) for name, part in state.tables().items()},
        )
    )


def load_state(data: bytes) -> State:
    """Return the state that `dump_state` gave.

    Raises:
        ValueError: not a snapshot, or of a version or layout that this one does not read.
    """
    snapshot = msgspec.msgpack.decode(data, type=_Snapshot)
    if snapshot.version != VERSION:
        raise ValueError(f"snapshot version {snapshot.version}: this version reads {VERSION}")
    state = State(snapshot.site_id)
    if snapshot.rules != list(state.detectors):
        raise ValueError(f"the snapshot knows the rules {', '.join(snapshot.rules)}")
    parts = state.tables()
    if parts.keys() != snapshot.parts.keys():
        raise ValueError("the snapshot holds other parts than this version's state")
    for name, part in parts.items():
        layout, dumped = snapshot.parts[name]
        if layout != part.layout:
            raise ValueError(f"the snapshot's {name} has the layout {layout}")
        if isinstance(part, Names):
            setattr(state, name, Names.load(*dumped))
        else:
            part.load(*dumped)
    state.position = snapshot.position
    state.policy_version = snapshot.policy_version
    state.site = Site.model_validate_json(snapshot.site) if snapshot.site else None
    state.policy = Policy.model_validate_json(snapshot.policy)
    state.groups = snapshot.groups
    state.pending_used[0] = snapshot.pending_used
    set_settings(state)
    return state


def _bytes(part: Any) -> tuple[bytes, ...]:
    dumped = part.dump()
    return dumped if isinstance(dumped, tuple) else (dumped,)
