"""Where a home's files are, and how Limen runs: `limen.toml` and the environment, read once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError

from domain.site import Document
from infra.invalid_settings import InvalidSettings, Problem, complaints, read_text

DEFAULT_HOME: Final = "limen-home"
PREFIX: Final = "LIMEN_"


@dataclass(frozen=True, slots=True)
class Home:
    """The folder that holds everything of one site."""

    root: Path

    @classmethod
    def of(cls, option: Path | None, environ: Mapping[str, str]) -> "Home":
        """Return the home of `--home`, else of LIMEN_HOME, else ./limen-home."""
        return cls(option or Path(environ.get("LIMEN_HOME") or DEFAULT_HOME))

    @property
    def site(self) -> Path:
        """The building: zones, points, devices, sources."""
        return self.root / "site.yaml"

    @property
    def policy(self) -> Path:
        """What the rules ask."""
        return self.root / "policy.yaml"

    @property
    def directory(self) -> Path:
        """The persons, opaque."""
        return self.root / "directory.csv"

    @property
    def settings(self) -> Path:
        """How Limen runs here."""
        return self.root / "limen.toml"

    @property
    def log(self) -> Path:
        """The signals and events logs."""
        return self.root / "log.sqlite"

    @property
    def quarantine(self) -> Path:
        """What could not be read, whole."""
        return self.root / "quarantine.sqlite"

    @property
    def history(self) -> Path:
        """The folder of the embedded history."""
        return self.root / "history"

    @property
    def key(self) -> Path:
        """The key of the credentials' hashes."""
        return self.root / "key"


class Settings(Document):
    """How Limen runs. Each field has an environment variable, `LIMEN_` and its name in capitals."""

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["console", "json", "auto"] = Field(
        "auto", description="auto: console on a terminal, JSON otherwise"
    )
    language: Literal["en", "zh"] = Field("en", description="Of labels and summaries")
    clock_seconds: Annotated[float, Field(gt=0)] = Field(
        1, description="How often a clock signal moves the time of an idle site"
    )
    snapshot_every_signals: Annotated[int, Field(gt=0)] = Field(
        100_000, description="Fewer: faster starts, more writing"
    )
    import_batch_signals: Annotated[int, Field(gt=0)] = Field(
        10_000, description="Appended in one transaction"
    )
    engine_batch_signals: Annotated[int, Field(gt=0)] = Field(
        10_000, description="Decided in one transaction"
    )
    sink_batch_rows: Annotated[int, Field(gt=0)] = Field(
        50_000, description="Inserted into the history at once"
    )


def load_settings(home: Home, environ: Mapping[str, str]) -> Settings:
    """Return the settings of a home: its `limen.toml`, if there is one, and over it the environment.

    Raises:
        InvalidSettings: with every problem of both.
    """
    text = read_text(home.settings) if home.settings.exists() else ""
    try:
        written = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        match = re.search(r"\(at line (\d+), column \d+\)", str(error))
        line = int(match[1]) if match else text.count("\n") + 1  # else it is the end of the document
        raise InvalidSettings([Problem(str(home.settings), line, "", f"this is no TOML: {error}")]) from error
    variables = {
        field: environ[name] for field in Settings.model_fields if (name := PREFIX + field.upper()) in environ
    }
    found = [
        Problem(str(home.settings), _line(text, str(loc[0]) if loc else ""), ".".join(map(str, loc)), message)
        for loc, message in _complaints(written)
    ]
    found += [
        Problem("environment", None, PREFIX + str(loc[0]).upper() if loc else "", message)
        for loc, message in _complaints(variables)
    ]
    if found:
        raise InvalidSettings(found)
    return Settings.model_validate({**written, **variables})


def _complaints(given: dict[str, Any]) -> list[tuple[tuple[str | int, ...], str]]:
    try:
        Settings.model_validate(given)
    except ValidationError as error:
        return complaints(error, Settings)
    return []


def _line(text: str, field: str) -> int:
    """Return the line on which a top-level field or table of a TOML text is named."""
    named = re.compile(rf"""^\s*\[*\s*["']?{re.escape(field)}["']?\s*[=.\]]""")
    return next((line for line, written in enumerate(text.splitlines(), 1) if named.match(written)), 1)
