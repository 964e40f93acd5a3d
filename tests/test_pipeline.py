"""The pipeline: what the history is handed while the next signals are decided."""

import threading
from contextlib import closing
from pathlib import Path
from typing import Any

from domain.signal import Signal, Time, signal_id
from domain.vocabulary import Action, Category
from infra.pipeline import Pipeline
from streams.engine import Engine
from streams.runner import Runner
from streams.sqlite_log import SqliteLog


class Slow:
    """A history that takes nothing before it may."""

    def __init__(self) -> None:
        self.taken: list[int] = []
        self.may = threading.Event()

    def write(self, first_signal: int, signals: Any, first_event: int, events: Any) -> None:
        """Note how many rows were handed over at once."""
        del first_signal, first_event
        self.taken.append(len(signals) + len(events))
        assert self.may.wait(30)

    def catch_up(self) -> None:
        """Nothing is left."""


def _signal(number: int) -> Signal:
    return Signal(
        id=signal_id("reader", str(number)),
        site="lab",
        device="reader",
        category=Category.CREDENTIAL,
        action=Action.GRANTED,
        time=Time(number, number),
        point="nowhere",
        person="ann",
    )


def test_an_idle_history_is_handed_a_quarter_and_a_busy_one_waits_for_the_whole(tmp_path: Path) -> None:
    """Each batch is ten signals and the ten events that nobody knows their point: twenty rows."""
    history = Slow()
    with closing(SqliteLog.open(tmp_path / "log.sqlite")) as log:
        runner = Runner(log, 0, new=lambda: Engine("lab"), restore=Engine.restore)
        pipeline = Pipeline(log, runner, history, 0, batch=10, sink_rows=160)
        pipeline.append([_signal(number) for number in range(200)])
        decided = pipeline.decide()
        rows = [len(batch.signals) + len(batch.events) for batch in (next(decided), next(decided))]
        assert rows == [20, 20]
        for _ in range(7):
            next(decided)
        assert history.taken == [40], "it was idle, and a quarter of 160 was there; now it is busy"
        history.may.set()
        for _ in decided:
            pass
        pipeline.sink()
        assert sum(history.taken) == 400
        assert max(history.taken) <= 160
        pipeline.close()
