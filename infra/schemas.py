"""JSON schemas of everything that is written down, for editors and for whoever reads the logs.

`python -m infra.schemas DIR` writes them; the repository keeps them in `docs/schema`.
"""

import argparse
import json
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

import msgspec

from domain.commands.case_command import CaseCommand
from domain.directory import Directory
from domain.event import Event
from domain.policy import Policy
from domain.signal import ENVELOPE_TYPE, NEWEST_SCHEMA, Signal
from domain.site import Site
from infra.settings import Settings

_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def _signal_schema() -> dict[str, Any]:
    """Return the schema of a signal on the wire: the CloudEvents envelope around ours."""
    (data,), components = msgspec.json.schema_components([Signal], ref_template="#/$defs/{name}")
    text = {"type": "string"}
    return {
        "$schema": _DIALECT,
        "title": "Signal",
        "description": "A CloudEvents 1.0 envelope in JSON.",
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "type": {"const": ENVELOPE_TYPE},
            "source": {**text, "description": "/{site}/{device}"},
            "id": {**text, "pattern": "^[0-9a-f]{32}$"},
            "dataschema": {"const": NEWEST_SCHEMA},
            "data": data,
            "time": {**text, "format": "date-time"},
            "subject": {**text, "description": "The point"},
        },
        "required": ["specversion", "type", "source", "id", "dataschema", "data"],
        "$defs": components,
    }


def _struct_schema(struct: type[Event | CaseCommand]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **msgspec.json.schema(struct)}


def _document_schema(model: type[Site | Policy | Directory | Settings]) -> dict[str, Any]:
    return {"$schema": _DIALECT, **model.model_json_schema()}


SCHEMAS: Final[Mapping[str, Callable[[], dict[str, Any]]]] = {
    "site": lambda: _document_schema(Site),
    "policy": lambda: _document_schema(Policy),
    "directory": lambda: _document_schema(Directory),
    "limen": lambda: _document_schema(Settings),
    "signal": _signal_schema,
    "event": lambda: _struct_schema(Event),
    "command": lambda: _struct_schema(CaseCommand),
}
"""What makes each schema, by its file's name without `.json`."""


def schema_text(name: str) -> str:
    """Return a schema as it stands in its file."""
    return json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"


def write_schemas(folder: Path, names: Iterable[str] = SCHEMAS) -> None:
    """Write schemas into a folder, made if it is not there; those there are replaced.

    Raises:
        OSError: the folder cannot be written.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / f"{name}.json").write_text(schema_text(name), encoding="utf-8")


def main() -> None:
    """Write all schemas where the command line says."""
    parser = argparse.ArgumentParser(prog="python -m infra.schemas", description="Write the JSON schemas.")
    parser.add_argument("folder", nargs="?", type=Path, default=Path("docs/schema"))
    write_schemas(parser.parse_args().folder)


if __name__ == "__main__":
    main()
