"""What a process says of what it waits for."""

import structlog

from infra.observability.endpoints import Health
from infra.troubles import Trouble


def test_a_trouble_is_told_once_and_its_end_once() -> None:
    """However often it is said that something is away: two lines; readiness has the newest reason.

    Whoever is to know hears it before a line tells of it: who reads the line may ask for the metric at once.
    """
    health, told = Health(), list[tuple[str | None, int]]()
    health.started()
    with structlog.testing.capture_logs() as lines:
        trouble = Trouble("kafka", health, lambda reason: told.append((reason, len(lines))))
        for reason in (None, "it does not answer", "it refuses", None, None):
            trouble.tell(reason)
            assert trouble.is_away is (reason is not None)
            assert health.ready()[1]["waiting_for"] == ({} if reason is None else {"kafka": reason})
    assert [(line["event"], line["on"]) for line in lines] == [("waiting", "kafka"), ("going on", "kafka")]
    assert told == [("it does not answer", 0), (None, 1)]
