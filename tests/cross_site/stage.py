"""The second stage as a process of its own, which a test can kill."""

import os
import signal
import sys
import threading
from collections.abc import Sequence

from domain.signal import Signal
from streams.cross_site.rules import Limits
from streams.cross_site.worker import CrossSiteWorker
from streams.kafka.settings import KafkaSettings
from streams.kafka.telling import Telling


def settings(bootstrap: str, prefix: str) -> KafkaSettings:
    """Return the settings of the tests: two partitions, and the shortest session the broker allows."""
    return KafkaSettings(
        bootstrap_servers=bootstrap,
        topic_prefix=prefix,
        group=prefix,
        partitions=2,
        replication_factor=1,
        min_insync_replicas=1,
        session_seconds=6,
        client={"heartbeat.interval.ms": 500},
    )


def main() -> None:
    """Run until SIGTERM; with a third argument, be killed when so many signals have been told."""
    kafka = settings(*sys.argv[1:3])
    left = int(sys.argv[3]) if len(sys.argv) > 3 else sys.maxsize
    stopping = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stopping.set())
    telling = Telling(kafka)

    def tell(signals: Sequence[Signal]) -> None:
        nonlocal left
        telling(signals)
        left -= len(signals)
        if left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)  # durable, and not yet committed

    CrossSiteWorker(kafka, Limits(), tell).run(stopping)
    telling.close()


if __name__ == "__main__":
    main()
