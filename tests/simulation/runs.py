"""Simulations of the template's campus, with their signals and their truth."""

from pathlib import Path
from typing import Any

import yaml

import infra
from connectors.simulation import Simulation, Truth, simulate
from domain.policy import Policy
from domain.site import Site

TEMPLATE = Path(infra.__file__).parent / "templates" / "campus"
SECOND = 1_000_000


def template(name: str) -> Any:
    """Return a document of the template as plain YAML."""
    return yaml.safe_load((TEMPLATE / name).read_text(encoding="utf-8"))


SITE = Site.model_validate(template("site.yaml"))
POLICY = Policy.model_validate(template("policy.yaml"))


def campus(persons: int = 60, days: int = 1, seed: int = 7, **more: Any) -> Simulation:
    """Return a simulation of the template."""
    return simulate(SITE, POLICY, persons=persons, days=days, seed=seed, **more)


class Run:
    """A simulation with its signals and truth."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.signals = list(simulation.signals())
        self.truth: Truth = simulation.truth
        self.by_id = {signal.id: signal for signal in self.signals}
