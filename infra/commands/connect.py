"""The command that brings signals into Kafka."""

from pathlib import Path
from typing import Annotated

import typer

from infra.commands.asking import settings_of
from infra.commands.options import DEFAULT_HOME, HomeOption


def connect(
    files: Annotated[
        list[Path], typer.Argument(help="Files of signals in JSON lines, in this order.", metavar="FILE")
    ],
    follow: Annotated[
        bool, typer.Option("--follow", help="Wait for more at the end of the last file.")
    ] = False,
    clock: Annotated[
        bool,
        typer.Option("--clock/--no-clock", help="With --follow, let time pass at silent sites."),
    ] = True,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Bring signals of any number of sites into Kafka; while Kafka is away, keep them in the home's spool.

    Each file is read from where it was left. SIGTERM or Ctrl-C drains; what still waits is sent next time.
    """
    from prometheus_client import CollectorRegistry

    from infra.connecting import Connecting
    from infra.observability.endpoints import Health
    from infra.observability.metrics import SpoolMetrics
    from infra.process import staying
    from infra.settings import Home
    from streams.forwarder import Forwarder
    from streams.kafka.target import KafkaTarget
    from streams.quarantine import Quarantine
    from streams.spool import Spool

    paths, settings = Home(home), settings_of(home)
    home.mkdir(parents=True, exist_ok=True)
    registry, health = CollectorRegistry(), Health()
    target = KafkaTarget(settings.kafka.client_settings(), health.beat)
    try:
        with (
            staying(settings, registry, health) as stopping,
            Spool(paths.spool, settings.spool_limit_megabytes * 1_000_000) as spool,
        ):
            quarantine = Quarantine.open(paths.quarantine)
            try:
                Connecting(
                    files,
                    follow=follow,
                    spool=spool,
                    quarantine=quarantine,
                    forwarder=lambda refuse: Forwarder(spool, target, refuse),
                    stopping=stopping,
                    health=health,
                    metrics=SpoolMetrics(registry),
                    clock_seconds=settings.clock_seconds if clock else None,
                ).run()
            finally:
                quarantine.close()
    finally:
        target.close()
