"""Commands around a home: init, doctor, demo."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO

if TYPE_CHECKING:
    from infra.doctor import Finding
    from infra.language import Language


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

    answer = initialise(home, template)
    show(answer, as_json, home, lambda made, language: _made(made, language, home))


def doctor(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Check the machine and the home, and say what to do; exit code 1 if something is wrong."""
    from infra.doctor import examine
    from infra.language import Language

    findings, english = examine(home), Language()
    answer = [finding.told(english) for finding in findings]
    show(answer, as_json, home, lambda _, language: _findings(findings, language))
    if any(finding.verdict == "fail" for finding in findings):
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


def demo_kafka(
    home: Annotated[
        Path, typer.Option("--home", metavar="DIR", help="Folder to play in; emptied first.")
    ] = Path("demo-kafka-home"),
    sites: Annotated[int, typer.Option(min=2, help="How many sites the city has.")] = 50,
    persons: Annotated[int, typer.Option(min=1, help="How many people work at each.")] = 40,
) -> None:
    """See a city of many sites on Kafka, workers, sink and gateway each their own process. Needs Java."""
    from infra.demo_kafka import demonstrate_kafka

    demonstrate_kafka(home, sites, persons)


def _made(answer: dict[str, Any], language: "Language", home: Path) -> None:
    import shlex

    from infra.rendering import say

    say(language.say("made {home} from the template {template}: {files}", **_listed(answer)))
    say(language.say("next: {command}", command=f"limen doctor --home {shlex.quote(str(home))}"), "dim")


def _listed(answer: dict[str, Any]) -> dict[str, str]:
    return {**answer, "files": ", ".join(answer["files"])}


def _findings(findings: list["Finding"], language: "Language") -> None:
    from infra.rendering import verdicts

    verdicts(language, [finding.told(language) for finding in findings])
