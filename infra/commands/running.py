"""Commands about the process: run and status."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import WAIT_SECONDS, ask, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption

if TYPE_CHECKING:
    from infra.language import Language


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

    with OpenHome(home, WAIT_SECONDS) as opened:
        configure_logging(opened.settings)
        service = Service(opened)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: service.stop())
        service.run(seconds)


def status(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Say how far log, engine and history have come, and what waits."""
    show(ask(home, "status"), as_json, home, _status)


def _status(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import fields

    pid, snapshot, say = answer["running_pid"], answer["snapshot_position"], language.say
    fields(
        language,
        {
            "home": answer["home"],
            "site": answer["site"],
            "running": say("no") if pid is None else say("yes, as process {pid}", pid=pid),
            "log's time": answer["log_time"],
            "signals": say(
                "{signals:,} in the log: {decided:,} decided, {lag:,} waiting; "
                "{history_signals:,} in history",
                **answer,
            ),
            "events": say("{events:,} in the log; {history_events:,} in history", **answer),
            "state kept": say("never") if snapshot is None else say("at signal {at:,}", at=snapshot),
            "in quarantine": answer["quarantined"],
            "sizes": say("log {log}, history {history}, all {all}", **_sizes(answer["bytes"])),
        },
    )


def _sizes(files: dict[str, int]) -> dict[str, str]:
    log = sum(count for name, count in files.items() if name.startswith("log.sqlite"))
    sizes = {"log": log, "history": files.get("history", 0), "all": sum(files.values())}
    return {name: _size(count) for name, count in sizes.items()}


def _size(count: float) -> str:
    """Return a number of bytes for people.

    >>> _size(999), _size(1_500), _size(2_345_678_901)
    ('999 B', '1.5 kB', '2.3 GB')
    """
    units = iter(("B", "kB", "MB", "GB"))
    unit = next(units)
    while count >= 999.95:
        count, unit = count / 1_000, next(units, "TB")
    return f"{count:.0f} {unit}" if unit == "B" else f"{count:,.1f} {unit}"
