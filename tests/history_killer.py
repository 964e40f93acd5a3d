"""Processes to be killed: each opens a history and sinks a long log into it, in small batches.

    python -m tests.history_killer FOLDER SIGNALS

makes the log once; then, for each line of its input, it forks a child that sinks, kills it so many seconds
after it has begun to write, and prints its exit status.
"""

import os
import signal
import sys
import time
from pathlib import Path

from domain.event import Event
from domain.signal import Signal, Time, signal_id
from domain.vocabulary import Action, Basis, Category, Severity, Topic
from projections import checkpoints
from projections.client import open_history
from projections.sink import SIGNALS, Sink
from tests.history_fixture import ListLog

START = 1_700_000_000_000_000
EVENTS_BETWEEN = 700
"""Events between checkpoints: so few that there are kills in the middle of making one."""


def long_log(count: int) -> ListLog:
    """Return a log of `count` signals with rather more events, always the same one."""
    log = ListLog()
    for number in range(count):
        moment = START + number * 1_000_000
        person, visit = f"p{number % 50}", f"lab:visit:{number // 4}"
        log.add(
            Signal(
                id=signal_id("reader", str(number)),
                site="lab",
                device="reader",
                category=Category.CREDENTIAL,
                action=Action.GRANTED,
                time=Time(moment, moment),
                person=person,
                seq=number,
            )
        )
        topics = [(Topic.ZONE_ENTERED, Topic.ZONE_ENTERED, Topic.ZONE_ENTERED, Topic.SITE_LEFT)[number % 4]]
        topics += [Topic.VISIT_STARTED] if number % 4 == 0 else []
        topics += [Topic.ALERT_RAISED] if number % 10 == 0 else []
        topics += [Topic.PASSAGE_UNREGISTERED] if number % 17 == 0 else []
        for ordinal, topic in enumerate(topics):
            log.add(
                Event(
                    id=f"lab:{number}:{ordinal}",
                    site="lab",
                    topic=topic,
                    position=number,
                    ordinal=ordinal,
                    occurred_at=moment,
                    known_at=moment,
                    person=person,
                    zone=None if topic is Topic.SITE_LEFT else ("lobby", "office", "yard")[number % 3],
                    visit=visit,
                    basis=Basis.ASSUMED,
                    alert=f"lab:after_hours:{number}" if topic is Topic.ALERT_RAISED else None,
                    severity=Severity.INFO,
                    value=1,
                    causes=(number,),
                )
            )
    return log


def main(folder: str, count: str) -> None:
    """Answer requests until the input ends."""
    log = long_log(int(count))
    checkpoints.EVERY = EVENTS_BETWEEN  # type: ignore[misc]
    for seconds in sys.stdin:
        begun, begins = os.pipe()
        child = os.fork()  # the engine, whose threads would not survive it, is not open here
        if child == 0:
            _sink(Path(folder), log, begins)
            os._exit(0)
        os.close(begins)
        assert os.read(begun, 1)
        os.close(begun)
        time.sleep(float(seconds))
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)  # noqa: T201


def _sink(folder: Path, log: ListLog, begins: int) -> None:
    with open_history(folder) as history:
        sink = Sink(history, log, 0, batch_rows=200)
        sink.advance(SIGNALS)
        os.write(begins, b".")
        sink.catch_up()


if __name__ == "__main__":
    main(*sys.argv[1:])
