"""What really happened: everybody's every move, and every incident that was planted."""

import json
from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from connectors.simulation.campus import OUTSIDE_CODE, Campus


class Move(NamedTuple):
    """A person stood in `zone` (or `outside`) from `at_us` (UTC microseconds) on."""

    person: str
    at_us: int
    zone: str


@dataclass(slots=True)
class Incident:
    """Something planted that ought to be noticed.

    `noticed_by` names the rule, or the event topic where no rule is concerned. `at_us` is the true time
    (UTC microseconds) of what shows it first; `signals` are the ids of the signals that show it, in order.
    """

    kind: str
    noticed_by: str
    person: str | None = None
    point: str | None = None
    zone: str | None = None
    device: str | None = None
    at_us: int = 0
    signals: list[str] = field(default_factory=list)


class Truth:
    """Moves (14 bytes each) and incidents of one simulation; everybody is outside before the first move."""

    def __init__(self, campus: Campus, persons: tuple[str, ...]) -> None:
        self._campus = campus
        self._persons = persons
        self._who = array("i")
        self._when = array("q")
        self._where = array("h")
        self.incidents: list[Incident] = []

    def __len__(self) -> int:
        return len(self._when)

    def extend(self, moves: list[tuple[int, int, int]]) -> None:
        """Add moves in order of time: (at in UTC microseconds, person's code, zone's code)."""
        self._when.extend(move[0] for move in moves)
        self._who.extend(move[1] for move in moves)
        self._where.extend(move[2] for move in moves)

    def moves(self) -> Iterator[Move]:
        """Yield every move in order of time."""
        persons, zones = self._persons, self._campus.zone_ids
        for person, at_us, zone in zip(self._who, self._when, self._where, strict=True):
            yield Move(persons[person], at_us, zones[zone])

    def occupancy(self, times: Iterable[int]) -> Iterator[dict[str, int]]:
        """Yield for each of these ascending times (UTC microseconds) how many are in every zone.

        Enclosing zones hold the persons of the zones within them; a move at the very time has happened.
        """
        zones, parents = self._campus.zone_ids[:-1], self._campus.parents
        inside = [0] * len(zones)
        place = [OUTSIDE_CODE] * len(self._persons)
        done = 0
        for time in times:
            while done < len(self) and self._when[done] <= time:
                person, zone = self._who[done], self._where[done]
                for start, step in ((place[person], -1), (zone, 1)):
                    above = start
                    while above != OUTSIDE_CODE:
                        inside[above] += step
                        above = parents[above]
                place[person] = zone
                done += 1
            yield dict(zip(zones, inside, strict=True))

    def write(self, path: Path) -> None:
        """Write `{"moves": [...], "incidents": [...]}` as JSON, one item on each line.

        Raises:
            OSError: the file cannot be written.
        """
        with path.open("w", encoding="utf-8") as file:
            file.write('{"moves": [')
            for number, move in enumerate(self.moves()):
                file.write((",\n" if number else "\n") + json.dumps(move._asdict()))
            file.write('\n], "incidents": [')
            for number, incident in enumerate(self.incidents):
                shown = {name: getattr(incident, name) for name in Incident.__slots__}
                file.write((",\n" if number else "\n") + json.dumps(shown))
            file.write("\n]}\n")
