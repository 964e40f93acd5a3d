"""Asking: a command's answer, from this process or from the one that owns the home."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import typer

from infra.standard_streams import is_utf8

if TYPE_CHECKING:
    from infra.language import Language
    from infra.settings import Settings

WAIT_SECONDS: Final = 3.0
"""How long a command waits for another short one to be done with the home."""


def settings_of(home: Path) -> "Settings":
    """Return the settings in the limen.toml of a folder, if one is there, and in the environment.

    Raises:
        InvalidSettings: with every problem of both.
    """
    import os

    from infra.settings import Home
    from infra.settings_file import load_settings

    return load_settings(Home(home), os.environ)


def ask(home: Path, command: str, progress: bool = False, **arguments: Any) -> Any:
    """Return the JSON-able answer to a command.

    Args:
        home: folder of the site.
        command: a name in `infra.answers.registry`.
        progress: whether to show how far it has come.
        arguments: of the answering function, JSON-able.

    Raises:
        Failure: it could not be answered; the message says why and what to do.
    """
    from infra.answers.registry import answer
    from infra.control_socket import Unanswered, request
    from infra.home import OpenHome
    from infra.lock import InUse
    from infra.progress import shown

    with shown(progress) as report:
        until = time.monotonic() + WAIT_SECONDS
        while True:
            try:
                with OpenHome(home, WAIT_SECONDS) as opened:
                    opened.progress = report
                    return answer(opened, command, arguments)
            except InUse as in_use:
                if in_use.owner.socket is None or time.monotonic() > until:
                    raise
                try:
                    return request(in_use.owner.socket, command, arguments, report)
                except Unanswered:  # it is just starting, or just ending
                    time.sleep(0.1)


def show(answer: Any, as_json: bool, home: Path, table: "Callable[[Any, Language], None]") -> None:
    """Print an answer as JSON, or as the table a person reads, in the home's language."""
    if as_json:
        show_json(answer)
        return
    from infra.invalid_settings import InvalidSettings
    from infra.language import Language

    try:
        language = Language.of(home)
    except InvalidSettings as error:
        typer.echo(f"limen: {error}\nlimen: the answer is shown in English", err=True)
        language = Language()
    table(answer, language)


def show_json(answer: Any) -> None:
    """Print an answer as indented JSON, in ASCII where the output does not take every character."""
    import json

    typer.echo(json.dumps(answer, ensure_ascii=not is_utf8(), indent=2))
