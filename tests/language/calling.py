"""Commands called in a language, and a home to call them for."""

from importlib import resources
from pathlib import Path

from tests.command_line import calling

INFRA = Path(str(resources.files("infra")))


def limen(*arguments: object, language: str = "en", exit_code: int = 0) -> str:
    """Return what a command says in a language."""
    return calling.limen(*arguments, language=language, exit_code=exit_code).stdout


def simulated(folder: Path) -> Path:
    """Make a home with a small simulated day in a folder, and return it."""
    made = folder / "home"
    limen("init", "--template", "campus", "--home", made)
    limen("simulate", "--into", made, "--persons", 30, "--seed", 3)
    return made
