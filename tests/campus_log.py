"""A simulated campus as a log: its documents, its signals, and the truth behind them."""

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.simulation import Simulation
from domain.signal import Signal, Time, signal_id
from domain.site import Site
from domain.vocabulary import Action, Category
from tests.simulation.runs import POLICY, SECOND, SITE, campus


@dataclass(frozen=True)
class CampusLog:
    """What a campus's log holds from its first signal on: site, policy, directory, then the simulation."""

    site: Site
    simulation: Simulation
    signals: list[Signal]


def campus_log(*, persons: int, days: int, seed: int) -> CampusLog:
    """Return the log of the template's campus."""
    simulation = campus(persons, days, seed)
    return CampusLog(SITE, simulation, with_documents(simulation, list(simulation.signals())))


def with_documents(simulation: Simulation, signals: Sequence[Signal]) -> list[Signal]:
    """Return a campus's signals, and before them those that load its documents."""
    begin = signals[0].time.received_at - SECOND
    documents = {"site": SITE, "policy": POLICY, "directory": simulation.directory}
    loads = [
        Signal(
            id=signal_id("desk", kind),
            site=SITE.id,
            device="desk",
            category=Category.CONTROL,
            action=Action.LOADED,
            time=Time(begin, begin),
            data={"kind": kind, "document": document.model_dump(mode="json")},
        )
        for kind, document in documents.items()
    ]
    return [*loads, *signals]
