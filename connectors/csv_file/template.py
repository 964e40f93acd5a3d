"""Templates such as `{floor}-{zone}`: Python format strings over the columns of a row."""

from collections.abc import Callable, Sequence
from operator import itemgetter
from string import Formatter

Filling = Callable[[Sequence[str]], str]


class InvalidTemplate(ValueError):
    """A template that cannot be filled in; the message says why."""


def template_columns(template: str) -> tuple[str, ...]:
    """Return the columns a template names, in its order.

    A column's name stands in the braces as it is, dots and hyphens included.

    Raises:
        InvalidTemplate: braces that do not match, or a nameless field.

    >>> template_columns("{floor}-{prox-id}")
    ('floor', 'prox-id')
    """
    try:
        fields = [field for _, field, _, _ in Formatter().parse(template) if field is not None]
    except ValueError as error:
        raise InvalidTemplate(
            f"{template!r} is no template ({error}); write e.g. {{floor}}-{{zone}}"
        ) from error
    if "" in fields:
        raise InvalidTemplate(f"{template!r} has a field without a name; write a column in the braces")
    return tuple(fields)


def fill(template: str, columns: Sequence[str]) -> Filling:
    """Return the function that fills a template from a row, a sequence of texts in the order of `columns`.

    Raises:
        InvalidTemplate: as `template_columns`; a column that is not there; a format that is not for text.
    """
    for name in template_columns(template):
        if name not in columns:
            raise InvalidTemplate(f"{template!r} names the column {name!r}, which is not there")
    parts = [
        (literal, field, spec, conversion) for literal, field, spec, conversion in Formatter().parse(template)
    ]
    if len(parts) == 1 and parts[0][0] == "" and parts[0][1] and not parts[0][2] and not parts[0][3]:
        return itemgetter(columns.index(parts[0][1]))
    positional = "".join(
        _escape(literal) + ("" if field is None else _field(columns.index(field), spec, conversion))
        for literal, field, spec, conversion in parts
    )
    try:
        sample = positional.format(*("" for _ in columns))
    except (ValueError, IndexError, KeyError) as error:
        raise InvalidTemplate(f"{template!r} cannot be filled in with text: {error}") from error
    if all(field is None for _, field, _, _ in parts):
        return lambda _row: sample
    filled = positional.format
    return lambda row: filled(*row)


def _escape(literal: str) -> str:
    return literal.replace("{", "{{").replace("}", "}}")


def _field(place: int, spec: str | None, conversion: str | None) -> str:
    return "{" + str(place) + (f"!{conversion}" if conversion else "") + (f":{spec}" if spec else "") + "}"
