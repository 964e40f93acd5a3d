"""What every process that stays has in common: log lines, endpoints, and an orderly end."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import structlog
from prometheus_client import CollectorRegistry

from infra.failure import Failure
from infra.logging import configure_logging
from infra.observability.endpoints import Endpoints, Health
from infra.settings import Settings
from streams.collection import rare_collection


@contextmanager
def staying(settings: Settings, registry: CollectorRegistry, health: Health) -> Iterator[threading.Event]:
    """Run the block as a process that stays; gives the event that SIGTERM or Ctrl-C sets.

    Raises:
        Failure: the port of the endpoints is taken.
    """
    configure_logging(settings)
    stopping = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopping.set())
    with endpoints(settings, registry, health), rare_collection():
        yield stopping


@contextmanager
def endpoints(settings: Settings, registry: CollectorRegistry, health: Health) -> Iterator[int | None]:
    """Serve metrics and health while the block runs, if the settings name a port; gives the port.

    Raises:
        Failure: the port is taken.
    """
    if settings.metrics_port is None:
        yield None
        return
    try:
        served = Endpoints(settings.metrics_host, settings.metrics_port, registry, health)
    except OSError as error:
        raise Failure(
            f"metrics_port: {settings.metrics_host}:{settings.metrics_port} cannot be used "
            f"({error.strerror or error}); set another in limen.toml or LIMEN_METRICS_PORT; 0 is any"
        ) from error
    with served:
        structlog.get_logger().info("endpoints", host=settings.metrics_host, port=served.port)
        yield served.port
