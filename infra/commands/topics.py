"""Commands for Kafka's topics: topics apply, check."""

from typing import TYPE_CHECKING, Any

import typer

from infra.commands.asking import settings_of, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO

if TYPE_CHECKING:
    from pathlib import Path

    from infra.language import Language
    from streams.kafka.settings import KafkaSettings
    from streams.kafka.topics import Difference

app = typer.Typer(no_args_is_help=True, help="Make Kafka's topics as limen.toml asks.")


@app.command("apply")
def apply(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """Make the topics that are missing, and put right what differs; exit code 1 if something cannot be.

    Nothing is deleted or made smaller, and the number of partitions stays.
    """
    from streams.kafka import topics

    applied = topics.apply(_settings(home))
    answer = {
        "done": [_told(one) for one in applied.done],
        "refused": [_told(one) for one in applied.refused],
    }
    show(answer, as_json, home, _applied)
    if applied.refused:
        raise typer.Exit(NO)


@app.command("check")
def check(home: HomeOption = DEFAULT_HOME, as_json: JsonOption = False) -> None:
    """List everything about the topics that is not as limen.toml asks; exit code 1 if there is anything."""
    from streams.kafka import topics

    differences = topics.check(_settings(home))
    show([_told(one) for one in differences], as_json, home, _checked)
    if differences:
        raise typer.Exit(NO)


def _settings(home: "Path") -> "KafkaSettings":
    return settings_of(home).kafka.client_settings()


def _told(difference: "Difference") -> dict[str, Any]:
    return {
        "topic": difference.topic,
        "what": difference.what,
        "found": difference.found,
        "wanted": difference.wanted,
        "remedy": difference.remedy,
    }


def _applied(answer: dict[str, list[dict[str, Any]]], language: "Language") -> None:
    from infra.rendering import say

    for one in answer["done"]:
        say(language.say("{topic}: {what} is {wanted} now", **one))
    _list(answer["refused"])
    if not answer["done"] and not answer["refused"]:
        say(language.say("all topics are as they should be"))


def _checked(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import say

    _list(answer)
    if not answer:
        say(language.say("all topics are as they should be"))


def _list(differences: list[dict[str, Any]]) -> None:
    from infra.rendering import say
    from streams.kafka.topics import Difference

    for one in differences:
        say(str(Difference(**one)), "bold red" if one["remedy"] else "")
