"""The process behind `limen gateway`: an embedded history, served over HTTP until it is told to stop."""

import asyncio
import threading
from pathlib import Path
from typing import Final

from prometheus_client import CollectorRegistry

from infra.home import OpenHome
from infra.observability.endpoints import Health
from infra.observability.metrics import GatewayMetrics
from infra.process import staying
from projections.errors import HistoryError
from projections.gateway.server import Gateway, Users

_WAIT_SECONDS: Final = 3.0
"""How long it waits for a short command to be done with the home."""
_BEAT_SECONDS: Final = 0.1
_ASK_SECONDS: Final = 10.0
"""How often the engine is asked whether it answers, and how long it may take to."""


def run_gateway(home: Path, host: str, port: int, users: Users) -> None:
    """Serve until SIGTERM or Ctrl-C.

    Raises:
        Failure: there is no home, or the port of the endpoints is taken.
        OSError: the port is taken.
    """
    registry, health = CollectorRegistry(), Health()
    with OpenHome(home, _WAIT_SECONDS) as opened, staying(opened.settings, registry, health) as stopping:
        gateway = Gateway(opened.history, users, observer=GatewayMetrics(registry))
        asyncio.run(_serve(gateway, host, port, health, stopping))


async def _serve(gateway: Gateway, host: str, port: int, health: Health, stopping: threading.Event) -> None:
    closing, serving = asyncio.Event(), asyncio.Event()
    serves = asyncio.create_task(gateway.serve(host, port, closing, serving))
    asks = asyncio.create_task(_ask(gateway, health))
    try:
        while not (serves.done() or stopping.is_set()):
            health.beat()
            if serving.is_set():
                health.started()
            await asyncio.sleep(_BEAT_SECONDS)
    finally:
        closing.set()
        asks.cancel()
        await serves


async def _ask(gateway: Gateway, health: Health) -> None:
    """Be not ready while the engine does not answer."""
    while True:
        try:
            async with asyncio.timeout(_ASK_SECONDS):
                await gateway.ask()
        except HistoryError as error:
            health.want("history", str(error))
        except TimeoutError:
            health.want("history", f"the engine has not answered for {_ASK_SECONDS:g} s")
        else:
            health.fulfil("history")
        await asyncio.sleep(_ASK_SECONDS)
