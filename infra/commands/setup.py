"""Commands around a home: init, doctor, demo."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from infra.commands.asking import show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO


class Template(StrEnum):
    """The sites to begin with."""

    GASTECH = "gastech"
    CAMPUS = "campus"


def init(
    template: Annotated[Template, typer.Option(help="The site to begin with.")],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Make a new home from a template."""
    from infra.initialising import initialise

    show(initialise(home, template), as_json, _made)


def doctor(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Check the machine and the home, and say what to do; exit code 1 if something is wrong."""
    from infra.doctor import examine

    findings = examine(home)
    show(findings, as_json, _findings)
    if any(finding["verdict"] == "fail" for finding in findings):
        raise typer.Exit(NO)


def demo(
    home: Annotated[
        Path, typer.Option("--home", metavar="DIR", help="Folder to play in; emptied first.")
    ] = Path("demo-home"),
    recording: Annotated[Path, typer.Option(metavar="FILE", help="The recorded fortnight.")] = Path(
        "examples/gastech/prox.csv"
    ),
) -> None:
    """See a real building's fortnight and a simulated day become occupancy, visits and alerts."""
    from infra.demo import demonstrate

    demonstrate(home, recording)


def _made(answer: dict[str, Any]) -> None:
    typer.echo(f"Made {answer['home']} from the template {answer['template']}:")
    for file in answer["files"]:
        typer.echo(f"  {file}")


def _findings(findings: list[dict[str, str]]) -> None:
    from infra.rendering import verdicts

    verdicts(findings)
