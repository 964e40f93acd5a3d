"""Commands that ask the history: occupancy, visits, trace, alerts, sql."""

from typing import Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import (
    DEFAULT_HOME,
    FromOption,
    HomeOption,
    JsonOption,
    PersonOption,
    ToOption,
    ZoneOption,
)


def occupancy(
    at: Annotated[str, typer.Option(metavar="TIME", help="When, such as 2016-06-02T10:30.")],
    as_known_at: Annotated[
        str | None,
        typer.Option("--as-known-at", metavar="TIME", help="As it was known then; none: as known now."),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say how many people were in every zone at a time."""
    show(ask(home, "occupancy", at=at, as_known_at=as_known_at), as_json, _occupancy)


def visits(
    person: PersonOption = None,
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List visits: when each began and ended, and the way through the zones."""
    show(ask(home, "visits", person=person, since=since, until=until), as_json, _visits)


def trace(
    purpose: Annotated[
        str, typer.Option(metavar="TEXT", help="Why you look. It is recorded with your name.")
    ],
    person: PersonOption = None,
    credential: Annotated[
        str | None,
        typer.Option(
            "--credential", help="A card as it was read, another credential as format:value, or its hash."
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Follow one person or credential through everything known; the look itself is recorded."""
    import getpass

    from infra.failure import WrongUse

    if (person is None) == (credential is None):
        raise WrongUse("trace: say either --person P or --credential C")
    if not purpose.strip():
        raise WrongUse("trace: --purpose must say why you look")
    answer = ask(
        home, "trace", person=person, credential=credential, purpose=purpose.strip(), user=getpass.getuser()
    )
    show(answer, as_json, _trace)


def alerts(
    rule: Annotated[str | None, typer.Option(help="Only this rule, such as after_hours.")] = None,
    person: PersonOption = None,
    zone: ZoneOption = None,
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List alerts with their evidence."""
    answer = ask(home, "alerts", rule=rule, person=person, zone=zone, since=since, until=until)
    show(answer, as_json, _alerts)


def sql(
    query: Annotated[str, typer.Argument(help='A question in SQL, such as "SELECT count() FROM events".')],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask the history in SQL; it can only be read."""
    show(ask(home, "sql", query=query), as_json, _rows)


def _occupancy(answer: dict[str, Any]) -> None:
    from infra.rendering import bars

    bars(f"At {answer['at']}: {answer['total']} people on site", answer["zones"])


def _visits(answer: list[dict[str, Any]]) -> None:
    from infra.rendering import table

    table(
        ("person", "started", "ended", "basis", "way"),
        (
            (
                visit["person"],
                visit["started_at"],
                visit["ended_at"] or "still here",
                f"{visit['start_basis']} / {visit['end_basis'] or '-'}",
                " → ".join(str(step["zone"]) for step in visit["steps"]),
            )
            for visit in answer
        ),
    )


def _trace(answer: list[dict[str, Any]]) -> None:
    from infra.rendering import table

    names = ("occurred_at", "kind", "topic", "zone", "point", "action", "basis", "position")
    table(names, ([entry.get(name) for name in names] for entry in answer))


def _alerts(answer: list[dict[str, Any]]) -> None:
    from infra.rendering import table

    names = ("occurred_at", "severity", "rule", "person", "zone", "point", "status")
    table(
        (*names, "evidence"),
        ((*(alert[name] for name in names), f"{len(alert['evidence'])} signals") for alert in answer),
    )


def _rows(answer: list[dict[str, Any]]) -> None:
    from infra.rendering import anything

    anything(answer)
