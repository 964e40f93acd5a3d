"""Shares: what of a batch of messages is each site's, as rows where it can be (decision 20)."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from domain.records import CLOCK
from domain.signal import Signal, read_signal
from domain.vocabulary import Category
from streams.admission import Admission
from streams.bulk_admission import Admitted, admit_in_bulk
from streams.messages import Messages
from streams.worker.recent_ids import words_of

FEW: Final = 10
"""Fewer signals of a site are decided faster as objects than as rows.

The same holds for what stands between two others, which are decided one by one."""


@dataclass(frozen=True, slots=True)
class Share:
    """One site's signals of a batch.

    Attributes:
        site: whose they are.
        places: where they stand in the batch, ascending, shape (signals,), int64.
        others: those that were not admitted in bulk, as objects, by place.
        admitted: what of the batch was.
        messages: the batch.
    """

    site: str
    places: Any
    others: Mapping[int, Signal]
    admitted: Admitted
    messages: Messages

    @property
    def is_for_rows(self) -> bool:
        """Whether it is decided faster as rows, as far as they go."""
        return len(self.places) - len(self.others) >= FEW * (1 + len(self.others))

    def ids(self) -> Any:
        """Return the id of each signal that is no clock's, in order, as `RecentIds` takes it."""
        rows = self.admitted.rows
        ids = np.column_stack((rows["id_low"][self.places], rows["id_high"][self.places]))
        is_clock = rows["category"][self.places] == CLOCK
        for place, signal in self.others.items():
            at = np.searchsorted(self.places, place)
            ids[at], is_clock[at] = words_of([signal.id])[0], signal.category is Category.CLOCK
        return ids[~is_clock] if is_clock.any() else ids

    def parts(self) -> Iterator[tuple[Any, Signal | None]]:
        """Yield the places of signals admitted in bulk that stand together, or of one other, and that."""
        done = 0
        for place, signal in self.others.items():
            at = int(np.searchsorted(self.places, place))
            if done < at:
                yield self.places[done:at], None
            yield self.places[at : at + 1], signal
            done = at + 1
        if done < len(self.places):
            yield self.places[done:], None

    def signals(self) -> list[Signal]:
        """Return all of them as objects."""
        return [
            self.others.get(place) or read_signal(self.messages[place].value or b"")
            for place in self.places.tolist()
        ]


def shares(admission: Admission, messages: Messages) -> list[Share]:
    """Return the share of each site, as their first signals come; what is refused is in none."""
    admitted = admit_in_bulk(admission.limits, messages)
    others: dict[str, dict[int, Signal]] = {}
    for place in np.flatnonzero(~admitted.are).tolist():
        found = admission.admit(messages[place])
        if isinstance(found, Signal):
            others.setdefault(found.site, {})[place] = found
    codes = np.where(admitted.are, admitted.rows["site"], -1)
    order = np.argsort(codes.astype(np.int16) if len(admitted.sites) < 2**15 else codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(admitted.sites) + 1))
    places = {name: order[ends[code] : ends[code + 1]] for code, name in enumerate(admitted.sites)}
    made = []
    for name in dict.fromkeys([*places, *others]):
        at, other = places.get(name, order[:0]), others.get(name, {})
        if other:
            at = np.sort(np.concatenate([at, np.array(list(other), np.int64)]))
        if len(at):
            made.append(Share(name, at, other, admitted, messages))
    return sorted(made, key=lambda share: int(share.places[0]))
