"""Loads a YAML file into a model so that every error names file, line, field and remedy.

Plain scalars are read as YAML 1.2 reads them: `NO`, `on`, `010`, `07:00` and `2016-05-31` are text, so
that no country becomes false and no hour a number of seconds.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, Final, TypeVar

import yaml
from pydantic import BaseModel, ValidationError

from infra.invalid_settings import Complaint, InvalidSettings, Loc, Problem, complaints, read_text

M = TypeVar("M", bound=BaseModel)
Check = Callable[[Any], Iterable[Complaint]]
"""Looks at a document's plain data, which need not fit its model, for what the model cannot tell."""


_DEEPEST: Final = 50  # our documents have about six levels


class _Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc] # chosen at run time
    yaml_implicit_resolvers: Final[dict[str, list[tuple[str, re.Pattern[str]]]]] = {}


for _tag, _pattern, _first in (
    ("null", r"|~|null|Null|NULL", ["", "~", "n", "N"]),
    ("bool", r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    ("int", r"[-+]?(0|[1-9][0-9]*)", list("-+0123456789")),
    ("float", r"[-+]?([0-9]+\.[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", list("-+.0123456789")),
    ("merge", r"<<", ["<"]),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), _first)


def load(path: Path, model: type[M], check: Check | None = None) -> M:
    """Return the document in a YAML file.

    Raises:
        InvalidSettings: with every problem of the file, in the order of its lines.
    """
    root, data = read_yaml(path)
    found = _duplicate_keys(root)
    document = None
    try:
        document = model.model_validate(data)
    except ValidationError as error:
        found += complaints(error, model)
    seen = [(_line(root, loc), loc, message) for loc, message in found]
    if check is not None:
        seen += [(_line(root, loc), loc, message) for loc, message in check(data)]
    if document is None and len(seen) > 1:
        # What a model finds as a whole has no place; where a check found the same, its place is better.
        seen = [item for item in seen if item[1]] or seen
    if seen or document is None:
        raise InvalidSettings(
            Problem(str(path), line, ".".join(map(str, loc)), message)
            for line, loc, message in sorted(seen, key=_order)
        )
    return document


def problems_at(path: Path, found: Iterable[Complaint]) -> InvalidSettings:
    """Return the error for what was found in a file that has been loaded before."""
    root, _ = read_yaml(path)
    seen = sorted(((_line(root, loc), loc, message) for loc, message in found), key=_order)
    return InvalidSettings(
        Problem(str(path), line, ".".join(map(str, loc)), message) for line, loc, message in seen
    )


def read_yaml(path: Path) -> tuple[yaml.Node, Any]:
    """Return the node tree of a YAML file, whose marks tell lines, and its plain data, a mapping.

    Raises:
        InvalidSettings: it cannot be read, is empty, not UTF-8, no YAML, or no mapping.
    """
    text = read_text(path)
    try:
        if _too_deep(text):
            raise InvalidSettings([Problem(str(path), 1, "", "it is nested too deeply; close its brackets")])
        loader = _Loader(text)
        try:
            root = loader.get_single_node()
            data = None if root is None else loader.construct_document(root)
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line = mark.line + 1 if mark else 1
        what = " ".join(part for part in (error.context, error.problem) if part)
        written = text.splitlines()[line - 1 : line]
        tabbed = any("\t" in part[: len(part) - len(part.lstrip())] for part in written)
        hint = "; indent with spaces, not tabs" if tabbed else ""
        raise InvalidSettings([Problem(str(path), line, "", f"this is no YAML: {what}{hint}")]) from error
    except (yaml.YAMLError, ValueError) as error:
        raise InvalidSettings([Problem(str(path), 1, "", f"this is no YAML: {error}")]) from error
    if root is None or data is None:
        raise InvalidSettings(
            [
                Problem(
                    str(path), 1, "", "the file is empty; `limen init --template gastech` writes an example"
                )
            ]
        )
    if not isinstance(data, dict):
        raise InvalidSettings(
            [
                Problem(
                    str(path), root.start_mark.line + 1, "", "it must be a mapping, lines of `field: value`"
                )
            ]
        )
    return root, data


def _too_deep(text: str) -> bool:
    """Return whether a text is nested beyond reason; found without recursion, which it would break."""
    depth = 0
    for event in yaml.parse(text, _Loader):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                return True
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
    return False


def _duplicate_keys(root: yaml.Node) -> list[Complaint]:
    found: list[Complaint] = []
    done: set[int] = set()

    def look(node: yaml.Node, loc: Loc) -> None:
        if id(node) in done:  # an alias: its anchor has been looked at
            return
        done.add(id(node))
        if isinstance(node, yaml.SequenceNode):
            for place, item in enumerate(node.value):
                look(item, (*loc, place))
        elif isinstance(node, yaml.MappingNode):
            first: dict[str, int] = {}
            for key, value in node.value:
                name = str(key.value)
                line = key.start_mark.line + 1
                if name in first and line != first[name]:
                    found.append(((*loc, name), f"given twice, first in line {first[name]}; remove one"))
                elif name in first:
                    found.append(((*loc, name), "given twice in this line; remove one"))
                first.setdefault(name, line)
                look(value, (*loc, name))

    look(root, ())
    return found


def _line(root: yaml.Node, loc: Loc) -> int:
    """Return the line of a field, or of the innermost thing around it that is there."""
    node, line = root, int(root.start_mark.line) + 1
    for step in loc:
        if isinstance(node, yaml.MappingNode):
            # The last of two equal keys is the one that counts, and the one to complain about.
            match = next(
                ((key, value) for key, value in reversed(node.value) if str(key.value) == str(step)), None
            )
            if match is None:
                break
            line, node = match[0].start_mark.line + 1, match[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(step, int) and step < len(node.value):
            node = node.value[step]
            line = node.start_mark.line + 1
        else:
            break
    return line


def _order(item: tuple[int, Loc, str]) -> int:
    return item[0]
