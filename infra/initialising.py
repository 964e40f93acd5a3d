"""Making a new home from a template."""

import shutil
from contextlib import ExitStack
from importlib import resources
from pathlib import Path
from typing import Any, Final

from infra.credentials import create_key
from infra.directory_file import COLUMNS
from infra.failure import Failure
from infra.schemas import write_schemas
from infra.settings import Home
from streams.no_room import no_room

_KINDS: Final = (".yaml", ".csv", ".toml")
_SETTINGS: Final = """\
# How Limen runs here. Everything has a default; LIMEN_ and a name in capitals overrides it.
# language = "en"                  # or "zh"
# clock_seconds = 1                # how often time passes on an idle site
# snapshot_every_signals = 100000  # fewer: faster starts, more writing
"""


def initialise(root: Path, template: str) -> dict[str, Any]:
    """Make a home in an empty or new folder; return what was made. All of it or nothing.

    Raises:
        Failure: the folder holds something already, or cannot be written.
    """
    home = Home(root)
    with ExitStack() as undo:
        try:
            if not root.exists():
                root.mkdir(parents=True)
                undo.callback(shutil.rmtree, root, ignore_errors=True)
            elif next(root.iterdir(), None) is not None:
                raise Failure(f"{root} is not empty: nothing was changed; name a new folder with --home")
            files = dict(_template_files(template))
            files.setdefault(home.directory.name, (",".join(COLUMNS) + "\n").encode())
            files.setdefault(home.settings.name, _SETTINGS.encode())
            for name, content in files.items():
                undo.callback((root / name).unlink, missing_ok=True)
                (root / name).write_bytes(content)
            undo.callback(shutil.rmtree, root / "schema", ignore_errors=True)
            write_schemas(root / "schema", ("site", "policy", "limen"))
            undo.callback(home.key.unlink, missing_ok=True)
            create_key(home.key)
        except OSError as error:
            remedy = no_room(error) or "make the folder writable"
            raise Failure(
                f"{error.filename or root}: {error.strerror}: nothing was made; "
                f"{remedy}, or name another with --home"
            ) from error
        undo.pop_all()
    return {"home": str(root.absolute()), "template": template, "files": sorted([*files, home.key.name])}


def fresh_folder(root: Path, mark: str) -> None:
    """Make a folder empty but for a file named `mark`, which says that it is ours to empty the next time.

    Raises:
        Failure: it holds something, and no such mark.
    """
    if (root / mark).exists():
        shutil.rmtree(root)
    elif root.exists() and next(root.iterdir(), None) is not None:
        raise Failure(
            f"{root} holds something that is not an earlier demonstration: name another with --home"
        )
    root.mkdir(parents=True, exist_ok=True)
    (root / mark).touch()


def _template_files(template: str) -> list[tuple[str, bytes]]:
    folder = resources.files("infra") / "templates" / template
    return [(file.name, file.read_bytes()) for file in folder.iterdir() if file.name.endswith(_KINDS)]
