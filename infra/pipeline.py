"""The pipeline: append → decide → commit → sink, the one way signals become history.

Killing the process between or inside any two steps loses and repeats nothing: the log refuses a signal it
has, events and position are committed together, and the history asks itself how far it has come. The history
is written by a thread of its own, one insert at a time, while the next signals are decided.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, Protocol

import pyarrow as pa

from domain.columns import column_values, joined, signal_columns
from domain.signal import Signal
from domain.wires import signal_wires
from streams.log import Appended, Draft, Log
from streams.runner import BATCH, Decided, Runner

SINK_ROWS: Final = 200_000
"""Signals and events inserted into the history at once: fewer, larger inserts are faster. A quarter of it
will do where the history has nothing else to write: so little is left for the end."""

Observer = Callable[[Decided], None]
"""Told of each batch once, when it has been committed, whoever had it decided."""


def no_observer(decided: Decided) -> None:
    """Look at nothing."""


class Sink(Protocol):
    """What the pipeline needs of the history."""

    def write(self, first_signal: int, signals: pa.Table, first_event: int, events: pa.Table) -> None:
        """Insert signals and events at hand from these offsets on, and what the log has before them."""

    def catch_up(self) -> object:
        """Insert every committed signal and event the history does not have."""


class Pipeline:
    """One site's way from signals to history. Not for use by two threads at once."""

    def __init__(
        self,
        log: Log,
        runner: Runner,
        sink: Sink,
        partition: int,
        *,
        batch: int = BATCH,
        sink_rows: int = SINK_ROWS,
        observer: Observer = no_observer,
    ) -> None:
        self.runner = runner
        self._log = log
        self._sink = sink
        self._partition = partition
        self._batch = batch
        self._sink_rows = sink_rows
        self._observer = observer
        self._appended: pa.Table | None = None
        self._decided: list[Decided] = []
        self._writer = ThreadPoolExecutor(1, "history")
        self._writing: Future[None] | None = None

    def append(self, signals: Sequence[Signal]) -> Appended:
        """Make signals durable, leaving out those the log has."""
        return self.append_columns(signal_columns(signals))

    def append_columns(self, signals: pa.Table) -> Appended:
        """Make a table of `SIGNAL_COLUMNS` durable, leaving out those the log has."""
        ids, sites = column_values(signals, "id"), column_values(signals, "site")
        appended = self._log.append(self._partition, list(map(Draft, ids, sites, signal_wires(signals))))
        if appended.first_offset != self.runner.engine.position:
            self._appended = None
        elif appended.duplicates:
            self._appended = signals.take(pa.array(appended.new, pa.int64()))
        else:
            self._appended = signals
        return appended

    def decide(self) -> Iterator[Decided]:
        """Decide and commit everything appended, batch by batch; some of it goes into the history already."""
        at_hand, self._appended = self._appended, None
        while decided := self.runner.step(self._batch, at_hand):
            at_hand = at_hand and at_hand[len(decided.signals) :]
            self._decided.append(decided)
            self._observer(decided)  # before the history, which may refuse: it is committed all the same
            rows = sum(len(batch.signals) + len(batch.events) for batch in self._decided)
            if rows >= (self._sink_rows // 4 if self._is_idle() else self._sink_rows):
                self._write_decided()
            yield decided

    def sink(self) -> None:
        """Bring the history up to what is committed."""
        self._write_decided()
        self._finish_writing()
        self._sink.catch_up()

    def advance(self) -> None:
        """Decide everything appended and bring the history up to it."""
        for _ in self.decide():
            pass
        self.sink()

    def close(self) -> None:
        """Wait for what is being written, and write no more; closing twice is harmless."""
        self._writer.shutdown()

    def _write_decided(self) -> None:
        self._finish_writing()
        batches, self._decided = self._decided, []  # if it fails, `catch_up` takes them from the log
        if batches:
            self._writing = self._writer.submit(
                self._sink.write,
                batches[0].first_signal,
                joined([batch.signals for batch in batches]),
                batches[0].first_event,
                joined([batch.events for batch in batches]),
            )

    def _is_idle(self) -> bool:
        return self._writing is None or self._writing.done()

    def _finish_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()
