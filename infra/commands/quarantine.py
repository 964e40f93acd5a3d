"""Commands for what could not be read: quarantine list, show, retry."""

from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import DEFAULT_HOME, LARGEST, HomeOption, JsonOption

if TYPE_CHECKING:
    from infra.language import Language

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
    show(ask(home, "quarantine_list", status=status), as_json, home, _entries)


@app.command("show")
def show_entry(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=1, max=LARGEST)],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show one entry with everything that was read."""
    show(ask(home, "quarantine_show", number=number), as_json, home, _entry)


@app.command("retry")
def retry(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers in the list; none: all that are open.", min=1, max=LARGEST),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read entries again, after site.yaml has been corrected."""
    answer = ask(home, "quarantine_retry", progress=True, numbers=numbers or [])
    show(answer, as_json, home, _retried)


def _entry(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import anything

    anything({name: answer[name] for name in answer if name != "raw_base64"}, language)


def _entries(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import table

    table(
        language,
        ("number", "status", "source", "file", "line", "reason", "detail"),
        (
            (
                entry["number"],
                language.name("entry", entry["status"]),
                entry["source"],
                PurePath(entry["file"]).name,
                entry["line"],
                language.name("rejection", entry["reason"]),
                entry["detail"],
            )
            for entry in answer
        ),
        nothing=language.say("nothing is in quarantine"),
    )


def _retried(answer: dict[str, int], language: "Language") -> None:
    from infra.rendering import say

    say(
        language.say(
            "{read:,} read again: {accepted:,} accepted, {duplicates:,} duplicates, "
            "{quarantined:,} still unreadable",
            **answer,
        )
    )
