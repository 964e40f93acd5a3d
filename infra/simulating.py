"""Simulated days, into a file or into a home.

The credentials of simulated people are keyed by the seed, not by the home: they are nobody's, and the same
seed gives the same signals everywhere.
"""

from dataclasses import asdict
from datetime import date
from importlib import resources
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from connectors.simulation import DEFAULT_START, Simulation, simulate
from domain.errors import DomainError
from domain.policy import Policy
from domain.site import Site
from infra.failure import Failure, WrongUse
from infra.policy_file import load_policy
from infra.settings import Home
from infra.site_file import load_site

if TYPE_CHECKING:
    from infra.home import OpenHome


def simulate_to_file(
    root: Path, out: Path, *, persons: int, days: int, seed: int, start: str | None, truth: str | None
) -> dict[str, Any]:
    """Write simulated signals as JSON lines; the site is the home's, or the campus where there is none.

    Raises:
        Failure: the site cannot be simulated, or the file cannot be written.
    """
    home = Home(root)
    with resources.as_file(resources.files("infra") / "templates" / "campus") as campus:
        if not home.site.exists():
            home = Home(campus)
        site = load_site(home.site)
        policy = load_policy(home.policy, site)
    simulation = simulation_of(site, policy, persons=persons, days=days, seed=seed, start=start)
    count = simulation.write_signals(out)
    write_truth(simulation, truth)
    return {"signals": count, "file": str(out), "persons": len(simulation.directory.persons)}


def simulate_into(
    home: "OpenHome", *, persons: int, days: int, seed: int, start: str | None, truth: str | None
) -> dict[str, int]:
    """Feed simulated days to a home, whose directory becomes the simulation's.

    A directory that holds anybody else is kept beside it as `directory.csv.before`.
    """
    from infra.answers.feed import Fed, feed_signals, finish
    from infra.control import apply_settings
    from infra.directory_file import write_directory

    home.read_again()
    simulation = simulation_of(home.site, home.policy, persons=persons, days=days, seed=seed, start=start)
    path = home.paths.directory
    if home.directory != simulation.directory:
        if home.directory.persons:
            path.replace(path.with_name(f"{path.name}.before"))
        part = path.with_name(f"{path.name}.part")
        write_directory(part, simulation.directory)
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


def simulation_of(
    site: Site, policy: Policy, *, persons: int, days: int, seed: int, start: str | None
) -> Simulation:
    """Return the simulation of a site.

    Raises:
        WrongUse: `start` is no date.
        Failure: the site lacks what a simulation needs.
    """
    try:
        first = DEFAULT_START if start is None else date.fromisoformat(start)
    except ValueError:
        raise WrongUse(f"--start: {start!r} is no date; write it as {DEFAULT_START}") from None
    try:
        return simulate(site, policy, persons=persons, days=days, seed=seed, start=first)
    except DomainError as error:
        raise Failure(
            f"the site {site.id} cannot be simulated: {error}; a home of the template campus can"
        ) from error


def write_truth(simulation: Simulation, truth: str | None) -> None:
    """Write where everybody really was, if it is wanted."""
    if truth is not None:
        simulation.write_truth(Path(truth))
