"""Commands called in a language, and a home to call them for."""

import os
from importlib import resources
from pathlib import Path

from tests.command_line.forking import run_command

INFRA = Path(str(resources.files("infra")))


def limen(*arguments: object, language: str = "en", exit_code: int = 0) -> str:
    """Return what a command says in a language."""
    done = run_command(arguments, {**os.environ, "LIMEN_LANGUAGE": language}, Path.cwd())
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    return done.stdout


def simulated(folder: Path) -> Path:
    """Make a home with a small simulated day in a folder, and return it."""
    made = folder / "home"
    limen("init", "--template", "campus", "--home", made)
    limen("simulate", "--into", made, "--persons", 30, "--seed", 3)
    return made
