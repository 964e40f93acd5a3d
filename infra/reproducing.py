"""Deciding once more what made the engine fail: `limen worker --reproduce`."""

import os
import traceback
from pathlib import Path
from typing import Final

import typer

from infra.failure import Failure, WrongUse
from infra.worker_process import decider_maker
from streams.worker.defect import WAYS, in_bulk, one_by_one, read_bundle, reproduce, together

_REMEDY: Final = "give the file that the worker named when the engine failed"


def reproduce_defect(path: Path) -> None:
    """Decide a bundle's messages once more and say whether the engine fails as it did.

    Raises:
        Failure: it fails still; the message says where. With LIMEN_DEBUG the engine's own error comes out.
        WrongUse: the file is no bundle.
    """
    try:
        bundle = read_bundle(path)
    except OSError as error:
        raise WrongUse(f"{path} cannot be read ({error.strerror}); {_REMEDY}") from error
    except ValueError as error:
        raise WrongUse(f"{error}; {_REMEDY}") from error
    versions = ", ".join(f"{name} {version}" for name, version in bundle.versions.items())
    typer.echo(f"partition {bundle.partition}, offset {bundle.failed_at}: {bundle.error}\nwith {versions}")
    for way in WAYS:
        decider = decider_maker(second_stage=bundle.second_stage)(bundle.limits)
        try:
            reproduce(bundle, decider, way)
        except Exception as error:
            if os.environ.get("LIMEN_DEBUG"):
                raise
            (last,) = traceback.extract_tb(error.__traceback__)[-1:]
            where = {
                one_by_one: f"at offset {decider.position}",
                together: "as one batch",
                in_bulk: "in bulk",
            }
            raise Failure(
                f"it fails again, {where[way]}: {type(error).__name__}: {error} "
                f"({Path(last.filename).name}, line {last.lineno}); LIMEN_DEBUG=1 shows all of it"
            ) from error
    typer.echo("it does not fail any more")
