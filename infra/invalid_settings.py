"""The error for everything a person writes wrong in a home: file, line, field and remedy, all at once."""

import difflib
import types
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

Loc = tuple[str | int, ...]
"""The way to a field, such as ("zones", 3, "parent")."""
Complaint = tuple[Loc, str]
"""What is wrong with a field, and what to do."""

SHOWN: Final = 50
"""A file with more problems than this has one cause; the rest would only hide it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. `line` counts from 1, None where there are none; `field` may be empty."""

    file: str
    line: int | None
    field: str
    message: str

    def __str__(self) -> str:
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        return f"{place}: {self.field}: {self.message}" if self.field else f"{place}: {self.message}"


class InvalidSettings(Exception):
    """Files or variables that cannot be used as they are; the message has a line for each problem."""

    def __init__(self, problems: Iterable[Problem]):
        self.problems = tuple(problems)
        lines = [str(problem) for problem in self.problems[:SHOWN]]
        if len(self.problems) > SHOWN:
            lines.append(f"and {len(self.problems) - SHOWN} more")
        super().__init__("\n".join(lines))


def read_text(path: Path) -> str:
    """Return the text of a file in UTF-8, a byte-order mark at its start left out.

    Raises:
        InvalidSettings: it is not there, cannot be read, or is not UTF-8.
    """
    try:
        raw = path.read_bytes()
    except FileNotFoundError as error:
        raise InvalidSettings(
            [
                Problem(
                    str(path), None, "", "there is no such file; `limen init` makes a home with all of them"
                )
            ]
        ) from error
    except OSError as error:
        raise InvalidSettings(
            [Problem(str(path), None, "", f"it cannot be read ({error.strerror}); check its permissions")]
        ) from error
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        utf16 = raw.startswith((b"\xff\xfe", b"\xfe\xff"))
        what = "it is UTF-16" if utf16 else f"byte 0x{raw[error.start]:02x} is not UTF-8"
        raise InvalidSettings([Problem(str(path), line, "", f"{what}; save the file as UTF-8")]) from error


def complaints(error: ValidationError, model: type[BaseModel]) -> list[Complaint]:
    """Return what pydantic found in a document, in words that say what to do."""
    return [(_clean(item["loc"]), _message(item, model)) for item in error.errors()]


def _clean(loc: Loc) -> Loc:
    return tuple(step for step in loc if step != "[key]")


def _message(item: Any, model: type[BaseModel]) -> str:
    kind, loc, given = item["type"], item["loc"], item["input"]
    if kind == "missing":
        return "it is missing; add it"
    if kind == "extra_forbidden":
        around = _model_at(model, loc[:-1])
        known = list(around.model_fields) if around else []
        close = difflib.get_close_matches(str(loc[-1]), known, 1)
        if close:
            return f"there is no such field; did you mean {close[0]!r}?"
        return (
            f"there is no such field here; there are {', '.join(known)}"
            if known
            else "there is no such field"
        )
    if kind == "string_type" and isinstance(given, (bool, int, float)):
        return f"it must be text; write it in quotes: '{given}'"
    if kind == "string_pattern_mismatch":
        return f"{given!r} is no id; write one without spaces, colons and slashes"
    message = str(item["msg"]).removeprefix("Value error, ")
    shown = repr(given)
    if kind == "value_error" or len(shown) > 60:
        return message
    return f"{message}; it is {shown}"


def _model_at(model: type[BaseModel], loc: Loc) -> type[BaseModel] | None:
    """Return the model that stands at a place in a document, if one does."""
    here: type[BaseModel] | None = model
    annotation: Any = model
    for step in loc:
        if here is not None:
            if step not in here.model_fields:
                return None
            annotation = here.model_fields[str(step)].annotation
        else:
            arguments = [argument for argument in get_args(annotation) if argument is not Ellipsis]
            if not arguments:
                return None
            annotation = arguments[-1]  # of a mapping its values, of a sequence its items
        annotation = next(iter(_unwrapped(annotation)), annotation)
        here = annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None
    return here


def _unwrapped(annotation: Any) -> Iterator[Any]:
    """Yield the alternatives of `X | None`, None left out."""
    if get_origin(annotation) in (Union, types.UnionType):
        yield from (argument for argument in get_args(annotation) if argument is not type(None))
