"""Shares: what of a batch of messages is each site's, as columns where it can be (decision 20).

A message is taken into columns only where it plainly is a signal: `Admission.admit` would admit it, and it is
written as we write it. All others are for `admit`, which alone says what is refused, and why.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Any, Final

import numpy as np
import pyarrow as pa

from domain.column_bounds import keep_to_bounds
from domain.columns import SIGNAL_COLUMNS, are_orders, whole
from domain.signal import Signal, read_signal
from domain.wire_layout import SIGNAL_LAYOUT
from domain.wire_scanning import can_scan, scan
from streams.admission import SCHEMA_HEADER, Admission, Limits, Message, site_in_key

FEW: Final = 200
"""Fewer signals of a site are decided faster as objects than it takes to make columns of them.

The same holds for what stands between two orders, which are decided one by one."""


@dataclass(frozen=True, slots=True)
class Share:
    """One site's signals of a batch; `table`, of `SIGNAL_COLUMNS`, is None where they are for objects.

    `places`: where they stand in the batch, ascending, shape (signals,).
    """

    site: str
    places: Any
    table: pa.Table | None
    messages: Sequence[Message]
    others: Mapping[int, Signal]

    def signals(self) -> list[Signal]:
        """Return them as objects."""
        return [
            self.others.get(place) or read_signal(self.messages[place].value or b"")
            for place in self.places.tolist()
        ]


def shares(admission: Admission, messages: Sequence[Message]) -> list[Share]:
    """Return the share of each site, as their first signals come; what is refused is in none."""
    table, places = admit_columns(admission.limits, messages)
    others = _others(admission, messages, places)
    of_site: dict[str, dict[int, Signal]] = {}
    for place, signal in others.items():
        of_site.setdefault(signal.site, {})[place] = signal
    sites = whole(table, "site")
    codes, names = sites.indices.to_numpy(), sites.dictionary.to_pylist()
    orders = are_orders(whole(table, "category"), whole(table, "action"))
    order = np.argsort(codes, kind="stable")
    ends = np.searchsorted(codes[order], np.arange(len(names) + 1))
    rows_of = {name: order[ends[code] : ends[code + 1]] for code, name in enumerate(names)}
    none = np.zeros(0, np.int64)
    found = []
    for name in dict.fromkeys([*names, *of_site]):
        rows, other = rows_of.get(name, none), of_site.get(name, {})
        at = np.sort(np.concatenate([places[rows], np.array(list(other), np.int64)]))
        if len(at):
            in_columns = not other and len(rows) >= FEW * (1 + orders[rows].sum())
            own = table.take(pa.array(rows)) if in_columns else None
            found.append(Share(name, at, own, messages, other))
    return sorted(found, key=lambda share: int(share.places[0]))


def admit_columns(limits: Limits, messages: Sequence[Message]) -> tuple[pa.Table, Any]:
    """Return the signals of messages that hold them as we write them, without an object for each.

    Returns a table of `SIGNAL_COLUMNS`, and the places of its rows among the messages, ascending. What is in
    it, `Admission.admit` would admit as well. The messages left out are for it, which may admit them.
    """
    values = [message.value or b"" for message in messages]
    if not can_scan(values):
        return SIGNAL_COLUMNS.empty_table(), np.zeros(0, np.int64)
    signals, fits = scan(values, SIGNAL_LAYOUT)
    places = np.flatnonzero(fits)
    sites = whole(signals, "site")
    keys = _keys(limits, sites.dictionary.to_pylist())
    count = len(messages)
    site_in_keys = np.fromiter((keys.get(message.key, -1) for message in messages), np.int64, count)
    site_in_keys[np.fromiter(map(len, values), np.int64, count) > limits.message_bytes] = -1
    for place, schema in enumerate(map(attrgetter("schema"), messages)):
        if schema is not None and schema != SCHEMA_HEADER:
            site_in_keys[place] = -1
    appended_at = np.fromiter(map(attrgetter("appended_at"), messages), np.int64, count)
    occurred_at, received_at = (
        whole(signals, name).view(pa.int64()).to_numpy() for name in ("occurred_at", "received_at")
    )
    ahead = np.minimum(occurred_at, received_at) - appended_at[places]
    admitted = (site_in_keys[places] == sites.indices.to_numpy()) & (ahead <= limits.clock_ahead_us)
    admitted &= keep_to_bounds(signals)
    return (signals, places) if admitted.all() else (signals.filter(pa.array(admitted)), places[admitted])


def _keys(limits: Limits, sites: Sequence[str]) -> dict[bytes | None, int]:
    """Return the place of each site by its key, where such a key may stand here."""
    keys = enumerate(site.encode() for site in sites)
    return {
        key: place for place, key in keys if isinstance(site_in_key(Message(0, key, None, 0), limits), str)
    }


def _others(admission: Admission, messages: Sequence[Message], places: Any) -> dict[int, Signal]:
    """Return the signals of messages that stand at none of these places, by theirs."""
    is_left = np.ones(len(messages), np.bool_)
    is_left[places] = False
    found = {place: admission.admit(messages[place]) for place in np.flatnonzero(is_left).tolist()}
    return {place: signal for place, signal in found.items() if isinstance(signal, Signal)}
