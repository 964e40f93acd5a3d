"""Bundles: what the engine failed on is seen again, with all that played a part."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from domain.kernels import COMPILED
from infra import reproducing
from infra.failure import FAILED, Failure, WrongUse
from infra.reproducing import reproduce_defect
from streams.admission import Limits, Message
from streams.engine import Engine
from streams.worker.defect import keep_bundle
from streams.worker.partition import PartitionDecider
from streams.worker.shares import FEW
from tests.worker.messages import LIMITS, a_signal, message


def fails(*_: Any) -> list[tuple[bytes, bytes]]:
    """Fail, as a mistake in what the second stage is told would."""
    raise ZeroDivisionError("uses are broken")


def broken(*, second_stage: bool) -> Callable[[Limits], PartitionDecider]:
    """Return what makes deciders that fail where they have a second stage to tell."""
    return lambda limits: PartitionDecider(limits, uses=fails if second_stage else None)


def a_bundle(folder: Path, *, second_stage: bool) -> Path:
    """Return the bundle of an engine that failed."""
    messages: list[Message] = [message(a_signal(number), offset=number) for number in range(3)]
    new = broken(second_stage=second_stage)
    keep_bundle(str(folder), 2, ZeroDivisionError("uses are broken"), lambda: new(LIMITS), messages)
    (path,) = folder.iterdir()
    return path


def test_a_bundle_is_reproduced_with_the_second_stage_of_the_worker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """What failed in telling it fails again, at the same offset, whatever the settings say; exit code 3."""
    monkeypatch.setattr(reproducing, "decider_maker", broken)
    with pytest.raises(
        Failure, match="it fails again, at offset 0: ZeroDivisionError: uses are broken"
    ) as raised:
        reproduce_defect(a_bundle(tmp_path / "with", second_stage=True))
    assert raised.value.exit_code == FAILED
    assert "partition 2, offset 0: ZeroDivisionError: uses are broken" in capsys.readouterr().out
    reproduce_defect(a_bundle(tmp_path / "without", second_stage=False))
    assert capsys.readouterr().out.endswith("it does not fail any more\n")


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "cannot be read (No such file or directory)"), (b"no bundle", "is no bundle")],
)
def test_what_is_no_bundle_is_named_once(tmp_path: Path, content: bytes | None, told: str) -> None:
    """The file stands once in the sentence, which says what is wrong with it and which to give."""
    path = tmp_path / "defect"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(WrongUse, match=re.escape(f"{path} {told}")) as refused:
        reproduce_defect(path)
    assert str(refused.value).count(str(path)) == 1
    assert "the file that the worker named" in str(refused.value)


class FailsInBulk(Engine):
    """Fails where a worker takes a partition over, and nowhere else."""

    def pass_admitted(self, admitted: Any, places: Any, names: Any, offsets: Any) -> int:  # noqa: ARG002 - alike
        """Fail."""
        raise ZeroDivisionError(f"rows are broken: {len(places)} at {len(offsets)}")


@pytest.mark.skipif(not COMPILED, reason="plain Python admits nothing in bulk")
def test_what_fails_in_bulk_alone_is_seen_again_in_bulk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deciding the messages one by one shows nothing; the way in which it failed does."""

    def new(limits: Limits) -> PartitionDecider:
        return PartitionDecider(limits, new=FailsInBulk, restore=FailsInBulk.restore)

    monkeypatch.setattr(reproducing, "decider_maker", lambda **_: new)
    messages = [message(a_signal(number), offset=number) for number in range(FEW)]
    keep_bundle(str(tmp_path), 2, ZeroDivisionError("rows are broken"), lambda: new(LIMITS), messages)
    (path,) = tmp_path.iterdir()
    with pytest.raises(
        Failure, match=f"it fails again, in bulk: ZeroDivisionError: rows are broken: {FEW} at"
    ):
        reproduce_defect(path)
