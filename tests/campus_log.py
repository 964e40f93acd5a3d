"""A simulated campus as a log: its documents, its signals, and the truth behind them."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml

import infra
from connectors.simulation import Simulation, simulate
from domain.policy import Policy
from domain.signal import Signal, Time, signal_id
from domain.site import Site
from domain.vocabulary import Action, Category

_TEMPLATE: Final = Path(infra.__file__).parent / "templates" / "campus"
SECOND: Final = 1_000_000


@dataclass(frozen=True)
class CampusLog:
    """What a campus's log holds from its first signal on: site, policy, directory, then the simulation."""

    site: Site
    simulation: Simulation
    signals: list[Signal]


def campus_log(*, persons: int, days: int, seed: int) -> CampusLog:
    """Return the log of the template's campus."""
    site = Site.model_validate(_document("site.yaml"))
    policy = Policy.model_validate(_document("policy.yaml"))
    simulation = simulate(site, policy, persons=persons, days=days, seed=seed)
    signals = list(simulation.signals())
    begin = signals[0].time.received_at - SECOND
    documents = {"site": site, "policy": policy, "directory": simulation.directory}
    loads = [
        Signal(
            id=signal_id("desk", kind),
            site=site.id,
            device="desk",
            category=Category.CONTROL,
            action=Action.LOADED,
            time=Time(begin, begin),
            data={"kind": kind, "document": document.model_dump(mode="json")},
        )
        for kind, document in documents.items()
    ]
    return CampusLog(site, simulation, loads + signals)


def _document(name: str) -> Any:
    return yaml.safe_load((_TEMPLATE / name).read_text(encoding="utf-8"))
