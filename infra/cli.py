"""The command line. Each family of commands is one module of `infra.commands`."""

import os
import signal
import sys

import typer

from infra.commands import (
    cases,
    connect,
    cross_site,
    feed,
    gateway,
    history,
    load,
    log,
    placing,
    quarantine,
    running,
    setup,
    sink,
    topics,
    worker,
)
from infra.compiled_cache import use_compiled_cache
from infra.failure import FAILED, explained

app = typer.Typer(
    name="limen",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Who is inside, what is wrong, and what happened.\n\n"
    "Times are ISO 8601; without an offset they are the site's. "
    "Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 failure.",
)
app.command("init")(setup.init)
app.command("import")(feed.import_files)
app.command("simulate")(feed.simulate)
app.command("run")(running.run)
app.command("connect")(connect.connect)
app.command("load")(load.load)
app.command("worker")(worker.worker)
app.command("cross-site")(cross_site.cross_site)
app.command("gateway")(gateway.gateway)
app.command("status")(running.status)
app.command("occupancy")(history.occupancy)
app.command("visits")(history.visits)
app.command("trace")(history.trace)
app.command("alerts")(history.alerts)
app.add_typer(cases.app, name="case")
app.command("place")(placing.place)
app.command("events")(log.events)
app.command("signals")(log.signals)
app.command("sink")(sink.sink)
app.add_typer(sink.history_app, name="history")
app.command("replay")(log.replay)
app.command("verify")(log.verify)
app.command("sql")(history.sql)
app.add_typer(quarantine.app, name="quarantine")
app.add_typer(topics.app, name="topics")
app.command("doctor")(setup.doctor)
app.command("demo")(setup.demo)
app.command("demo-kafka")(setup.demo_kafka)


def main() -> None:
    """Run the command line; nobody ever sees a traceback, unless LIMEN_DEBUG asks for it."""
    try:
        use_compiled_cache()
        signal.signal(signal.SIGINT, _interrupted)
        app()
    except Interrupted:
        sys.stderr.write(
            "limen: interrupted; what was done so far is kept, the same command goes on from there\n"
        )
        sys.exit(FAILED)
    except Exception as error:
        if os.environ.get("LIMEN_DEBUG"):
            raise
        failure = explained(error)
        sys.stderr.write(f"limen: {failure}\n")
        sys.exit(failure.exit_code)


class Interrupted(BaseException):
    """Ctrl-C. No `except Exception` on the way may take it for something else."""


def _interrupted(*_: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
