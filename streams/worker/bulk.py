"""Deciding a partition again in bulk: the events that `PartitionDecider` decides, as the bytes of the log.

Signals are objects, events are columns from the engine's rows to their wires.
"""

from typing import Any

import numpy as np
import pyarrow as pa

from domain.columns import event_columns, joined, whole
from domain.signal import Signal
from domain.wires import event_texts
from streams.deciding import decide_signals
from streams.engine import Engine
from streams.kafka.reader import Records
from streams.worker.admission import Limits
from streams.worker.bulk_admission import BulkAdmission
from streams.worker.partition import repeats
from streams.worker.recent_ids import RecentIds


class _Site:
    """A site: its engine, the ids it has shown, and what of the batch in hand is its."""

    __slots__ = ("engine", "offsets", "recent", "signals")

    def __init__(self, name: str) -> None:
        self.engine, self.recent = Engine(name), RecentIds()
        self.signals: list[Signal] = []
        self.offsets: list[int] = []

    def decide(self) -> list[pa.Table]:
        """Decide the batch in hand; return the events, those of repeated signals at the end."""
        signals, offsets = self.signals, self.offsets
        self.signals, self.offsets = [], []
        repeated = self.recent.admit([signal.id for signal in signals])
        told = []
        if repeated.any():
            told = [event_columns(repeats(self.engine.now, signals, offsets, repeated.tolist()))]
            offsets = [offset for offset, known in zip(offsets, repeated, strict=True) if not known]
            signals = [signal for signal, known in zip(signals, repeated, strict=True) if not known]
        return [decide_signals(self.engine, signals, offsets), *told]


class BulkDecider:
    """Decides one partition from its first message on. Not thread-safe."""

    def __init__(self, limits: Limits) -> None:
        self.position = 0
        """Offset of the next message."""
        self._admission = BulkAdmission(limits)
        self._sites: dict[str, _Site] = {}

    def decide(self, records: Records) -> Any:
        """Decide the messages at `position` and after, at least one, and move on behind them.

        Returns the events' wires in the order of the log, as an Arrow array of strings.

        Raises:
            ValueError: the messages do not follow one another from `position` on; nothing was decided.
        """
        start, stop = self.position, self.position + len(records.offsets)
        if records.offsets[0] != start or records.offsets[-1] != stop - 1:
            raise ValueError(f"messages {records.offsets[0]} to {records.offsets[-1]}, {start} is next")
        touched: dict[str, _Site] = {}
        for signal, offset in zip(*self._admission.admit(records), strict=True):
            site = touched.get(signal.site)
            if site is None:
                site = touched[signal.site] = self._site(signal.site)
            site.signals.append(signal)
            site.offsets.append(offset)
        tables = [table for site in touched.values() for table in site.decide()]
        self.position = stop
        if not tables:
            return pa.array([], pa.string())
        events = joined(tables)
        texts = event_texts(events)
        if len(tables) == 1:
            return texts
        return texts.take(pa.array(np.argsort(whole(events, "position").to_numpy(), kind="stable")))

    def _site(self, name: str) -> _Site:
        if name not in self._sites:
            self._sites[name] = _Site(name)
        return self._sites[name]
