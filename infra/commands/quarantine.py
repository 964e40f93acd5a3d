"""Commands for what could not be read: quarantine list, show, retry."""

from enum import StrEnum
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import ask, settings_of, show
from infra.commands.options import (
    DEFAULT_HOME,
    LARGEST,
    HomeOption,
    JsonOption,
    KafkaOption,
    PartitionOption,
)
from infra.failure import WrongUse

if TYPE_CHECKING:
    from pathlib import Path

    from infra.language import Language
    from streams.kafka.settings import KafkaSettings

app = typer.Typer(no_args_is_help=True, help="See what could not be read, and read it again.")


class StatusOption(StrEnum):
    """What has become of an entry."""

    OPEN = "open"
    RETRIED = "retried"


@app.command("list")
def list_entries(
    status: Annotated[StatusOption | None, typer.Option(help="Only entries of this status.")] = None,
    on_kafka: KafkaOption = False,
    partition: PartitionOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List what could not be read, with the reason."""
    if on_kafka:
        from infra.kafka_partitions import chosen_partitions
        from infra.kafka_quarantine import list_quarantined

        kafka = _kafka(home)
        answer = list_quarantined(kafka, chosen_partitions(kafka.partitions, partition), status)
        show(answer, as_json, home, _kafka_entries)
        return
    _only_with_kafka(partition)
    show(ask(home, "quarantine_list", status=status), as_json, home, _entries)


@app.command("show")
def show_entry(
    number: Annotated[int, typer.Argument(help="Its number in the list.", min=0, max=LARGEST)],
    on_kafka: KafkaOption = False,
    partition: Annotated[
        int | None, typer.Option(help="With --kafka, the entry's partition in the list.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show one entry with everything that was read."""
    if on_kafka:
        from infra.kafka_partitions import chosen_partitions
        from infra.kafka_quarantine import show_quarantined

        if partition is None:
            raise WrongUse("--kafka: say --partition as well, each has numbers of its own")
        kafka = _kafka(home)
        chosen_partitions(kafka.partitions, partition)
        show(show_quarantined(kafka, partition, number), as_json, home, _entry)
        return
    _only_with_kafka(partition)
    show(ask(home, "quarantine_show", number=number), as_json, home, _entry)


@app.command("retry")
def retry(
    numbers: Annotated[
        list[int] | None,
        typer.Argument(help="Numbers in the list; none: all that are open.", min=1, max=LARGEST),
    ] = None,
    on_kafka: Annotated[
        bool, typer.Option("--kafka", help="Refused: entries in Kafka cannot be read again.")
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Read entries again, after site.yaml has been corrected.

    Not those in Kafka: a message keeps its place in the log, and what came after it has been decided.
    """
    if on_kafka:
        raise WrongUse(
            "--kafka: a message keeps its place in the log, and what came after it has been decided: correct "
            "it at its source and send it as a new signal; its bytes: 'limen quarantine show --kafka --json'"
        )
    answer = ask(home, "quarantine_retry", progress=True, numbers=numbers or [])
    for source in answer.pop("unknown_sources", ()):
        typer.echo(
            f"limen: the source {source!r} is not in site.yaml any more, so its entries cannot be read: "
            "describe it there again",
            err=True,
        )
    show(answer, as_json, home, _retried)


def _kafka(home: "Path") -> "KafkaSettings":
    return settings_of(home).kafka.client_settings()


def _only_with_kafka(partition: int | None) -> None:
    if partition is not None:
        raise WrongUse("--partition: only with --kafka; a home's own quarantine has no partitions")


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


def _kafka_entries(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import table

    table(
        language,
        ("partition", "number", "source", "offset", "key", "reason", "detail"),
        (
            (
                *(entry[name] for name in ("partition", "number", "source", "offset", "key")),
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
