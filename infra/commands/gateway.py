"""The command that serves a home's history over HTTP."""

from typing import Annotated

import typer

from infra.commands.options import DEFAULT_HOME, HomeOption
from infra.failure import WrongUse


def gateway(
    host: Annotated[str, typer.Option(help="Which address to listen at.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0: any free one; the log says which.")] = 8123,
    writer_password: Annotated[
        str | None,
        typer.Option(envvar="LIMEN_GATEWAY_WRITER_PASSWORD", help="Of the user limen, who may write."),
    ] = None,
    reader_password: Annotated[
        str | None,
        typer.Option(envvar="LIMEN_GATEWAY_READER_PASSWORD", help="Of the user dashboard, who may read pub."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
) -> None:
    """Serve the history in ClickHouse's HTTP protocol. SIGTERM or Ctrl-C drains."""
    from infra.gateway_process import run_gateway
    from projections.gateway.server import Users

    if not (writer_password or reader_password):
        raise WrongUse(
            "gateway: nobody could enter; set LIMEN_GATEWAY_WRITER_PASSWORD or LIMEN_GATEWAY_READER_PASSWORD"
        )
    run_gateway(home, host, port, Users(writer_password, reader_password))
