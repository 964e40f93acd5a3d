"""Simulated days, into a file or into a home.

The credentials of simulated people are keyed by the seed, not by the home: they are nobody's, and the same
seed gives the same signals everywhere.
"""

import os
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from connectors.simulation import DEFAULT_START, City, Simulation, simulate
from domain.errors import DomainError
from domain.policy import Policy
from domain.signal import Signal, write_signal
from domain.site import Document, Site
from infra.control import apply_settings, first_loading
from infra.directory_file import directory_beside, write_directory
from infra.failure import Failure, WrongUse
from infra.policy_file import load_policy
from infra.settings import Home
from infra.site_file import load_site
from infra.whole_file import whole_file

if TYPE_CHECKING:
    from infra.home import OpenHome

_FIRST_DAY: Final = date(2000, 1, 1)
_LAST_DAY: Final = date(2199, 12, 31)
"""Signals from before or after are refused everywhere."""


def simulate_to_file(
    root: Path, out: Path, *, persons: int, days: int, seed: int, start: str | None, truth: str | None
) -> dict[str, Any]:
    """Write simulated signals as JSON lines; the site is the home's, or the campus where there is none.

    Their people are written beside it (`directory_beside`): without them a home would know none of the cards.

    Raises:
        Failure: the site cannot be simulated, or the file cannot be written.
    """
    site, policy = _site_and_policy(root)
    simulation = simulation_of(site, policy, persons=persons, days=days, seed=seed, start=start)
    with whole_file(out) as part:
        count = simulation.write_signals(part)
    write_truth(simulation, truth)
    directory = directory_beside(out)
    with whole_file(directory) as part:
        write_directory(part, simulation.directory)
    return {
        "signals": count,
        "file": str(out),
        "directory": str(directory),
        "persons": len(simulation.directory.persons),
    }


def simulate_city_to_file(
    root: Path,
    out: Path,
    *,
    sites: int,
    persons: int,
    days: int,
    seed: int,
    start: str | None,
    truth: str | None,
) -> dict[str, Any]:
    """Write the signals of a city's sites as JSON lines, each site's documents first.

    Every site is like the home's, or the campus where there is none.

    Raises:
        Failure: the site cannot be simulated, or the file cannot be written.
    """
    city = city_of(root, sites=sites, persons=persons, days=days, seed=seed, start=start)
    count = 0
    with whole_file(out) as part, part.open("wb") as file:
        for signal in city_signals(city):
            file.write(write_signal(signal) + b"\n")
            count += 1
    if truth is not None:
        with whole_file(Path(truth)) as part:
            city.write_truth(part)
    return {"signals": count, "file": str(out), "persons": sites * persons, "sites": sites}


def city_of(root: Path, *, sites: int, persons: int, days: int, seed: int, start: str | None) -> City:
    """Return a city whose sites are like that of a home, or like the campus where there is none.

    Raises:
        WrongUse: `start` is no date, or one out of range.
        Failure: the site lacks what a simulation needs.
    """
    site, policy = _site_and_policy(root)
    first = _first_day(start, days)
    try:
        return City(site, policy, sites=sites, persons=persons, days=days, seed=seed, start=first)
    except DomainError as error:
        raise _unfit(site, error) from error


def city_signals(city: City) -> Iterator[Signal]:
    """Yield what every site's log begins with, its documents, and then the signals of all sites."""
    for simulation in city.simulations:
        site = simulation.campus.site
        documents: dict[str, Document] = {
            "site": site,
            "policy": simulation.policy,
            "directory": simulation.directory,
        }
        yield from first_loading(documents, site.id, simulation.begins_at_us)
    yield from city.signals()


def simulate_into(
    home: "OpenHome", *, persons: int, days: int, seed: int, start: str | None, truth: str | None
) -> dict[str, int]:
    """Feed simulated days to a home, whose directory becomes the simulation's.

    A directory that holds anybody else is kept beside it, under a name of its own (`_kept_name`).
    """
    from infra.answers.feed import Fed, feed_signals, finish

    home.read_again()
    simulation = simulation_of(home.site, home.policy, persons=persons, days=days, seed=seed, start=start)
    path = home.paths.directory
    if home.directory != simulation.directory:
        part = path.with_name(f"{path.name}.part")
        write_directory(part, simulation.directory)  # first: where there is no room, all stays as it was
        if home.directory.persons:
            path.replace(_kept_name(path))
        part.replace(path)
    apply_settings(home)
    fed, signals = Fed(), iter(simulation.signals())
    while chunk := list(islice(signals, home.settings.import_batch_signals)):
        feed_signals(home, chunk, fed)
        home.progress("signals", fed.read, None)
        if home.stopping():
            raise Failure("the process that owns the home is stopping: simulate the same days again later")
    finish(home)
    home.progress("signals", fed.read, fed.read)
    write_truth(simulation, truth)
    return asdict(fed)


def _kept_name(directory: Path) -> Path:
    """Return where it is kept: `directory.csv.before`, or `.before-2` and so on where that is taken."""
    before = kept = directory.with_name(f"{directory.name}.before")
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = before.with_name(f"{before.name}-{number}")
    return kept


def simulation_of(
    site: Site, policy: Policy, *, persons: int, days: int, seed: int, start: str | None
) -> Simulation:
    """Return the simulation of a site.

    Raises:
        WrongUse: `start` is no date, or one out of range.
        Failure: the site lacks what a simulation needs.
    """
    first = _first_day(start, days)
    try:
        return simulate(site, policy, persons=persons, days=days, seed=seed, start=first)
    except DomainError as error:
        raise _unfit(site, error) from error


def _site_and_policy(root: Path) -> tuple[Site, Policy]:
    home = Home(root)
    with resources.as_file(resources.files("infra") / "templates" / "campus") as campus:
        if not home.site.exists():
            home = Home(campus)
        site = load_site(home.site)
        return site, load_policy(home.policy, site)


def _first_day(start: str | None, days: int) -> date:
    try:
        first = DEFAULT_START if start is None else date.fromisoformat(start)
    except ValueError:
        raise WrongUse(f"--start: {start!r} is no date; write it as {DEFAULT_START}") from None
    if first < _FIRST_DAY or days > (_LAST_DAY - first).days:
        raise WrongUse(f"--start, --days: there is nothing to play before {_FIRST_DAY} and after {_LAST_DAY}")
    return first


def _unfit(site: Site, error: DomainError) -> Failure:
    return Failure(f"the site {site.id} cannot be simulated: {error}; a home of the template campus can")


def write_truth(simulation: Simulation, truth: str | None) -> None:
    """Write where everybody really was, if it is wanted."""
    if truth is not None:
        with whole_file(Path(truth)) as part:
            simulation.write_truth(part)
