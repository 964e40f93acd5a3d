"""A relay that stands still when it is about to append, its claim in hand: `python -m tests.relay.stalling`.

It stops itself once, and goes on when somebody continues it. Its claims last two seconds.
"""

import os
import signal
from collections.abc import Sequence
from typing import Any

from infra import relay_process
from infra.cli import main
from infra.command_side import teller
from streams.log import Appended, Draft


class StallingLog(teller.ClaimedLog):
    """Stands still before its first append."""

    stalled = False

    def append(self, partition: int, signals: Sequence[Draft]) -> Appended:
        """Append, after a while."""
        if not StallingLog.stalled:
            StallingLog.stalled = True
            os.kill(os.getpid(), signal.SIGSTOP)
        return super().append(partition, signals)


class HastyTeller(teller.Teller):
    """Loses its claims soon."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments, claim_seconds=2)


if __name__ == "__main__":
    teller.ClaimedLog = StallingLog  # type: ignore[misc]
    relay_process.Teller = HastyTeller  # type: ignore[misc]
    main()
