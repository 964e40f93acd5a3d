"""The command that brings a site's documents into Kafka."""

from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.commands.asking import settings_of, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO

if TYPE_CHECKING:
    from infra.language import Language

_FILES: Final = {"site": "site.yaml", "policy": "policy.yaml", "directory": "directory.csv"}


def load(
    wait: Annotated[
        float, typer.Option(min=0, metavar="SECONDS", help="How long to wait until a worker has decided it.")
    ] = 30,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Bring the home's site.yaml, policy.yaml and directory.csv into Kafka; exit code 1 if one is refused.

    Only what is not in force already is written.
    """
    from infra.kafka_loading import documents_of, load_into_kafka
    from infra.settings import Home

    kafka = settings_of(home).kafka.client_settings()
    answer = load_into_kafka(*documents_of(Home(home)), kafka, wait)
    show(answer, as_json, home, _loaded)
    if answer["refused"]:
        raise typer.Exit(NO)


def _loaded(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say

    site, refused = answer["site"], {one["document"]: one["reason"] for one in answer["refused"]}
    for kind in answer["loaded"]:
        told = {"site": site, "file": _FILES[kind]}
        if kind in refused:
            say(language.say("{site}: {file} is refused: {reason}", **told, reason=refused[kind]), "bold red")
        elif answer["decided"]:
            say(language.say("{site}: {file} is in force", **told), "green")
        else:
            say(language.say("{site}: {file} is written; no worker has decided it yet", **told))
    if not answer["loaded"]:
        say(language.say("{site}: everything is in force already", site=site))
