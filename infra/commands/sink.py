"""Commands about the history on a server: the process that fills it, its schema, and who may read it."""

from typing import Annotated

import typer

from infra.commands.asking import settings_of
from infra.commands.options import DEFAULT_HOME, HomeOption
from infra.failure import WrongUse

history_app = typer.Typer(no_args_is_help=True, help="The history on a ClickHouse server.")


def sink(home: HomeOption = DEFAULT_HOME) -> None:
    """Copy signals and events from Kafka into ClickHouse. SIGTERM or Ctrl-C finishes what is in hand.

    Of the home only limen.toml is read, if it is there: the tables [kafka] and [clickhouse]. Any number of
    these processes share the partitions.
    """
    from infra.sink_process import run_sink

    settings = settings_of(home)
    run_sink(settings, settings.kafka.client_settings())


@history_app.command("ddl")
def ddl(
    cluster: Annotated[
        str | None, typer.Option(metavar="NAME", help="For the cluster of this name; none: one server.")
    ] = None,
) -> None:
    """Print the history's schema in SQL, as the sink creates it."""
    from projections.schema import ddl as schema

    typer.echo(schema(cluster), nl=False)


@history_app.command("reader")
def reader(
    password: Annotated[
        str | None,
        typer.Option(envvar="LIMEN_CLICKHOUSE_READER_PASSWORD", help="Of the user dashboard."),
    ] = None,
    only_print: Annotated[
        bool, typer.Option("--print", help="Print the SQL, for somebody who may make users.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Make the user dashboard on the ClickHouse server, who may read the views of pub and nothing else.

    If it is there, its rights, bounds and password are renewed.
    """
    from projections.client import History
    from projections.reader import make_reader, reader_sql

    server = settings_of(home).clickhouse
    if only_print:
        typer.echo("\n".join(f"{statement.rstrip()};" for statement in reader_sql(server.cluster)))
        return
    if not password:
        raise WrongUse(
            "history reader: set LIMEN_CLICKHOUSE_READER_PASSWORD, the password of its user dashboard"
        )
    with History(server.address, server.cluster) as history:
        make_reader(history, password)
