"""When the engine fails: everything needed to see it fail again, in one file."""

import os
import platform
import traceback
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec

from streams.admission import Limits, Message
from streams.worker.partition import PartitionDecider

_PACKAGES: Final = ("limen", "numpy", "numba", "msgspec", "pyarrow")


class EngineDefect(Exception):
    """Deciding failed, which is a mistake of ours. The message says where, and which file reproduces it."""


class Bundle(msgspec.Struct):
    """What reproduces a defect.

    `snapshot` is the partition's state before the first of `messages`, None before the first signal of all;
    deciding the messages one by one fails at the one at `failed_at`, or, where that is the first, perhaps
    only in another of the `WAYS`. `second_stage`: whether it told uses.
    """

    partition: int
    failed_at: int
    error: str
    traceback: str
    versions: dict[str, str]
    limits: Limits
    second_stage: bool
    snapshot: bytes | None
    messages: list[Message]


def keep_bundle(
    folder: str,
    partition: int,
    error: Exception,
    decide_again: Callable[[], PartitionDecider],
    messages: Sequence[Message],
) -> EngineDefect:
    """Write the bundle and return the error to raise.

    Args:
        folder: made if it is not there.
        partition: whose messages they are.
        error: what the engine raised.
        decide_again: returns a decider that stands before the first message.
        messages: the batch, in which the engine failed.
    """
    snapshot, at = None, messages[0].offset
    where = f"partition {partition}, offset {at}"
    try:
        decider = decide_again()
        limits = decider.limits
        snapshot = decider.snapshot() if decider.position else None
        at = _first_failure(decider, messages)
        where = f"partition {partition}, offset {at}"
        bundle = Bundle(
            partition=partition,
            failed_at=at,
            error=f"{type(error).__name__}: {error}",
            traceback="".join(traceback.format_exception(error)),
            versions={name: _version(name) for name in _PACKAGES} | {"python": platform.python_version()},
            limits=limits,
            second_stage=decider.has_second_stage,
            snapshot=snapshot,
            messages=list(messages),
        )
        path = Path(folder) / f"defect-{partition}-{at}.bundle"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(msgspec.msgpack.encode(bundle))
    except Exception as second:  # noqa: BLE001 - the first error is what has to be told, whatever follows it
        return EngineDefect(f"{where}: {type(error).__name__}: {error}; no bundle could be kept: {second}")
    return EngineDefect(
        f"{where}: {type(error).__name__}: {error}; it can be seen again with "
        f"limen worker --reproduce {os.fspath(path)}"
    )


def read_bundle(path: Path) -> Bundle:
    """Return what `keep_bundle` wrote.

    Raises:
        OSError: it cannot be read.
        ValueError: it is no bundle.
    """
    try:
        return msgspec.msgpack.decode(path.read_bytes(), type=Bundle)
    except msgspec.MsgspecError as error:
        raise ValueError(f"{path} is no bundle of a defect: {error}") from error


def one_by_one(decider: PartitionDecider, messages: Sequence[Message]) -> None:
    """Decide messages alone, each to the draft that the log would get."""
    for message in messages:
        _decide_alone(decider, message)


def together(decider: PartitionDecider, messages: Sequence[Message]) -> None:
    """Decide messages as the one batch they were."""
    decider.decide(messages).drafts(decider.limits.message_bytes)


def in_bulk(decider: PartitionDecider, messages: Sequence[Message]) -> None:
    """Decide messages as a worker does that takes a partition over."""
    decider.pass_over(messages)


WAYS: Final = (one_by_one, together, in_bulk)
"""How a bundle is decided again, each with a new decider: a defect may need its neighbours to show itself."""


def reproduce(
    bundle: Bundle, decider: PartitionDecider, way: Callable[[PartitionDecider, Sequence[Message]], None]
) -> None:
    """Decide a bundle's messages in one of the `WAYS` with a new decider; what fails in it comes out."""
    if bundle.snapshot is not None:
        decider.restore(bundle.snapshot)
    decider.limits = bundle.limits
    way(decider, bundle.messages)


def _decide_alone(decider: PartitionDecider, message: Message) -> None:
    decider.decide([message]).drafts(decider.limits.message_bytes)


def _first_failure(decider: PartitionDecider, messages: Sequence[Message]) -> int:
    """Return the offset of the first message that fails alone; where none does, of the first."""
    for message in messages:
        try:
            _decide_alone(decider, message)
        except Exception:  # noqa: BLE001 - whatever it is, it is this message's
            return message.offset
    return messages[0].offset


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "unknown"
