"""The rules of `docs/rules.md` a second time, in plain Python, to hold the engine against.

Written from that page and not from the engine's code: no arrays, nothing compiled, no clever state. Each
file is one or two sections of the page and cites its rule numbers; `# rules.md N.N:` marks a place where
the page can be read in more than one way, and says which reading was taken. What is counted is counted
anew each time, and what is due is looked for among everything that waits: slow, and easy to check.
"""

from .history import occupancy_at, places_at
from .model import SlowModel

__all__ = ["SlowModel", "occupancy_at", "places_at"]
