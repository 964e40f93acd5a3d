"""Templates of homes: each a folder here with the files a person may then change."""

from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Final

from infra.invalid_settings import InvalidSettings, Problem

FILES: Final = ("site.yaml", "policy.yaml", "directory.csv", "limen.toml")


def names() -> list[str]:
    """Return the names of all templates, sorted."""
    return sorted(entry.name for entry in _root().iterdir() if (entry / "site.yaml").is_file())


def write(name: str, home: Path) -> list[Path]:
    """Write a template's files into a home, and beside them the schemas their first lines name for editors.

    Returns the files written, schemas left out. The folder is made if it is not there.

    Raises:
        InvalidSettings: there is no such template; or one of its files is there already, and nothing is
            written.
        OSError: the folder cannot be written.
    """
    if name not in names():
        message = f"there is no template {name!r}; there are {', '.join(names())}"
        raise InvalidSettings([Problem("--template", None, "", message)])
    offered = [entry for file in FILES if (entry := _root() / name / file).is_file()]
    there = [path for entry in offered if (path := home / entry.name).exists()]
    if there:
        remedy = "it is there already and is not written over; choose another --home, or move it away"
        raise InvalidSettings(Problem(str(path), None, "", remedy) for path in there)
    home.mkdir(parents=True, exist_ok=True)
    written = []
    for entry in offered:
        path = home / entry.name
        path.write_bytes(entry.read_bytes())
        written.append(path)
    from infra.schemas import write_schemas

    write_schemas(home / "schema", ("site", "policy", "limen"))
    return written


def _root() -> Traversable:
    return files(__name__)
