"""Reading `limen.toml` and the environment: once, at the start, and together."""

import re
import tomllib
from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from domain.site import Document
from infra.invalid_settings import Complaint, InvalidSettings, Loc, Problem, complaints, read_text
from infra.settings import Home, Settings

PREFIX: Final = "LIMEN_"
"""Of the variables' names."""


def load_settings(home: Home, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a home: its `limen.toml`, if there is one, and over it the environment.

    Raises:
        InvalidSettings: with every problem of what they say together.
    """
    text = read_text(home.settings) if home.settings.exists() else ""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(match[1]) if match else text.count("\n") + 1  # else it is the end of the document
        raise InvalidSettings([Problem(str(home.settings), line, "", f"this is no TOML: {error}")]) from error
    variables = _variables(Settings, PREFIX, environ)
    try:
        settings = Settings.model_validate(_merged(written, variables))
        found = _contradictions(settings)
    except ValidationError as error:
        found = complaints(error, Settings)
    if found:
        raise InvalidSettings(_problem(home, text, written, variables, complaint) for complaint in found)
    return settings


def _contradictions(settings: Settings) -> list[Complaint]:
    """Return what is wrong between tables.

    The broker aborts the transaction of a worker that stands still, and fences it; if the group still counts
    on it then, its partitions are nobody's until it has been silent twice (see `streams.worker.pump`).
    """
    table = "kafka" if settings.worker.session_seconds is None else "worker"
    session_seconds = settings.worker.session_seconds or settings.kafka.session_seconds
    if session_seconds <= settings.kafka.transaction_seconds:
        return []
    message = (
        f"{session_seconds:g} is more than kafka.transaction_seconds "
        f"({settings.kafka.transaction_seconds:g}): a worker's transaction would be ended while its "
        "partitions are still its own; raise that, or lower this"
    )
    return [((table, "session_seconds"), message)]


def _problem(
    home: Home, text: str, written: dict[str, Any], variables: dict[str, Any], complaint: Complaint
) -> Problem:
    """Return a complaint with the place of what was said last; of a table, the file's where it has it."""
    loc, message = complaint
    said = _at(variables, loc)
    if said is not None and not (isinstance(said, dict) and _at(written, loc) is not None):
        return Problem("environment", None, PREFIX + "_".join(map(str, loc)).upper(), message)
    return Problem(str(home.settings), _line(text, loc), ".".join(map(str, loc)), message)


def _at(document: Any, loc: Loc) -> Any:
    """Return what stands at a place, None where nothing does."""
    for step in loc:
        document = document.get(step) if isinstance(document, dict) else None
    return document


def _variables(model: type[Document], prefix: str, environ: Mapping[str, str]) -> dict[str, Any]:
    """Return what the environment says, in the form of the model's document."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        variable, table = prefix + name.upper(), field.annotation
        if isinstance(table, type) and issubclass(table, Document):
            if inner := _variables(table, f"{variable}_", environ):
                found[name] = inner
        elif variable in environ:
            found[name] = environ[variable]
    return found


def _merged(under: Any, over: Any) -> Any:
    """Return a document with another's fields over its own; what should be a table and is none stays."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return under if isinstance(over, dict) else over
    return under | {name: _merged(under[name], it) if name in under else it for name, it in over.items()}


def _line(text: str, loc: Loc) -> int:
    """Return the line on which a field of a TOML text is named, or what is around it."""
    lines, line = text.splitlines(), 0
    for step in loc[:2]:
        named = re.compile(rf"""^\s*\[*\s*["']?{re.escape(str(step))}["']?\s*[=.\]]""")
        line = next((at for at in range(line, len(lines)) if named.match(lines[at])), line)
    return line + 1
