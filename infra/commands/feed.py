"""Commands that feed the log: import and simulate."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import WrongUse

if TYPE_CHECKING:
    from infra.language import Language


def import_files(
    files: Annotated[list[Path], typer.Argument(help="Files to read, in this order.", metavar="FILE")],
    source: Annotated[
        str,
        typer.Option(
            help="How to read them: a name under 'sources' in site.yaml, or 'signals' for JSON lines."
        ),
    ],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Import recorded readings; what is imported twice is counted and changes nothing."""
    paths = [str(file.absolute()) for file in files]
    show(ask(home, "import", progress=True, files=paths, source=source), as_json, home, _fed_to(home))
    _warn_unended(files)


def simulate(
    persons: Annotated[int, typer.Option(min=1, help="How many people work there.")] = 300,
    days: Annotated[int, typer.Option(min=1, help="How many days to play.")] = 1,
    sites: Annotated[
        int, typer.Option(min=1, help="How many sites; above 1 the file begins with their documents.")
    ] = 1,
    seed: Annotated[int, typer.Option(min=0, help="The same seed plays the same days.")] = 1,
    start: Annotated[
        str | None, typer.Option(metavar="DATE", help="First day; none: a Monday in spring 2026.")
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write the signals to this file, as JSON lines; say either this or --into."),
    ] = None,
    into: Annotated[Path | None, typer.Option(metavar="HOME", help="Feed them to this home instead.")] = None,
    truth: Annotated[
        Path | None, typer.Option(help="Write where everybody really was, and what was planted.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Play days at a site: commuters, lunch, visitors, and everything that goes wrong at doors.

    With --out the site and policy are those of the home, or a campus if there is none.
    """
    if (out is None) == (into is None):
        raise WrongUse("simulate: say either --out FILE or --into HOME")
    if into is not None and sites > 1:
        raise WrongUse("simulate: a home is one site; write a city with --out FILE")
    _check_truth(truth, out)
    what: dict[str, Any] = {
        "persons": persons,
        "days": days,
        "seed": seed,
        "start": start,
        "truth": None if truth is None else str(truth.absolute()),
    }
    if into is not None:
        show(ask(into, "simulate", progress=True, **what), as_json, into, _fed_to(into))
    elif out is not None:
        from infra.simulating import simulate_city_to_file, simulate_to_file

        if sites > 1:
            show(simulate_city_to_file(home, out, sites=sites, **what), as_json, home, _written)
            return
        show(simulate_to_file(home, out, **what), as_json, home, _written)


def _check_truth(truth: Path | None, out: Path | None) -> None:
    """Say before anything is fed that the truth could not be written afterwards."""
    if truth is None:
        return
    if truth.is_dir() or not truth.absolute().parent.is_dir():
        raise WrongUse(
            f"--truth: {truth} is a folder, or its folder is not there; name a file in one that is"
        )
    if out is None:
        return
    from infra.directory_file import directory_beside

    if truth.resolve() in (out.resolve(), directory_beside(out).resolve()):
        raise WrongUse("--truth, --out: both are the same file; name another")


def _warn_unended(files: list[Path]) -> None:
    """Tell of files whose last line has no end; its row was taken, if it had all its columns."""
    for path in files:
        with path.open("rb") as file:
            if file.seek(0, 2) and file.seek(-1, 2) >= 0 and file.read(1) not in b"\r\n":
                typer.echo(f"limen: {path}: its last line has no end; is the file whole?", err=True)


def _fed_to(home: Path) -> "Callable[[dict[str, int], Language], None]":
    """Return what shows what was fed to this home."""

    def fed(answer: dict[str, int], language: "Language") -> None:
        import shlex

        from infra.rendering import say

        say(
            language.say(
                "{read:,} read: {accepted:,} accepted ({late:,} of them late), {duplicates:,} duplicates, "
                "{quarantined:,} in quarantine",
                **answer,
            )
        )
        if answer["quarantined"]:
            command = f"limen quarantine list --home {shlex.quote(str(home))}"
            say("  " + language.say("see why: {command}", command=command), "dim")

    return fed


def _written(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say

    say(language.say("{signals:,} signals of {persons:,} people in {file}", **answer))
    if "directory" in answer:
        say(
            language.say(
                "the people are in {directory}: make it the home's directory.csv before you import them",
                directory=answer["directory"],
            ),
            "dim",
        )
