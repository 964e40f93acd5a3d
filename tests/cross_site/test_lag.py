"""How far the second stage is behind, with a real broker."""

import threading
import time
from collections.abc import Sequence
from contextlib import closing

from domain.signal import Signal
from infra.observability.lag import LagWatch, Place
from streams.cross_site.rules import Limits
from streams.cross_site.worker import CrossSiteWorker
from streams.kafka.ends import Ends
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling
from streams.kafka.topics import Topic
from streams.log import LogUnavailable
from tests.cross_site.rig import position, put, wait_for
from tests.cross_site.told import reading
from tests.told_lags import Told


def test_what_is_not_told_waits_and_what_is_told_does_not(log: KafkaSettings) -> None:
    """Findings that cannot be told make a lag that grows older; all told, nothing waits.

    Where the log ends in the mark of a transaction, or is empty, nothing waits either.
    """
    telling, stopping, may_tell, told = Telling(log), threading.Event(), threading.Event(), Told()

    def tell(signals: Sequence[Signal]) -> None:
        if not may_tell.is_set():
            raise LogUnavailable("away")
        telling(signals)

    worker = CrossSiteWorker(log, Limits(), tell)
    ends = Ends(log)

    def positions() -> dict[Place, int | None]:
        return {(Topic.PERSONS, partition): at for partition, at in worker.positions.items()}

    watch = LagWatch(ends, positions, told, told.troubled)

    def lags() -> list[tuple[int, float]]:
        watch.look()
        assert told.trouble is None
        return list(told.lags.values())

    thread = threading.Thread(target=worker.run, args=(stopping,))
    thread.start()
    try:
        wait_for(lambda: lags() == [(0, 0)] * log.partitions)
        put(log, [reading("berlin", 0), reading("lisbon", 20)])
        wait_for(lambda: any(count >= 2 for count, _ in lags()))
        seconds = max(seconds for _, seconds in lags())
        time.sleep(0.01)
        assert max(seconds for _, seconds in lags()) > seconds
        may_tell.set()
        wait_for(lambda: lags() == [(0, 0)] * log.partitions)
    finally:
        stopping.set()
        thread.join(60)
        telling.close()
    assert lags() == []
    ends.close()
    assert position(log) > 0


def test_the_mark_of_a_transaction_has_not_waited(log: KafkaSettings) -> None:
    """What stands in the log came when it was written; behind it there is nothing that waits."""
    before = time.time() * 1_000_000
    put(log, [reading("berlin", 0)])
    with closing(Ends(log)) as ends:

        def heads_now() -> list[int]:
            return [ends.head(Topic.PERSONS, partition) for partition in range(log.partitions)]

        wait_for(lambda: sorted(heads_now()) == [0, 2])  # the mark is written after the commit is answered
        heads = heads_now()
        came, mark = (ends.appended_at(Topic.PERSONS, heads.index(2), offset) for offset in (0, 1))
    assert before - 1_000 <= came < mark
