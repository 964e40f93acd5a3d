"""The command that places somebody by hand: place."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from infra.commands.asking import ask, show
from infra.commands.options import DEFAULT_HOME, HomeOption, JsonOption
from infra.failure import NO, WrongUse

if TYPE_CHECKING:
    from infra.language import Language


def place(
    person: Annotated[str, typer.Option(help="Whom: their id.")],
    zone: Annotated[str, typer.Option(help="Where they are: a zone, or 'outside'.")],
    purpose: Annotated[str, typer.Option(metavar="TEXT", help="Why. It is recorded with your name.")],
    at: Annotated[
        str | None, typer.Option(metavar="TIME", help="Since when; none: the newest time of the log.")
    ] = None,
    home: HomeOption = DEFAULT_HOME,
    as_json: JsonOption = False,
) -> None:
    """Say where somebody is, by hand; exit code 1 if that cannot be."""
    from infra.user import user_name

    if not purpose.strip():
        raise WrongUse("place: --purpose must say why")
    answer = ask(home, "place", person=person, zone=zone, purpose=purpose.strip(), at=at, user=user_name())
    show(answer, as_json, home, _placed)
    if not answer["accepted"]:
        raise typer.Exit(NO)


def _placed(answer: dict[str, Any], language: "Language") -> None:
    from infra.rendering import say

    person, zone, when = answer["person"], answer["zone"], answer["occurred_at"]
    if not answer["accepted"]:
        say(
            language.say("{person} was not placed: {reason}", person=person, reason=answer["reason"]),
            "bold red",
        )
        return
    where = f"{zone} {language.zone(zone)}".strip() if zone else language.say("off the site")
    say(
        language.say(
            "{person}: {where}, since {when}", person=person, where=where, when=language.moment(when)
        )
    )
