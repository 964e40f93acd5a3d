"""A log that cannot be read is kept and told; one that is another log is refused."""

from collections.abc import Sequence

import pytest

from domain.columns import event_columns, signal_columns
from projections.client import History
from projections.errors import HistoryIncomplete
from projections.sink import Sink
from tests.history.logs import a_log, a_signal, is_exact
from tests.history_fixture import Entry, ListLog


def test_what_cannot_be_read_is_kept_and_told(history: History) -> None:
    """Bytes that are no signal and numbers no column holds stop nothing: they are told, and kept."""
    log = a_log(3)
    log.signals.append(Entry(3, "x", b"\xff\x00 not a signal"))
    log.add(a_signal(4, seq=2**64), a_signal(5))
    log.events.append(Entry(len(log.events), "y", b"{}"))
    told: list[tuple[str, int, bytes, str]] = []
    Sink(history, log, 0, on_unreadable=lambda *what: told.append(what)).catch_up()
    assert {(kind, offset) for kind, offset, _, _ in told} == {("signals", 3), ("signals", 4), ("events", 5)}
    assert len(told) == 3
    [kept] = history.rows("SELECT hex(wire) AS bytes, unreadable FROM signals WHERE offset = 3")
    assert bytes.fromhex(kept["bytes"]) == b"\xff\x00 not a signal"
    assert "not a signal" in kept["unreadable"]
    assert is_exact(history, log)


def test_another_log_is_refused(history: History) -> None:
    """A log that does not go on where the history ends is not taken for its continuation."""

    class Gap(ListLog):
        def read(self, partition: int, from_offset: int, limit: int) -> Sequence[Entry]:
            return super().read(partition, from_offset + 1, limit)

    with pytest.raises(HistoryIncomplete, match="do not go on at offset 0"):
        Sink(history, Gap(a_log(5).signals), 0).catch_up()


def test_a_log_that_ends_before_the_history_is_refused(history: History) -> None:
    """A log that was lost, or an older one in its place, is told; a new one is not taken for the rest."""
    log = a_log(5)
    Sink(history, log, 0).catch_up()
    for short in (ListLog(), ListLog(log.signals[:4], log.events), ListLog(log.signals, log.events[:3])):
        sink = Sink(history, short, 0)
        with pytest.raises(HistoryIncomplete, match="Restore the log"):
            sink.catch_up()
        with pytest.raises(HistoryIncomplete, match="Restore the log"):
            sink.write(0, signal_columns([a_signal(number) for number in range(9)]), 0, event_columns([]))
    assert is_exact(history, log)
