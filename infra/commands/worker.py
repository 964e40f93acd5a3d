"""The command about the workers: worker."""

from pathlib import Path
from typing import Annotated

import typer

from infra.commands.asking import settings_of
from infra.commands.options import DEFAULT_HOME, HomeOption


def worker(
    bundle: Annotated[
        Path | None,
        typer.Option(
            "--reproduce", metavar="BUNDLE", help="Decide once more what made the engine fail, and end."
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Decide signals from Kafka, sharing the partitions with the other workers. SIGTERM or Ctrl-C drains.

    Ends with 0 after draining, 3 when the engine or the log failed, 4 when another worker takes a partition
    over again and again and the group does not say that it should: whatever runs the workers starts them
    again.
    """
    if bundle is not None:
        from infra.reproducing import reproduce_defect

        reproduce_defect(bundle)
        return
    from infra.settings import Home
    from infra.worker_process import run_worker

    settings = settings_of(home)
    code = run_worker(Home(home), settings, settings.kafka.client_settings())
    if code:
        raise typer.Exit(code)
