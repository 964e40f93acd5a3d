"""Commands for what people decide about alerts: case acknowledge, assign, note, close, reopen, show."""

from enum import Enum, auto
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from domain.vocabulary import Resolution
from infra.commands.asking import ask, settings_of, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO, WrongUse

if TYPE_CHECKING:
    from infra.language import Language

app = typer.Typer(no_args_is_help=True, help="Say what became of an alert, and see what others said.")

AlertArgument = Annotated[
    str, typer.Argument(metavar="ALERT_ID", help="The alert's id, as in alerts --json.")
]
ByOption = Annotated[str, typer.Option("--by", metavar="WHO", help="Who decides: a name or an id.")]
NoteOption = Annotated[str | None, typer.Option("--note", metavar="TEXT", help="What there is to say.")]
VersionOption = Annotated[
    int | None,
    typer.Option("--if-version", min=0, help="Only if the case still has this version; case show tells it."),
]
CaseOnKafkaOption = Annotated[
    bool,
    typer.Option("--kafka", help="For a site on Kafka: in PostgreSQL; limen relay tells the log."),
]
SendOption = Annotated[
    bool,
    typer.Option("--send", help="With --kafka: order it through Kafka; a relay decides it later."),
]


@app.command("acknowledge")
def acknowledge(
    alert: AlertArgument,
    by: ByOption,
    note: NoteOption = None,
    version: VersionOption = None,
    on_kafka: CaseOnKafkaOption = False,
    send: SendOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say that you have seen an alert and look after it; exit code 1 if that cannot be."""
    _decide(home, as_json, _Way.of(on_kafka, send), "acknowledged", alert, by, version, note=note)


@app.command("assign")
def assign(
    alert: AlertArgument,
    by: ByOption,
    to: Annotated[str, typer.Option("--to", metavar="WHO", help="Who is to look after it.")],
    note: NoteOption = None,
    version: VersionOption = None,
    on_kafka: CaseOnKafkaOption = False,
    send: SendOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say who is to look after an alert; exit code 1 if that cannot be."""
    _decide(home, as_json, _Way.of(on_kafka, send), "assigned", alert, by, version, note=note, assignee=to)


@app.command("note")
def add_note(
    alert: AlertArgument,
    by: ByOption,
    note: Annotated[str, typer.Option("--note", metavar="TEXT", help="What there is to say.")],
    version: VersionOption = None,
    on_kafka: CaseOnKafkaOption = False,
    send: SendOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Write something down about an alert; exit code 1 if that cannot be."""
    _decide(home, as_json, _Way.of(on_kafka, send), "noted", alert, by, version, note=note)


@app.command("close")
def close(
    alert: AlertArgument,
    by: ByOption,
    resolution: Annotated[Resolution, typer.Option(help="What it was.")],
    note: NoteOption = None,
    version: VersionOption = None,
    on_kafka: CaseOnKafkaOption = False,
    send: SendOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say that an alert is done with, and what it was; exit code 1 if that cannot be."""
    _decide(
        home,
        as_json,
        _Way.of(on_kafka, send),
        "closed",
        alert,
        by,
        version,
        note=note,
        resolution=str(resolution),
    )


@app.command("reopen")
def reopen(
    alert: AlertArgument,
    by: ByOption,
    note: NoteOption = None,
    version: VersionOption = None,
    on_kafka: CaseOnKafkaOption = False,
    send: SendOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say that an alert is not done with after all; exit code 1 if that cannot be."""
    _decide(home, as_json, _Way.of(on_kafka, send), "reopened", alert, by, version, note=note)


@app.command("show")
def show_case(
    alert: AlertArgument,
    on_kafka: CaseOnKafkaOption = False,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Show an alert's case: how far it is, and what was decided, by whom and when."""
    way = _Way.KAFKA if on_kafka else _Way.HOME
    show(_asked(home, way, "case_show", alert=alert), as_json, home, partial(_case, way))


class _Way(Enum):
    """How a decision is taken: by the home, in PostgreSQL for a site on Kafka, or by whoever relays."""

    HOME = auto()
    KAFKA = auto()
    SEND = auto()

    @classmethod
    def of(cls, on_kafka: bool, send: bool) -> "_Way":
        if send and not on_kafka:
            raise WrongUse("--send: it goes with --kafka")
        return cls.SEND if send else cls.KAFKA if on_kafka else cls.HOME


def _asked(home: Path, way: _Way, command: str, **arguments: Any) -> Any:
    if way is _Way.HOME:
        return ask(home, command, **arguments)
    from infra import kafka_cases

    settings = settings_of(home)
    return getattr(kafka_cases, command)(settings, **arguments)


def _decide(
    home: Path, as_json: bool, way: _Way, decision: str, alert: str, by: str, version: int | None, **told: Any
) -> None:
    command = "case_send" if way is _Way.SEND else "case_decide"
    answer = _asked(home, way, command, alert=alert, decision=decision, by=by, version=version, **told)
    if way is _Way.SEND:
        show(answer, as_json, home, _sent)
        return
    show(answer, as_json, home, partial(_decided, way))
    if not answer["accepted"]:
        raise typer.Exit(NO)


def _sent(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say

    say(language.say("Sent as {id}; limen relay decides it.", id=answer["id"]))


def _decided(way: _Way, answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say

    if not answer["accepted"]:
        say(language.say("Nothing was decided: {reason}", reason=answer["reason"]), "bold red")
        return
    _case(way, answer, language)


def _case(way: _Way, answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import fields, table

    fields(
        language,
        {
            "alert": answer["alert_id"],
            "case": language.name("case", answer["status"]),
            "resolution": language.name("resolution", answer["resolution"]),
            "acknowledged by": answer["acknowledged_by"],
            "assigned to": answer["assignee"],
            "version": answer["version"],
        },
    )
    table(
        language,
        ("when" if way is _Way.HOME else "when (UTC)", "decision", "by", "detail"),
        (
            (
                taken["decided_at"],
                language.name("decision", taken["decision"]),
                taken["by"],
                _detail(taken, language),
            )
            for taken in answer["decisions"]
        ),
        nothing=language.say("nothing has been decided about it"),
    )


def _detail(taken: dict[str, Any], language: "Language") -> str:
    why = language.name("resolution", taken["resolution"]) if taken["resolution"] else None
    return " · ".join(part for part in (taken["assignee"], why, taken["note"]) if part)
