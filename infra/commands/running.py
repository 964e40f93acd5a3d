"""Commands about the process: run and status."""

from typing import Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption


def run(
    seconds: Annotated[
        float | None, typer.Option("--for-seconds", min=0, help="End by itself after so long.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Run the site: decide what comes in, keep the history, let time pass. SIGTERM or Ctrl-C drains."""
    import signal

    from infra.home import OpenHome
    from infra.logging import configure_logging
    from infra.service import Service

    with OpenHome(home) as opened:
        configure_logging(opened.settings)
        service = Service(opened)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        service.run(seconds)


def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Say how far log, engine and history have come, and what waits."""
    show(ask(home, "status"), as_json, _status)


def _status(answer: dict[str, Any]) -> None:
    from infra.rendering import anything

    sizes = {f"size of {name}": f"{count:,} bytes" for name, count in answer.pop("bytes").items()}
    anything({**answer, **sizes})
