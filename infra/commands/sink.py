"""Commands about the history on a server: the process that fills it, and its schema."""

from typing import Annotated

import typer

from infra.commands.options import DEFAULT_HOME, HomeOption

history_app = typer.Typer(no_args_is_help=True, help="The history on a ClickHouse server.")


def sink(home: HomeOption = DEFAULT_HOME) -> None:
    """Copy signals and events from Kafka into ClickHouse. SIGTERM or Ctrl-C finishes what is in hand.

    Of the home only limen.toml is read, if it is there: the tables [kafka] and [clickhouse]. Any number of
    these processes share the partitions.
    """
    import os

    from infra.settings import Home, load_settings
    from infra.sink_process import run_sink

    settings = load_settings(Home.of(home, os.environ), os.environ)
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
