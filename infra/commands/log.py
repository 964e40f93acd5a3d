"""Commands that read and check the log: signals, events, replay, verify."""

import sys
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from infra.commands.asking import ask, settings_of, show
from infra.commands.options import (
    DEFAULT_HOME,
    HomeOption,
    JsonOption,
    KafkaOption,
    LimitOption,
    OffsetOption,
    PartitionOption,
)
from infra.failure import NO, WrongUse
from infra.standard_streams import is_utf8

if TYPE_CHECKING:
    from pathlib import Path

    from infra.language import Language

_NO_PARTITIONS: Final = "--partition: only with --kafka; a home's own log has one partition"


def signals(
    category: Annotated[str | None, typer.Option(help="Only this category, such as door.")] = None,
    from_offset: OffsetOption = 0,
    limit: LimitOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,  # noqa: ARG001 - JSON is all there is
) -> None:
    """Print signals as JSON lines, in log order."""
    _print_pages("signals", from_offset, limit, home=home, category=category)


def events(
    topic: Annotated[str | None, typer.Option(help="Only this topic, such as zone.entered.")] = None,
    from_offset: OffsetOption = 0,
    limit: LimitOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,  # noqa: ARG001 - JSON is all there is
) -> None:
    """Print events as JSON lines, in log order."""
    _print_pages("events", from_offset, limit, home=home, topic=topic)


def replay(
    to: Annotated[
        str | None, typer.Option(metavar="TIME", help="Only what was known at this time; none: everything.")
    ] = None,
    on_kafka: KafkaOption = False,
    partition: PartitionOption = None,
    from_history: Annotated[
        bool,
        typer.Option(
            "--history", help="The history's signals, fast: the state is compared, not every event."
        ),
    ] = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Decide the whole log again from nothing, and compare; exit code 1 if anything differs."""
    if from_history and (on_kafka or to is not None):
        raise WrongUse("--history: not with --kafka or --to; what is compared is the home's state at its end")
    if on_kafka:
        answer = _replay_kafka(home, to, partition)
    elif partition is not None:
        raise WrongUse(_NO_PARTITIONS)
    else:
        answer = ask(home, "replay", progress=True, to=to, from_history=from_history)
    show(answer, as_json, home, _replay)
    if not answer["identical"]:
        raise typer.Exit(NO)


def _replay_kafka(home: "Path", to: str | None, partition: int | None) -> dict[str, Any]:
    from infra.kafka_replay import limits_of, replay_kafka
    from infra.progress import shown

    if to is not None:
        raise WrongUse("--to: not with --kafka, whose partitions are always decided to their end")
    settings = settings_of(home)
    kafka = settings.kafka.client_settings()
    with shown(True) as progress:
        return replay_kafka(kafka, limits_of(settings, kafka), partition, progress=progress)


def verify(
    on_kafka: KafkaOption = False,
    partition: PartitionOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Compare the history with the log; exit code 1 if anything is missing, extra or out of order."""
    if on_kafka:
        answer = _verify_kafka(home, partition)
    elif partition is not None:
        raise WrongUse(_NO_PARTITIONS)
    else:
        answer = ask(home, "verify")
    show(answer, as_json, home, _verify)
    if not answer["ok"]:
        raise typer.Exit(NO)


def _verify_kafka(home: "Path", partition: int | None) -> dict[str, Any]:
    from infra.kafka_verifying import verify_kafka
    from infra.progress import shown
    from projections.client import open_history
    from streams.kafka.log import KafkaLog

    settings = settings_of(home)
    server, kafka = settings.clickhouse, settings.kafka.client_settings()
    with (
        open_history(server.address, server.cluster) as history,
        KafkaLog(kafka) as log,
        shown(True) as progress,
    ):
        return verify_kafka(history, log, kafka.partitions, partition, progress=progress)


def _print_pages(command: str, from_offset: int, limit: int | None, **arguments: Any) -> None:
    import json

    as_ascii = not is_utf8()
    offset: int | None = from_offset
    while offset is not None:
        page = ask(command=command, from_offset=offset, limit=limit, **arguments)
        lines = (json.dumps(item, ensure_ascii=as_ascii, separators=(",", ":")) for item in page["items"])
        sys.stdout.writelines(f"{line}\n" for line in lines)
        limit = None if limit is None else limit - len(page["items"])
        offset = page["next_offset"]


def _verify(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say, table

    names = ("missing", "extra", "differing", "double")
    parts = {name: answer[name] for name in ("signals", "events")} | answer["derived"]
    table(
        language,
        ("part", *names),
        (
            (language.name("part", part), *(figures.get(name) for name in names))
            for part, figures in parts.items()
        ),
    )
    if any(answer.get("behind", {}).values()):
        say(language.say("{signals:,} signals and {events:,} events are on their way", **answer["behind"]))
    if answer["ok"]:
        say(language.say("The history holds what the log holds."), "green")
    else:
        say(language.say("THE HISTORY DIFFERS FROM THE LOG."), "bold red")


def _replay(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import fields, say

    same = answer["identical"]
    verdict = language.say("identical") if same else language.say("DIFFERENT")
    line = language.say(
        "{signals:,} signals decided again: {events:,} events, {verdict}", **answer, verdict=verdict
    )
    say(line, "green" if same else "bold red")
    if answer["first_difference"]:
        fields(language, answer["first_difference"])
