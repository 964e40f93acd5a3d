"""Commands for what could not be read: quarantine list, show, retry."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption

app = typer.Typer(no_args_is_help=True, help="See what could not be read, and read it again.")


class StatusOption(StrEnum):
    """What has become of an entry."""

    OPEN = "open"
    RETRIED = "retried"


@app.command("list")
def list_entries(
    status: Annotated[StatusOption | None, typer.Option(help="Only entries of this status.")] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List what could not be read, with the reason."""
    show(ask(home, "quarantine_list", status=status), as_json, _entries)


@app.command("show")
def show_entry(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=1)],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show one entry with everything that was read."""
    from infra.rendering import anything

    show(ask(home, "quarantine_show", number=number), as_json, anything)


@app.command("retry")
def retry(
    numbers: Annotated[
        list[int] | None, typer.Argument(help="Numbers in the list; none: all that are open.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read entries again, after site.yaml has been corrected."""
    answer = ask(home, "quarantine_retry", progress=True, numbers=numbers or [])
    show(answer, as_json, _retried)


def _entries(answer: list[dict[str, Any]]) -> None:
    from infra.rendering import table

    names = ("number", "status", "source", "file", "line", "reason", "detail")
    table(names, ([entry[name] for name in names] for entry in answer))


def _retried(answer: dict[str, int]) -> None:
    typer.echo(
        f"{answer['read']} read again: {answer['accepted']} accepted, {answer['duplicates']} duplicates, "
        f"{answer['quarantined']} still unreadable"
    )
