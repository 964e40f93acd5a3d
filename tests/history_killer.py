"""A process to be killed: opens a history and sinks a long log into it, in small batches.

    python -m tests.history_killer FOLDER SIGNALS

prints `ready` when it has begun to write, and `done` when everything is written.
"""

import sys
from pathlib import Path

from domain.event import Event
from domain.signal import Signal, Time, signal_id
from domain.vocabulary import Action, Basis, Category, Severity, Topic
from projections import checkpoints
from projections.client import open_history
from projections.sink import SIGNALS, Sink
from tests.history_fixture import ListLog

START = 1_700_000_000_000_000


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
    """Sink the log into the history of this folder."""
    log = long_log(int(count))
    checkpoints.EVERY = 700  # type: ignore[misc] # so that there are kills in the middle of one
    with open_history(Path(folder)) as history:
        sink = Sink(history, log, 0, batch_rows=200)
        sink.advance(SIGNALS)
        print("ready", flush=True)  # noqa: T201
        sink.catch_up()
        print("done", flush=True)  # noqa: T201


if __name__ == "__main__":
    main(*sys.argv[1:])
