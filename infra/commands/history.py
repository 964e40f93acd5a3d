"""Commands that ask the history: occupancy, visits, trace, alerts, sql."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

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
from infra.failure import WrongUse

if TYPE_CHECKING:
    from rich.text import Text

    from infra.language import Language


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
    answer = ask(home, "occupancy", at=at, as_known_at=as_known_at)
    end = answer.pop("log_end", None)
    show(answer, as_json, home, lambda answer, language: _occupancy(answer, end, language))


def visits(
    person: PersonOption = None,
    since: FromOption = None,
    until: ToOption = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """List visits: when each began and ended, and the way through the zones."""
    show(ask(home, "visits", person=person, since=since, until=until), as_json, home, _visits)


def trace(
    purpose: Annotated[
        str, typer.Option(metavar="TEXT", help="Why you look. It is recorded with your name.")
    ],
    person: Annotated[
        str | None, typer.Option("--person", help="Whom to follow; say either this or --credential.")
    ] = None,
    credential: Annotated[
        str | None,
        typer.Option(
            "--credential",
            help="What to follow instead: a card as it was read, another credential as format:value, "
            "or its hash.",
        ),
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Follow one person or credential through everything known; the look itself is recorded."""
    from infra.user import user_name

    if (person is None) == (credential is None):
        raise WrongUse("trace: say either --person P or --credential C")
    if not purpose.strip():
        raise WrongUse("trace: --purpose must say why you look")
    answer = ask(
        home, "trace", person=person, credential=credential, purpose=purpose.strip(), user=user_name()
    )
    show(answer, as_json, home, _trace)


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
    show(answer, as_json, home, _alerts)


def sql(
    query: Annotated[str, typer.Argument(help='A question in SQL, such as "SELECT count() FROM events".')],
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Ask the history in SQL; it can only be read."""
    show(ask(home, "sql", query=query), as_json, home, _rows)


def _occupancy(answer: dict[str, Any], end: str | None, language: "Language") -> None:
    from infra.rendering import bars, say

    when = language.moment(answer["at"])
    bars(
        language, language.say("{when}: {n:,} people on site", when=when, n=answer["total"]), answer["zones"]
    )
    if end is not None:
        told = end[:16].replace("T", " ")
        say(language.say("the log ends at {end}: what came later is not in it", end=told), "yellow")


def _visits(answer: list[dict[str, Any]], language: "Language") -> None:
    from rich.text import Text

    from infra.rendering import is_wide, person, table

    wide = is_wide()
    table(
        language,
        ("person", "started", "ended", *(("basis",) if wide else ()), "way"),
        (
            (
                person(visit["person"]),
                visit["started_at"],
                visit["ended_at"] or language.say("still here"),
                *((_bases(visit, language),) if wide else ()),
                Text(" → ".join(str(step["zone"]) for step in visit["steps"])),  # whole, however long
            )
            for visit in answer
        ),
        nothing=language.say("no visits: is the person spelt as in directory.csv, and the span right?"),
        last_below=True,
    )
    _legend((step["zone"], language.zone(step["zone"])) for visit in answer for step in visit["steps"])


def _bases(visit: dict[str, Any], language: "Language") -> str:
    """Return what the beginning of a visit rests on, and its end."""
    return " / ".join(language.name("basis", visit[f"{end}_basis"]) for end in ("start", "end"))


def _legend(places: Iterable[tuple[str, str]]) -> None:
    """Say what people call these places, each given by its id and its name."""
    from infra.rendering import say

    named = [f"{place} {name}" for place, name in sorted(set(places)) if name]
    if named:
        say(" · ".join(named), "dim")


def _trace(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import is_wide, table

    wide = is_wide()
    table(
        language,
        ("when", "what", "where", *(("name",) if wide else ()), "basis", "signal"),
        (
            (
                entry["occurred_at"],
                _told(entry, language),
                *_where(entry, language)[: 2 if wide else 1],
                language.name("basis", entry["basis"] if entry.get("basis", "none") != "none" else None),
                entry["position"],
            )
            for entry in answer
        ),
        nothing=language.say("nothing is known of this person or credential"),
    )
    if not wide:  # beside the ids there is no room for names
        _legend(_where(entry, language) for entry in answer)


def _where(entry: dict[str, Any], language: "Language") -> tuple[str, str]:
    """Return the id and the name of a place."""
    return language.place(entry.get("zone"), entry.get("point"))


def _told(entry: dict[str, Any], language: "Language") -> "Text":
    """Return what a signal said, dim, or what the event says."""
    from rich.text import Text

    from infra.rendering import severity

    if entry["kind"] == "signal":
        category, action = (
            language.name("category", entry["category"]),
            language.name("action", entry["action"]),
        )
        return Text(f"{category}: {action}", "dim")
    rule = f" {language.name('rule', entry['rule'])}" if "rule" in entry else ""
    return severity(language, entry.get("severity", "none"), language.name("topic", entry["topic"]) + rule)


def _alerts(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import is_wide, person, say, severity, table

    wide, decided = is_wide(), any(alert["case"] for alert in answer)
    found: list[tuple[Any, ...]] = []
    for alert in answer:
        urgency = alert["severity"]
        rule = severity(language, urgency, language.name("rule", alert["rule"]))
        who, where = person(alert["person"]), _where(alert, language)
        case = (_case(alert["case"], language),) if decided else ()
        if wide:
            status, count = language.name("status", alert["status"]), len(alert["evidence"])
            found.append(
                (alert["occurred_at"], severity(language, urgency), rule, who, *where, status, *case, count)
            )
        else:
            found.append((alert["occurred_at"][:16].replace("T", " "), rule, who, " ".join(where), *case))
    cases = ["case"] if decided else []
    names = ["when", "rule", "person", "place", *cases]
    if wide:
        names = ["when", "severity", "rule", "person", "where", "name", "status", *cases, "signals"]
    table(language, names, found, nothing=language.say("no alerts"))
    if found:
        rest = (
            language.say("{n:,} alerts; --json has the ids of the signals they rest on", n=len(found))
            if wide
            else language.say(
                "{n:,} alerts; a wider terminal shows severity and status, --json everything", n=len(found)
            )
        )
        say(rest, "dim")


def _case(case: dict[str, Any] | None, language: "Language") -> str:
    """Return how far people are with an alert, and who decided last."""
    return f"{language.name('case', case['status'])} ({case['by']})" if case else "-"


def _rows(answer: list[dict[str, Any]], language: "Language") -> None:
    from infra.rendering import anything

    anything(answer, language)
