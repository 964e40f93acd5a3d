"""Commands called in a language, and a home to call them for."""

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

INFRA = Path(str(resources.files("infra")))


def limen(*arguments: object, language: str = "en", exit_code: int = 0) -> str:
    """Return what a command says in a language."""
    environment = {**os.environ, "LIMEN_LANGUAGE": language, "PYTHONPATH": str(INFRA.parent)}
    command = [sys.executable, "-m", "infra.cli", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == exit_code, (done.stdout, done.stderr)
    return done.stdout


def simulated(folder: Path) -> Path:
    """Make a home with a small simulated day in a folder, and return it."""
    made = folder / "home"
    limen("init", "--template", "campus", "--home", made)
    limen("simulate", "--into", made, "--persons", 30, "--seed", 3)
    return made
