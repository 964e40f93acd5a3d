"""A simulated campus: signals as its devices would send them, and the truth behind them.

People commute, lunch, meet, visit, guard and clean; `days` plans them, `incidents` plants what goes wrong,
`passages` lets everybody through the doors, `delivery` turns what the devices report into signals.

The law it keeps: from 5 seconds after one true move to 5 seconds before the next, the number of persons in
every zone lies within the bounds of `docs/rules.md`, sections 7 and 8, as known with every signal. So
nobody passes a point unread except behind another at a turnstile with a counter, and nobody whom the
readings show elsewhere is granted a passage that they do not make.
"""

from connectors.simulation.city import City
from connectors.simulation.simulation import DEFAULT_START, Simulation, simulate
from connectors.simulation.truth import Incident, Move, Truth

__all__ = ["DEFAULT_START", "City", "Incident", "Move", "Simulation", "Truth", "simulate"]
