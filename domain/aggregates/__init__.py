"""The aggregates: a visit, a zone's occupancy and a door, rebuilt by folding the engine's events.

They decide nothing. Given the events that concern one, in log order, each is what the engine's state was
after the last of them (`docs/rules.md`, 6, 7 and 9).
"""

from domain.aggregates.door import Door
from domain.aggregates.fact import Fact
from domain.aggregates.visit import Step, Visit
from domain.aggregates.zone_occupancy import ZoneOccupancy

__all__ = ["Door", "Fact", "Step", "Visit", "ZoneOccupancy"]
