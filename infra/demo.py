"""The demonstration: a recorded fortnight and a simulated day become occupancy, visits and alerts."""

import time
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Final

from rich.live import Live
from rich.text import Text

from domain.signal import Signal
from domain.times import MINUTE_US, utc
from infra.answers.feed import Fed, feed_signals, finish, import_files
from infra.control import apply_settings
from infra.directory_file import write_directory
from infra.failure import Failure
from infra.home import OpenHome
from infra.initialising import fresh_folder, initialise
from infra.language import Language
from infra.progress import shown
from infra.rendering import console, say
from infra.simulating import simulation_of
from infra.summary import next_steps, summarise

PERSONS: Final = 400
SEED: Final = 7
STEP_US: Final = 10 * MINUTE_US
"""The simulated day passes in steps of ten minutes."""
_FRAME_SECONDS: Final = 0.03
_LINE_EVERY_STEPS: Final = 12
_MARK: Final = ".limen-demo"
_BAR_CELLS: Final = 40


def demonstrate(root: Path, recording: Path) -> None:
    """Play the demonstration in a folder of its own.

    Raises:
        Failure: the folder holds something that is not an earlier demonstration, or the recording is missing.
    """
    if not recording.is_file():
        raise Failure(
            f"{recording}: there is no such file; run this in the project's folder, or give --recording"
        )
    fresh_folder(root, _MARK)
    recorded, campus = root / "gastech", root / "campus"
    initialise(recorded, "gastech")
    language = Language.of(recorded)
    _heading(language.say("A recorded fortnight: every badge reading of an office building"))
    with OpenHome(recorded) as home:
        with shown(wanted=True) as home.progress:
            fed = import_files(home, files=[str(recording.absolute())], source="prox")
        summarise(home, fed, language)
    initialise(campus, "campus")
    language = Language.of(campus)
    _heading(language.say("A simulated day: {n:,} people on a campus, faster than life", n=PERSONS))
    with OpenHome(campus) as home:
        fed = play(home, language)
        summarise(home, fed, language)
    next_steps(recorded, campus, language)


def _heading(line: str) -> None:
    say(f"\n{line}\n", "bold reverse" if console().is_terminal else "")


def play(home: OpenHome, language: Language) -> dict[str, int]:
    """Feed one simulated day to a home as its time goes by, showing who is inside; return what was fed."""
    simulation = simulation_of(home.site, home.policy, persons=PERSONS, days=1, seed=SEED, start=None)
    write_directory(home.paths.directory, simulation.directory)
    apply_settings(home)
    fed, out = Fed(), console()
    with Live(console=out, auto_refresh=False, transient=True) as live:
        for number, (at_us, signals) in enumerate(_steps(simulation.signals())):
            began = time.monotonic()
            feed_signals(home, signals, fed)
            inside = home.pipeline.runner.engine.occupancy()[""][0]
            line = _line(utc(at_us), inside, home, language)
            if out.is_terminal:
                live.update(line, refresh=True)
                time.sleep(max(0.0, _FRAME_SECONDS - (time.monotonic() - began)))
            elif number % _LINE_EVERY_STEPS == 0:
                out.print(line)
    finish(home)
    return asdict(fed)


def _steps(signals: Iterator[Signal]) -> Iterator[tuple[int, list[Signal]]]:
    """Yield signals in the order they came, ten minutes of receipt at a time."""
    for step, group in groupby(signals, lambda signal: signal.time.received_at // STEP_US):
        yield (step + 1) * STEP_US, list(group)


def _line(at: datetime, inside: int, home: OpenHome, language: Language) -> Text:
    local = at.astimezone(home.site.zone_info)
    full = min(round(inside * _BAR_CELLS / PERSONS), _BAR_CELLS)
    bar = "█" * full + "░" * (_BAR_CELLS - full)
    line = Text(language.say("{at:%H:%M} {bar} {n:,} inside", at=local, bar=bar, n=inside))
    line.highlight_words(["█"], "cyan")
    line.highlight_words(["░"], "dim")
    return line
