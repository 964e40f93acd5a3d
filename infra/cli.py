"""The command line. Each family of commands is one module of `infra.commands`."""

import os
import signal
import sys
from collections.abc import Sequence

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
    relay,
    running,
    setup,
    sink,
    topics,
    worker,
)
from infra.compiled_cache import use_compiled_cache
from infra.failure import FAILED, UNREAD, WrongUse, explained
from infra.standard_streams import ERROR, OUTPUT, Unread, flush_output, leave_streams, open_streams
from infra.without_pandas import leave_pandas

app = typer.Typer(
    name="limen",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Who is inside, what is wrong, and what happened.\n\n"
    "Times are ISO 8601; without an offset they are the site's. "
    "Exit codes: 0 done, 1 the answer is no, 2 wrong use, 3 failure.",
)
_HOME, _FEED, _RUN, _ASK = "The home", "Feeding", "Running", "Asking"
_CHECK, _MANY = "The log, and what could not be read", "Many sites, on Kafka"
app.command("init", rich_help_panel=_HOME)(setup.init)
app.command("doctor", rich_help_panel=_HOME)(setup.doctor)
app.command("demo", rich_help_panel=_HOME)(setup.demo)
app.command("demo-kafka", rich_help_panel=_HOME)(setup.demo_kafka)
app.command("import", rich_help_panel=_FEED)(feed.import_files)
app.command("simulate", rich_help_panel=_FEED)(feed.simulate)
app.command("run", rich_help_panel=_RUN)(running.run)
app.command("status", rich_help_panel=_RUN)(running.status)
app.command("occupancy", rich_help_panel=_ASK)(history.occupancy)
app.command("visits", rich_help_panel=_ASK)(history.visits)
app.command("trace", rich_help_panel=_ASK)(history.trace)
app.command("alerts", rich_help_panel=_ASK)(history.alerts)
app.add_typer(cases.app, name="case", rich_help_panel=_ASK)
app.command("place", rich_help_panel=_ASK)(placing.place)
app.command("sql", rich_help_panel=_ASK)(history.sql)
app.command("signals", rich_help_panel=_CHECK)(log.signals)
app.command("events", rich_help_panel=_CHECK)(log.events)
app.command("replay", rich_help_panel=_CHECK)(log.replay)
app.command("verify", rich_help_panel=_CHECK)(log.verify)
app.add_typer(quarantine.app, name="quarantine", rich_help_panel=_CHECK)
app.add_typer(topics.app, name="topics", rich_help_panel=_MANY)
app.command("connect", rich_help_panel=_MANY)(connect.connect)
app.command("load", rich_help_panel=_MANY)(load.load)
app.command("worker", rich_help_panel=_MANY)(worker.worker)
app.command("cross-site", rich_help_panel=_MANY)(cross_site.cross_site)
app.command("relay", rich_help_panel=_MANY)(relay.relay)
app.command("sink", rich_help_panel=_MANY)(sink.sink)
app.command("gateway", rich_help_panel=_MANY)(gateway.gateway)
app.add_typer(sink.history_app, name="history", rich_help_panel=_MANY)


def main() -> None:
    """Run the command line; nobody ever sees a traceback, unless LIMEN_DEBUG asks for it."""
    open_streams()
    try:
        _run()
    except Unread:
        leave_streams(OUTPUT, ERROR)
        sys.exit(UNREAD)


def _run() -> None:
    try:
        _check_text([*sys.argv[1:], os.environ.get("LIMEN_HOME", "")])
        use_compiled_cache()
        leave_pandas()
        signal.signal(signal.SIGINT, _interrupted)
        try:
            app()
        finally:
            flush_output()
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


def _check_text(words: Sequence[str]) -> None:
    """Raise `WrongUse` for bytes that are no text: no file, log or answer of ours could name them."""
    for word in words:
        try:
            word.encode()
        except UnicodeEncodeError:
            shown = os.fsencode(word).decode(errors="backslashreplace")
            raise WrongUse(f"{shown}: this is not UTF-8; give it a name or text that is") from None


class Interrupted(BaseException):
    """Ctrl-C. No `except Exception` on the way may take it for something else."""


def _interrupted(*_: object) -> None:
    raise Interrupted


if __name__ == "__main__":
    main()
