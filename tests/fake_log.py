"""A log in memory that loses its connection, or is silent for a while, when a test says so."""

from collections.abc import Collection, Sequence

from streams.forwarder import NoAnswerYet, Sent
from streams.log import LogUnavailable
from streams.quarantine import RejectionReason
from streams.spool import Waiting


class FakeLog:
    """A log of two partitions; when its patience ends, the connection is lost. It may be silent a while."""

    def __init__(self) -> None:
        self._sent = Sent()
        self.silent = 0
        self.partitions: dict[int, list[str]] = {0: ["other"] * 4, 1: []}
        self.patience: int | None = None
        self.away = False
        self.too_large = 100

    def partition_of(self, site: str) -> int:
        """Return 0 or 1."""
        return int(site[-1]) % 2

    def ask(self) -> None:
        """Answer, or not."""
        self._answer()

    def head(self, partition: int) -> int:
        """Return how many there are."""
        self._answer()
        return len(self.partitions[partition])

    def find(self, partition: int, from_offset: int, to_offset: int, ids: Collection[str]) -> set[str]:
        """Look."""
        self._answer()
        return set(self.partitions[partition][from_offset:to_offset]) & set(ids)

    def send(self, page: Sequence[Waiting]) -> None:
        """Take them one by one."""
        sent = self._sent = Sent()
        for one in page:
            self._answer()
            if self.patience is not None:
                if self.patience == 0:
                    self.patience = None
                    raise LogUnavailable("the connection was lost")
                self.patience -= 1
            if len(one.wire) > self.too_large:
                sent.refused.append((one, RejectionReason.TOO_LONG, "too large"))
                continue
            partition = self.partition_of(one.site)
            self.partitions[partition].append(one.id)
            sent.reached[partition] = len(self.partitions[partition])

    def arrived(self) -> Sent:
        """Tell what became of them, or nothing yet."""
        if self.silent:
            self.silent -= 1
            raise NoAnswerYet("the broker does not answer")
        return self._sent

    def _answer(self) -> None:
        if self.away:
            raise LogUnavailable("the broker does not answer")

    def numbers(self) -> list[int]:
        """Return the numbers of all ours, of one partition after another."""
        return [int(one, 16) for ids in self.partitions.values() for one in ids if one != "other"]
