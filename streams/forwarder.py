"""The forwarder: moves what waits in the spool into a log that cannot refuse duplicates, once and in order.

Signals go a page at a time, and a page is removed from the spool when all of it stands in the log. Killed in
between, the page was sent in part, and nobody knows which part: so before the first page after a start, the
end of the log is read, from where it was known to hold ours, and what of the page stands there is not sent
again. What was still under way from a process just killed arrives while the next one starts; should it come
later than that, the log has it twice, and whoever decides the log knows the second by its id.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from streams.log import LogUnavailable
from streams.quarantine import RejectionReason
from streams.spool import Spool, Waiting

PAGE: Final = 5_000
"""Signals in one page: enough to hide what a commit of the spool costs, few to look for after a kill."""
PAGE_BYTES: Final = 16_000_000
"""About what they take together: signals may be large, and all of a page is in memory at once."""


@dataclass(slots=True)
class Sent:
    """What became of a page: behind which offset of each partition it stands, and what was refused."""

    reached: dict[int, int] = field(default_factory=dict)
    refused: list[tuple[Waiting, RejectionReason, str]] = field(default_factory=list)


Refuse = Callable[[Waiting, RejectionReason, str], None]
"""Keeps what the log will never take: why, and a sentence for people."""


class NoAnswerYet(LogUnavailable):
    """The log is silent about what was sent to it; whoever waits on learns what became of it."""


class Target(Protocol):
    """Where signals go."""

    def partition_of(self, site: str) -> int:
        """Return the partition of a site's signals."""

    def ask(self) -> None:
        """Ask for something, to see that it answers.

        Raises:
            LogUnavailable: it does not.
        """

    def head(self, partition: int) -> int:
        """Return the offset the next signal will get.

        Raises:
            LogUnavailable: it does not answer.
        """

    def find(self, partition: int, from_offset: int, to_offset: int, ids: Collection[str]) -> set[str]:
        """Return which of these ids stand in a part of a partition.

        Raises:
            LogUnavailable: it does not answer.
        """

    def send(self, page: Sequence[Waiting]) -> None:
        """Begin to send signals, in order; `arrived` tells what becomes of them.

        Raises:
            LogUnavailable: nobody knows which of them stand there; sending must begin as after a start.
        """

    def arrived(self) -> Sent:
        """Wait until each signal that was sent stands in the log or is refused for good.

        Raises:
            NoAnswerYet: the log has been silent for some time; they are under way, and may be waited for.
            LogUnavailable: nobody knows which of them stand there; sending must begin as after a start.
        """


class Forwarder:
    """Moves one spool's signals into one target; for one thread.

    Args:
        spool: where they wait.
        target: where they go.
        refuse: called before what is refused is removed from the spool.
    """

    def __init__(self, spool: Spool, target: Target, refuse: Refuse) -> None:
        self._spool = spool
        self._target = target
        self._refuse = refuse
        self._certain = False
        self._under_way: list[Waiting] = []

    def step(self, limit: int = PAGE) -> int:
        """Move the oldest page; return how many signals left the spool, 0 if none wait.

        Raises:
            LogUnavailable: the log or the spool cannot be reached; what was not moved waits on.
        """
        if not self._under_way:
            self._under_way = self._begin(limit)
        page = self._under_way
        if not page:
            return 0
        try:
            sent = self._target.arrived()
        except NoAnswerYet:
            raise  # given up, it might arrive after it had been looked for, and stand there twice
        except BaseException:
            self._under_way = []
            raise
        self._under_way = []
        for refused in sent.refused:
            self._refuse(*refused)
        self._spool.remove(page, sent.reached)
        self._certain = True
        return len(page)

    def ask(self) -> None:
        """Ask the log for something: where nothing waits, nothing else shows that it is away.

        Raises:
            LogUnavailable: it does not answer.
        """
        self._target.ask()

    def _begin(self, limit: int) -> list[Waiting]:
        """Send what of the oldest page is not there yet; return the page."""
        page = self._spool.waiting(limit, PAGE_BYTES)
        if not page:
            return page
        certain, self._certain = self._certain, False  # until this page stands in the log
        reached = self._spool.reached()
        there = set[str]() if certain else self._already_there(page, reached)
        new = {self._target.partition_of(one.site) for one in page} - reached.keys()
        if new:  # nothing of ours can stand there yet: looked for from here on, if we are killed now
            self._spool.keep_reached({partition: self._target.head(partition) for partition in new})
        self._target.send([one for one in page if one.id not in there] if there else page)
        return page

    def _already_there(self, page: Sequence[Waiting], reached: Mapping[int, int]) -> set[str]:
        ids: dict[int, list[str]] = {}
        for one in page:
            ids.setdefault(self._target.partition_of(one.site), []).append(one.id)
        found: set[str] = set()
        for partition, wanted in ids.items():
            if partition in reached:
                end = self._target.head(partition)
                found |= self._target.find(partition, reached[partition], end, wanted)
        return found
